//! `configurations`: settings and secrets in one object.

use std::collections::BTreeMap;

use ledger_contract::commands::SecretValue;
use ledger_domain::limits::{CONFIG_FIELDS, SECRET_FIELDS};
use ledger_domain::{CheckedText, Connection, FieldName, InvalidField};
use ledger_providers::{Facade, Field, FieldType, Provider};
use ledger_vault::Plaintext;
use serde_json::Value;

use super::shapes::Configurations;
use crate::{masks, settings};

/// What the names of masks begin with.
const MASKED: &str = "masked_";

/// Changes to settings and secrets, under the names they have in the ledger; `None` removes one.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) config: BTreeMap<String, Option<Value>>,
    pub(super) secrets: BTreeMap<String, Option<SecretValue>>,
}

/// What a value in a body is.
enum Given {
    Setting(Value),
    Secret(Plaintext),
    /// An empty secret says nothing.
    Nothing,
}

/// Tells whether Portkey knows a field: what only others know is neither shown nor touched.
pub(super) fn is_shown(provider: &Provider, name: &str) -> bool {
    provider.field(name).is_none_or(|field| field.is_at(Facade::Portkey))
}

/// Returns what a body's configurations change of a connection, or make of one that is not there.
/// They are all settings that there are to be, and the secrets that change. What a client was shown
/// masked says nothing when it is sent back, under either name.
///
/// Errors: `field_invalid`, which never repeats a value.
pub(super) fn read(
    provider: &Provider,
    stored: Option<&Connection>,
    given: Configurations,
) -> Result<Changes, InvalidField> {
    if given.len() > CONFIG_FIELDS + SECRET_FIELDS {
        return Err(InvalidField::new("configurations", "has too many entries"));
    }
    let mut changes = Changes::default();
    let mut names: Vec<String> = Vec::with_capacity(given.len());
    let is_setting =
        |name: &str| stored.is_some_and(|stored| stored.details.config.contains_key(name));
    let counts = |name: &str| !name.starts_with(MASKED) || is_setting(name);
    for (name, value) in given.into_iter().filter(|(name, _)| counts(name)) {
        if names.iter().any(|other| settings::same(Some(provider), other, &name)) {
            let problem = "names one field twice, in two spellings";
            return Err(InvalidField::new("configurations", problem));
        }
        changes.take(provider, stored, &name, value)?;
        names.push(name);
    }
    let there = stored.into_iter().flat_map(|stored| stored.details.config.keys());
    for field in there.map(FieldName::as_str) {
        let is_given = names.iter().any(|name| settings::same(Some(provider), name, field));
        if !is_given && is_shown(provider, field) {
            changes.config.insert(field.to_owned(), None);
        }
    }
    Ok(changes)
}

impl Changes {
    fn take(
        &mut self,
        provider: &Provider,
        stored: Option<&Connection>,
        name: &str,
        value: Value,
    ) -> Result<(), InvalidField> {
        let provider = Some(provider);
        let secret = stored.and_then(|stored| settings::secret(stored, provider, name));
        let setting = stored.and_then(|stored| settings::config(stored, provider, name));
        let secret_name = secret.map(|(field, _)| field.as_str());
        let setting_name = setting.map(|(field, _)| field.as_str());
        let place = secret_name.or(setting_name).unwrap_or(name).to_owned();
        if value.is_null() {
            self.config.extend(setting_name.map(|field| (field.to_owned(), None)));
            self.secrets.extend(secret_name.map(|field| (field.to_owned(), None)));
            return Ok(());
        }
        // What is sent back as it was shown stays what and where it is.
        if setting.is_some_and(|(_, stored)| settings::is_value(stored, &value)) {
            self.config.insert(place, Some(value));
            return Ok(());
        }
        let field = provider.and_then(|provider| provider.field(name));
        match given(field, name, secret.is_some(), value)? {
            Given::Nothing => {}
            Given::Secret(value) => {
                if secret.is_some_and(|(_, old)| masks::is_echo(&masks::portkey(&old.hint), &value))
                {
                    return Ok(());
                }
                self.config.extend(setting_name.map(|field| (field.to_owned(), None)));
                self.secrets.insert(place, Some(SecretValue(value)));
            }
            Given::Setting(value) => {
                self.secrets.extend(secret_name.map(|field| (field.to_owned(), None)));
                self.config.insert(place, Some(value));
            }
        }
        Ok(())
    }

    /// Takes the provider's key, which has a place of its own in bodies.
    ///
    /// Errors: `field_invalid` when the configurations name the same field.
    pub(super) fn take_key(
        &mut self,
        provider: &Provider,
        stored: Option<&Connection>,
        key: Option<SecretValue>,
    ) -> Result<(), InvalidField> {
        let main = stored.and_then(|stored| settings::main_secret(stored, Some(provider)));
        let name = main.map_or(super::mappings::KEY, |(field, _)| field.as_str());
        let echo = |key: &SecretValue| {
            main.is_some_and(|(_, old)| masks::is_echo(&masks::portkey(&old.hint), &key.0))
        };
        if key.as_ref().is_some_and(|key| key.0.is_empty() || echo(key)) {
            return Ok(());
        }
        if self.secrets.keys().any(|other| settings::same(Some(provider), other, name)) {
            return Err(InvalidField::new("key", "is among the configurations, too"));
        }
        if key.is_some() || main.is_some() {
            self.secrets.insert(name.to_owned(), key);
        }
        Ok(())
    }
}

/// Tells what a value is: a secret where there is one already, or as its provider's description
/// says, or else by its name.
fn given(
    field: Option<&Field>,
    name: &str,
    is_one: bool,
    value: Value,
) -> Result<Given, InvalidField> {
    let is_secret = is_one
        || match field {
            Some(field) => field.secret,
            // Whether a key is needed is no secret.
            None => ledger_providers::looks_secret(name) && !value.is_boolean(),
        };
    if !is_secret {
        return Ok(Given::Setting(value));
    }
    let wanted = field.map(|field| field.r#type);
    let is_object = |text: &str| serde_json::from_str::<Configurations>(text).is_ok();
    match value {
        Value::String(text) if text.is_empty() => Ok(Given::Nothing),
        // The text's buffer is moved, so that nothing of it is left elsewhere.
        Value::String(text) if wanted != Some(FieldType::Object) || is_object(&text) => {
            Ok(Given::Secret(Plaintext::from_string(text)))
        }
        Value::String(text) if text == masks::STARS => Ok(Given::Secret(Plaintext::new(text))),
        value if wanted.is_none_or(|wanted| wanted == FieldType::Object && value.is_object()) => {
            Ok(Given::Secret(Plaintext::from_string(value.to_string())))
        }
        _ => {
            let name = field.map_or(name, |field| field.name_at(Facade::Portkey));
            let problem = match wanted {
                Some(FieldType::Object) => "must be an object",
                _ => "must be a string",
            };
            Err(InvalidField::new(format!("configurations.{name}"), problem))
        }
    }
}

/// Shows settings as they are and secrets masked, the provider's key aside.
pub(super) fn show(connection: &Connection, provider: &Provider) -> Configurations {
    let known = Some(provider);
    let spelled = |name| settings::spelled(known, Facade::Portkey, name);
    let mut shown = Configurations::new();
    let settings = connection.details.config.iter();
    for (field, value) in settings.filter(|(field, _)| is_shown(provider, field.as_str())) {
        let name = spelled(field.as_str());
        // The field of that very name is the one that counts.
        if name == field.as_str() || !shown.contains_key(name) {
            let value = serde_json::from_str(value.text()).unwrap_or_default();
            shown.insert(name.to_owned(), value);
        }
    }
    if let Some((name, word)) = way(connection, provider) {
        shown.insert(name.to_owned(), word.into());
    }
    let main = settings::main_secret(connection, known).map(|(field, _)| field);
    let secrets = connection.secrets.iter();
    let secrets = secrets.filter(|(field, _)| is_shown(provider, field.as_str()));
    for (field, secret) in secrets.filter(|(field, _)| Some(*field) != main) {
        let name = format!("{MASKED}{}", spelled(field.as_str()));
        shown.insert(name, masks::portkey(&secret.hint).into());
    }
    shown
}

/// Returns the setting that says how a connection proves itself, and its word, where no setting
/// says so because the connection was made elsewhere.
pub(super) fn way<'a>(
    connection: &Connection,
    provider: &'a Provider,
) -> Option<(&'a str, &'a str)> {
    let chooser = provider.fields.iter().find(|field| !field.selects.is_empty())?;
    if settings::config(connection, Some(provider), &chooser.name).is_some() {
        return None;
    }
    let word = chooser.value_for(connection.details.auth_method)?;
    Some((chooser.name_at(Facade::Portkey), word))
}
