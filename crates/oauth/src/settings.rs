//! Reads the settings of a connection, and the entries of maps that are secrets.

use std::collections::BTreeMap;

use ledger_domain::CheckedText as _;
use ledger_domain::connection::Details;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::plan::Unusable;

/// Returns the value of a secret field.
pub(crate) type Secrets<'a> = &'a dyn Fn(&str) -> Option<Zeroizing<String>>;

/// The settings of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'d>(pub(crate) &'d Details);

impl Settings<'_> {
    /// Returns a setting, unless it is absent or null.
    fn value(self, name: &str) -> Option<Value> {
        let stored = self.0.config.iter().find(|(field, _)| field.as_str() == name)?.1;
        let value: Value = serde_json::from_str(stored.text()).ok()?;
        (!value.is_null()).then_some(value)
    }

    /// Returns a text, or none if it is absent or empty.
    pub(crate) fn text(self, name: &'static str) -> Result<Option<String>, Unusable> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok((!text.is_empty()).then_some(text)),
            Some(_) => Err(Unusable::Malformed { name, wanted: "text" }),
        }
    }

    /// Returns a text that must be there.
    pub(crate) fn needed(self, name: &'static str) -> Result<String, Unusable> {
        self.text(name)?.ok_or(Unusable::Lacks(name))
    }

    /// Returns whether a switch is on.
    pub(crate) fn switch(self, name: &'static str) -> Result<bool, Unusable> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(_) => Err(Unusable::Malformed { name, wanted: "true or false" }),
        }
    }

    /// Returns a whole number.
    pub(crate) fn number(self, name: &'static str) -> Result<Option<u64>, Unusable> {
        let wanted = "a whole number";
        let value = self.value(name);
        value.map(|value| value.as_u64().ok_or(Unusable::Malformed { name, wanted })).transpose()
    }

    /// Returns a list of texts; a single text is one with words.
    pub(crate) fn texts(self, name: &'static str) -> Result<Vec<String>, Unusable> {
        let malformed = || Unusable::Malformed { name, wanted: "a list of texts" };
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::String(text)) => Ok(text.split_whitespace().map(str::to_owned).collect()),
            Some(Value::Array(items)) => {
                let text = |item: Value| item.as_str().map(str::to_owned).ok_or_else(malformed);
                items.into_iter().map(text).collect()
            }
            Some(_) => Err(malformed()),
        }
    }

    /// Returns an object; its members that are secrets are not in it.
    pub(crate) fn map(self, name: &'static str) -> Result<Map<String, Value>, Unusable> {
        match self.value(name) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map),
            Some(_) => Err(Unusable::Malformed { name, wanted: "an object" }),
        }
    }
}

/// Returns the texts of a map, with those of its members that are secrets. Numbers and switches are
/// written as JSON has them.
pub(crate) fn texts_of(
    name: &str,
    map: &Map<String, Value>,
    secret_members: &[String],
    secrets: Secrets<'_>,
) -> Vec<(String, Zeroizing<String>)> {
    let mut texts: BTreeMap<String, Zeroizing<String>> = BTreeMap::new();
    for (key, value) in map {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        texts.insert(key.clone(), Zeroizing::new(text));
    }
    for member in secret_members {
        if let Some(value) = secrets(&format!("{name}.{member}")) {
            texts.insert(member.clone(), value);
        }
    }
    texts.into_iter().collect()
}
