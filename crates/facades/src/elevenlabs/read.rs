//! Checks bodies against the table of kinds. Complaints name fields, never values.

use std::collections::BTreeMap;

use ledger_contract::commands::SecretValue;
use ledger_vault::Plaintext;
use serde_json::{Map as Object, Value};

use super::types::{self, AuthType, Field, Form};

/// The body of a request.
pub(super) type Body = Object<String, Value>;

/// The problem with a field of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) field: &'static str,
    /// A description of the valid values.
    pub(super) message: String,
    /// The kind of problem.
    pub(super) kind: &'static str,
}

impl Complaint {
    pub(super) fn missing(field: &'static str) -> Self {
        Self { field, message: "Field required".to_owned(), kind: "missing" }
    }

    pub(super) fn wrong(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into(), kind: "value_error" }
    }
}

/// Returns the kind that a body names.
pub(super) fn kind(
    body: &Body,
    known: impl Fn(&AuthType) -> bool,
) -> Result<&'static AuthType, Complaint> {
    let word = match body.get("auth_type") {
        Some(Value::String(word)) => word,
        Some(_) => return Err(Complaint::wrong("auth_type", "Input should be a valid string")),
        None => return Err(Complaint::missing("auth_type")),
    };
    types::by_word(word).filter(|kind| known(kind)).ok_or_else(|| {
        let words: Vec<_> = types::all().filter(|kind| known(kind)).map(|kind| kind.word).collect();
        Complaint::wrong("auth_type", format!("Input should be one of {}", words.join(", ")))
    })
}

/// Removes a text from a body and returns it; null counts as absent.
pub(super) fn text(body: &mut Body, field: &'static str) -> Result<Option<String>, Complaint> {
    match body.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Complaint::wrong(field, "Input should be a valid string")),
    }
}

/// The fields of a kind that a body contains.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) config: BTreeMap<&'static str, Value>,
    pub(super) secrets: BTreeMap<&'static str, SecretValue>,
}

/// Removes the fields of a kind from a body and returns them; null counts as absent.
pub(super) fn fields(
    body: &mut Body,
    fields: impl Iterator<Item = &'static Field>,
) -> Result<Given, Complaint> {
    let mut given = Given::default();
    for field in fields {
        if field.is_secret() {
            // The text's buffer is moved, so that no copy of the secret remains.
            if let Some(text) = text(body, field.name)? {
                let value = SecretValue(Plaintext::from_string(text));
                given.secrets.insert(field.name, value);
            }
            continue;
        }
        match body.remove(field.name) {
            None | Some(Value::Null) => {}
            Some(value) => {
                check(field, &value)?;
                given.config.insert(field.name, value);
            }
        }
    }
    Ok(given)
}

/// Returns whether a stored value is valid for the field.
pub(super) fn fits(field: &Field, value: &Value) -> bool {
    check(field, value).is_ok() && !has_null(value)
}

fn has_null(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.values().any(Value::is_null))
}

fn check(field: &Field, value: &Value) -> Result<(), Complaint> {
    let is_text_or_null = |value: &Value| value.is_string() || value.is_null();
    let (fits, expected) = match field.form {
        Form::Text => (value.is_string(), "Input should be a valid string".to_owned()),
        Form::Texts => {
            let fits = value.as_array().is_some_and(|list| list.iter().all(Value::is_string));
            (fits, "Input should be a list of strings".to_owned())
        }
        Form::Map => {
            let fits = value.as_object().is_some_and(|map| map.values().all(is_text_or_null));
            (fits, "Input should be an object of strings".to_owned())
        }
        Form::Switch => (value.is_boolean(), "Input should be a valid boolean".to_owned()),
        Form::Whole { least, most, .. } => {
            let fits = value.as_u64().is_some_and(|number| (least..=most).contains(&number));
            (fits, format!("Input should be a whole number from {least} to {most}"))
        }
        Form::Word(words) => {
            let fits = value.as_str().is_some_and(|word| words.contains(&word));
            (fits, format!("Input should be one of {}", words.join(", ")))
        }
    };
    if fits { Ok(()) } else { Err(Complaint::wrong(field.name, expected)) }
}

/// Returns the default of a field, if it has one.
pub(super) fn default(form: Form) -> Option<Value> {
    match form {
        Form::Text => None,
        Form::Texts => Some(Value::Array(Vec::new())),
        Form::Map => Some(Value::Object(Object::new())),
        Form::Switch => Some(Value::Bool(false)),
        Form::Whole { default, .. } => Some(default.into()),
        Form::Word(words) => words.first().map(|word| (*word).into()),
    }
}
