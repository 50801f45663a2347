//! A connection as a file describes it.

use std::collections::BTreeMap;

use ledger_domain::connection::AuthMethod;
use ledger_providers::{FieldType, Provider};
use ledger_vault::Plaintext;
use serde_json::{Map, Value, json};

use crate::manifest::SecretSource;
use crate::place::Place;

/// A connection as a file describes it.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) place: Place,
    /// A name like that of its slug.
    pub(super) slug: String,
    /// The body of `create`, without slug and secrets.
    pub(super) body: Map<String, Value>,
    pub(super) secrets: BTreeMap<String, SecretSource>,
    /// Secret fields that the file shows masked.
    pub(super) missing: Vec<String>,
}

impl Draft {
    pub(super) fn new(place: Place, slug: &str, provider: &str) -> Self {
        let mut body = Map::new();
        body.insert("provider".to_owned(), json!(provider));
        Self { place, slug: slug.to_owned(), body, secrets: BTreeMap::new(), missing: Vec::new() }
    }

    /// Sets a member of the body, unless the value is nothing or an empty text.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        if !value.is_null() && value != json!("") {
            self.body.insert(name.to_owned(), value);
        }
    }

    /// Sets an entry of a map of the body.
    pub(super) fn set_in(&mut self, map: &str, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let entries = self.body.entry(map).or_insert_with(|| json!({}));
        if let (Value::Object(entries), false) = (entries, value.is_null()) {
            entries.insert(name.to_owned(), value);
        }
    }

    /// Adds a field, as a secret if it is one by its description, its name or its value.
    pub(super) fn field(&mut self, provider: &Provider, name: &str, value: Value) {
        let is_secret = provider.is_secret(name) || provider.exposed(name, &value).is_some();
        match value {
            Value::Null => {}
            Value::String(text) if is_secret => self.secret(name, text),
            value if is_secret && !value.is_boolean() => self.secret(name, value.to_string()),
            Value::String(text) => {
                let value = typed(provider, name, text);
                self.set_in("config", name, value);
            }
            value => self.set_in("config", name, value),
        }
    }

    /// Adds a secret. A mask says only that there is one.
    pub(super) fn secret(&mut self, name: &str, text: String) {
        if text.is_empty() {
            return;
        }
        let value = Plaintext::from_string(text);
        if value.is_mask() {
            self.missing.push(name.to_owned());
        } else {
            self.secrets.insert(name.to_owned(), SecretSource::Read(value));
        }
    }

    /// Sets the kind of its provider, and the authentication method that its fields tell of, if no
    /// others are set.
    pub(super) fn complete(&mut self, provider: Option<&Provider>) {
        if let (Some(provider), false) = (provider, self.body.contains_key("kind")) {
            self.set("kind", provider.kind.as_str());
        }
        let given = |names: &[&str]| {
            let config = self.body.get("config").and_then(Value::as_object);
            names.iter().all(|name| {
                self.secrets.contains_key(*name)
                    || self.missing.iter().any(|missing| missing == name)
                    || config.is_some_and(|config| config.contains_key(*name))
            })
        };
        let usual = provider.and_then(|provider| provider.auth_methods.first());
        let method = if given(&["connection_string"]) {
            AuthMethod::UrlSecret
        } else if given(&["access_key_id", "secret_access_key"]) {
            AuthMethod::AwsAccessKey
        } else if given(&["tenant_id", "client_id", "client_secret"]) {
            AuthMethod::AzureEntra
        } else if given(&["username", "password"]) {
            AuthMethod::Basic
        } else if given(&["client_id", "client_secret"]) {
            AuthMethod::OAuth2ClientCredentials
        } else {
            *usual.unwrap_or(&AuthMethod::ApiKey)
        };
        if !self.body.contains_key("auth_method") {
            self.set("auth_method", method.as_str());
        }
    }
}

/// Returns the name that a description has for a field, in whatever spelling a file has it.
pub(super) fn field_name(provider: Option<&Provider>, given: &str) -> String {
    let plain = given.to_ascii_lowercase().replace(['-', '.', ' '], "_");
    let known = |name: &str| Some(provider?.field(name)?.name.clone());
    known(given).or_else(|| known(&plain)).unwrap_or(plain)
}

/// Makes text the number or boolean that a description wants, if it reads as one.
fn typed(provider: &Provider, name: &str, text: String) -> Value {
    let read = match provider.field(name).map(|field| field.r#type) {
        Some(FieldType::Integer) => text.parse::<i64>().ok().map(Value::from),
        Some(FieldType::Boolean) => text.parse::<bool>().ok().map(Value::from),
        _ => None,
    };
    read.unwrap_or(Value::String(text))
}
