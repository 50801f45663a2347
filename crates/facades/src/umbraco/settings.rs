//! The settings object of Umbraco.AI, which combines what the ledger stores separately: settings,
//! secrets, and references (text like `$OpenAI:ApiKey`).
//!
//! A reference in place of a secret is one to the server's environment variable `OpenAI__ApiKey`,
//! as .NET has it, if the server permits that. Others are kept as they are, and not followed.

use std::collections::BTreeMap;

use ledger_contract::commands::{SecretReferenceBody, SecretValue};
use ledger_contract::view::shown_hint;
use ledger_domain::connection::SecretReference;
use ledger_domain::{
    CheckedText, Connection, FieldName, Reference, ReferenceFormat, ReferenceKind, Secret,
};
use ledger_providers::{Facade, Provider};
use ledger_vault::Plaintext;
use serde_json::Value;

use super::shapes::Settings;
use crate::draft::{Changes, Draft};
use crate::masks;
use crate::settings::{config, holds_secret, is_value, same, secret};

/// The prefix of references into configuration.
const REFERENCE: char = '$';
/// What stands for a colon in the name of a variable.
const SECTION: &str = "__";

/// Returns all settings; nothing if there are none.
pub(super) fn shown(connection: &Connection, provider: Option<&Provider>) -> Option<Settings> {
    let name = |stored: &str| name(provider, stored).to_owned();
    let mut shown = Settings::new();
    for (stored, value) in &connection.details.config {
        let value = serde_json::from_str(value.text()).unwrap_or(Value::Null);
        shown.insert(name(stored.as_str()), value);
    }
    for reference in own_references(connection) {
        shown.insert(name(reference.target.as_str()), reference.reference.as_str().into());
    }
    for (stored, secret) in &connection.secrets {
        shown.insert(name(stored.as_str()), shown_secret(stored, secret).into());
    }
    (!shown.is_empty()).then_some(shown)
}

/// Returns this product's name for a stored field. Names that its own callers may have chosen stay
/// unchanged; names of another product or of the ledger are translated.
pub(super) fn name<'a>(provider: Option<&'a Provider>, stored: &'a str) -> &'a str {
    let Some(field) = provider.and_then(|provider| provider.field(stored)) else { return stored };
    let foreign = |(facade, name): (&Facade, &String)| {
        *facade != Facade::Umbraco && name.eq_ignore_ascii_case(stored)
    };
    if stored.contains('_') || field.names.iter().any(foreign) {
        return field.name_at(Facade::Umbraco);
    }
    stored
}

/// Returns the references of this product; those of other products are not part of settings.
fn own_references(connection: &Connection) -> impl Iterator<Item = &SecretReference> {
    let references = connection.details.secret_references.iter();
    references.filter(|reference| reference.reference.as_str().starts_with(REFERENCE))
}

/// The meaning of one setting in a body.
enum Setting {
    Config(Value),
    Secret(SecretValue),
    Reference(String),
    /// An absent secret, which stays unchanged.
    Absent,
}

/// Returns whether a text is a reference, in the one form that the product documents: `$` and the
/// path of a setting, whose parts are separated by colons. A password may begin with `$`, too.
fn is_reference(text: &str) -> bool {
    let part = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        !part.is_empty() && part.bytes().all(allowed)
    };
    text.strip_prefix(REFERENCE).is_some_and(|path| path.contains(':') && path.split(':').all(part))
}

/// Returns whether the server follows a reference.
pub(super) type Permits<'a> = &'a dyn Fn(&Reference) -> bool;

/// Returns the reference to the environment variable that a text means, if its name can be one.
fn variable(text: &str) -> Option<Reference> {
    let name = text.strip_prefix(REFERENCE)?.replace(':', SECTION);
    let (kind, format) = (ReferenceKind::Environment, ReferenceFormat::String);
    let reference = Reference::parse("settings", kind, &name, None, format).ok()?;
    // Not if its name would be read as another text.
    (shown_reference(&reference).as_deref() == Some(text)).then_some(reference)
}

/// Returns a reference as this product has it, if it can.
fn shown_reference(reference: &Reference) -> Option<String> {
    let is_plain = reference.kind == ReferenceKind::Environment
        && reference.key.is_none()
        && reference.format == ReferenceFormat::String;
    let text = format!("{REFERENCE}{}", reference.name.as_str().replace(SECTION, ":"));
    (is_plain && is_reference(&text)).then_some(text)
}

/// Returns the mask of a secret, or the reference that it holds.
fn shown_secret(stored: &FieldName, secret: &Secret) -> String {
    let reference = secret.held.reference().and_then(shown_reference);
    reference.unwrap_or_else(|| mask(stored, secret))
}

/// Classifies a value. The text of a secret is moved, not copied.
fn sort(secret: bool, value: Value) -> Setting {
    match value {
        Value::String(text) if is_reference(&text) => Setting::Reference(text),
        value if !secret => Setting::Config(value),
        Value::Null => Setting::Absent,
        Value::String(text) if text.is_empty() => Setting::Absent,
        Value::String(text) => Setting::Secret(SecretValue(Plaintext::from_string(text))),
        other => Setting::Secret(SecretValue(Plaintext::from_string(other.to_string()))),
    }
}

/// Adds settings to the draft of a new connection.
pub(super) fn set_first(
    body: &mut Draft,
    provider: Option<&Provider>,
    permits: Permits<'_>,
    settings: Settings,
) {
    for (name, value) in settings {
        let is_secret = holds_secret(provider, &name, &value);
        match sort(is_secret, value) {
            Setting::Config(value) => {
                body.config.insert(name, value);
            }
            Setting::Secret(value) => {
                body.secrets.insert(name, value);
            }
            Setting::Reference(text) => match followed(is_secret, &text, permits) {
                Some(reference) => drop(body.referring.insert(name, reference)),
                None => body.secret_references.push(reference(name, text)),
            },
            Setting::Absent => {}
        }
    }
}

/// Returns the reference that takes the place of a secret's value, if the server follows it.
fn followed(is_secret: bool, text: &str, permits: Permits<'_>) -> Option<Reference> {
    variable(text).filter(|reference| is_secret && permits(reference))
}

/// Replaces the settings of a connection. A secret that is omitted or sent back as its mask stays
/// unchanged; null and empty text remove it.
pub(super) fn replace(
    update: &mut Changes,
    connection: &Connection,
    provider: Option<&Provider>,
    permits: Permits<'_>,
    settings: Settings,
) {
    let mut references: BTreeMap<String, String> = own_references(connection)
        .map(|reference| (reference.target.to_string(), reference.reference.to_string()))
        .collect();
    let named = |name: &str| settings.keys().any(|given| same(provider, given, name));
    for stored in connection.details.config.keys().filter(|stored| !named(stored.as_str())) {
        update.config.insert(stored.to_string(), None);
    }
    references.retain(|target, _| named(target));
    for (name, value) in settings {
        let held = secret(connection, provider, &name);
        let set = config(connection, provider, &name);
        let target = references.keys().find(|target| same(provider, target, &name)).cloned();
        let stored = match (held, set, &target) {
            (Some((stored, _)), ..) | (None, Some((stored, _)), _) => stored.to_string(),
            (None, None, Some(target)) => target.clone(),
            (None, None, None) => name.clone(),
        };
        let echo = |(stored, held): (&FieldName, &Secret)| is_echo(stored, held, &value);
        let known = target.as_ref().and_then(|target| references.get(target));
        let is_known = known.is_some_and(|known| value.as_str() == Some(known));
        if is_known
            || set.is_some_and(|(_, known)| is_value(known, &value))
            || held.is_some_and(echo)
        {
            continue;
        }
        // A field that another API stored as a secret is one here, too, regardless of its name.
        let is_secret = held.is_some() || holds_secret(provider, &name, &value);
        let new = sort(is_secret, value);
        // The old value is removed in whichever form it was stored, unless it is set again.
        references.retain(|known, _| Some(known) != target.as_ref());
        if set.is_some() && !matches!(new, Setting::Config(_)) {
            update.config.insert(stored.clone(), None);
        }
        match new {
            Setting::Secret(value) => {
                update.secrets.insert(stored, Some(value));
            }
            Setting::Config(value) => {
                update.config.insert(stored.clone(), Some(value));
                remove(update, held.is_some(), stored);
            }
            Setting::Reference(text) => {
                if let Some(reference) = followed(is_secret, &text, permits) {
                    update.referring.insert(stored, reference);
                } else {
                    references.insert(stored.clone(), text);
                    remove(update, held.is_some(), stored);
                }
            }
            Setting::Absent => remove(update, held.is_some(), stored),
        }
    }
    update.secret_references = Some(all_references(connection, references));
}

fn remove(update: &mut Changes, held: bool, stored: String) {
    if held {
        update.secrets.insert(stored, None);
    }
}

fn mask(stored: &FieldName, secret: &Secret) -> String {
    masks::umbraco(&shown_hint(stored, secret))
}

fn is_echo(stored: &FieldName, held: &Secret, sent: &Value) -> bool {
    let sent = sent.as_str().map(Plaintext::new);
    sent.is_some_and(|sent| masks::is_echo(&shown_secret(stored, held), &sent))
}

/// Removes all settings, which is the effect of null.
pub(super) fn clear(update: &mut Changes, connection: &Connection) {
    update.config = connection.details.config.keys().map(|name| (name.to_string(), None)).collect();
    update.secrets = connection.secrets.keys().map(|name| (name.to_string(), None)).collect();
    update.secret_references = Some(all_references(connection, BTreeMap::new()));
}

/// Returns these references together with those of other products.
fn all_references(
    connection: &Connection,
    own: BTreeMap<String, String>,
) -> Vec<SecretReferenceBody> {
    let others = connection.details.secret_references.iter();
    let others = others.filter(|reference| !reference.reference.as_str().starts_with(REFERENCE));
    let others = others.map(|reference| SecretReferenceBody {
        target: reference.target.to_string().into(),
        reference: reference.reference.to_string().into(),
        key: reference.key.as_ref().map(|key| key.to_string().into()),
        format: reference.format.as_ref().map(|format| format.to_string().into()),
    });
    others.chain(own.into_iter().map(|(target, text)| reference(target, text))).collect()
}

fn reference(target: String, text: String) -> SecretReferenceBody {
    SecretReferenceBody { target: target.into(), reference: text.into(), key: None, format: None }
}
