//! `configurations`: settings and secrets in one object.

use std::collections::BTreeMap;

use ledger_contract::commands::SecretValue;
use ledger_contract::view::shown_hint;
use ledger_domain::limits::{CONFIG_FIELDS, SECRET_FIELDS};
use ledger_domain::{CheckedText, Connection, FieldName, InvalidField, Secret};
use ledger_providers::{Facade, Field, FieldType, Provider};
use ledger_vault::Plaintext;
use serde_json::Value;

use super::mappings;
use super::shapes::Configurations;
use crate::{masks, settings};

/// The name prefix of masked values.
const MASKED: &str = "masked_";

/// Changes to settings and secrets, under their names in the ledger; `None` removes one.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) config: BTreeMap<String, Option<Value>>,
    pub(super) secrets: BTreeMap<String, Option<SecretValue>>,
}

/// The meaning of a value in a body.
enum Given {
    Setting(Value),
    Secret(Plaintext),
    /// An empty secret, which is ignored.
    Nothing,
}

/// Returns whether Portkey knows a field. Fields known only to others are neither shown nor
/// changed.
pub(super) fn is_shown(provider: &Provider, name: &str) -> bool {
    provider.field(name).is_none_or(|field| field.is_at(Facade::Portkey))
}

/// Returns the changes that a body's configurations make to an existing or new connection. The
/// configurations hold all settings, and the secrets that change. A mask that is sent back is
/// ignored, with or without the prefix in its name.
///
/// Errors: `field_invalid`, without any value.
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
        // A value echoed back unchanged stays where it is stored.
        if setting.is_some_and(|(_, stored)| settings::is_value(stored, &value)) {
            self.config.insert(place, Some(value));
            return Ok(());
        }
        let field = provider.and_then(|provider| provider.field(name));
        let is_one = secret.is_some() || settings::exposed(provider, name, &value);
        match given(field, name, is_one, value)? {
            Given::Nothing => {}
            Given::Secret(value) => {
                if secret.is_some_and(|(stored, old)| masks::is_echo(&mask(stored, old), &value)) {
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

    /// Adds the provider's key, which has its own field in bodies.
    ///
    /// Errors: `field_invalid` if the configurations name the same field.
    pub(super) fn take_key(
        &mut self,
        provider: &Provider,
        stored: Option<&Connection>,
        key: Option<SecretValue>,
    ) -> Result<(), InvalidField> {
        let main = stored.and_then(|stored| settings::main_secret(stored, Some(provider)));
        let name = main.map_or(mappings::KEY, |(field, _)| field.as_str());
        let echo = |key: &SecretValue| {
            main.is_some_and(|(stored, old)| masks::is_echo(&mask(stored, old), &key.0))
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

/// Classifies a value. It is a secret if `is_one`, because a secret is already stored or the value
/// contains one, else if the provider's description or, without one, the field's name says so.
fn given(
    field: Option<&Field>,
    name: &str,
    is_one: bool,
    value: Value,
) -> Result<Given, InvalidField> {
    let is_secret = is_one
        || match field {
            Some(field) => field.secret,
            // Whether a key is required is not a secret.
            None => ledger_providers::looks_secret(name) && !value.is_boolean(),
        };
    if !is_secret {
        return Ok(Given::Setting(value));
    }
    let wanted = field.map(|field| field.r#type);
    let is_object = |text: &str| serde_json::from_str::<Configurations>(text).is_ok();
    match value {
        Value::String(text) if text.is_empty() => Ok(Given::Nothing),
        // The text's buffer is moved, so that no copy of the secret remains.
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

/// Returns the mask of a stored secret.
pub(super) fn mask(stored: &FieldName, secret: &Secret) -> String {
    masks::portkey(&shown_hint(stored, secret))
}

/// Returns settings in the clear and secrets masked, without the provider's key.
pub(super) fn show(connection: &Connection, provider: &Provider) -> Configurations {
    let known = Some(provider);
    let spelled = |name| settings::spelled(known, Facade::Portkey, name);
    let mut shown = Configurations::new();
    let settings = connection.details.config.iter();
    for (field, value) in settings.filter(|(field, _)| is_shown(provider, field.as_str())) {
        let name = spelled(field.as_str());
        // A field with exactly that name takes precedence.
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
    let secrets = secrets.filter(|(field, _)| Some(*field) != main);
    let is_mapped = |field: &FieldName| mappings::followed(connection).any(|(one, _)| one == field);
    for (field, secret) in secrets.filter(|(field, _)| !is_mapped(field)) {
        let name = format!("{MASKED}{}", spelled(field.as_str()));
        shown.insert(name, mask(field, secret).into());
    }
    shown
}

/// Returns the setting for the authentication method and its value, if it is missing because the
/// connection was created through another API.
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
