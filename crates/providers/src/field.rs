//! A field of a connection: its names, and what its value must be.

use std::collections::BTreeMap;

use ledger_domain::connection::AuthMethod;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pattern::Pattern;
use crate::shape::{self, Worded};
use crate::words::{Facade, FieldType};

/// What products call the provider's main key, whoever the provider is, unless its description says
/// otherwise or has another field of that name: Portkey's integrations and Umbraco's settings have
/// one place for it, and a plain key is a bearer token at ElevenLabs.
pub(crate) const MAIN_KEY_NAMES: [(Facade, &str); 3] =
    [(Facade::Portkey, "key"), (Facade::Umbraco, "apiKey"), (Facade::ElevenLabs, "token")];

/// A field of connections to one provider. However it is spelled, it is the same field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself in a file")]
pub struct Field {
    /// The ledger's own name for it: visible ASCII without spaces, 1 to 128 characters.
    pub name: String,
    /// Further spellings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What products call it, where that is not its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::by_facade")]
    pub names: BTreeMap<Facade, String>,
    /// What a form calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What it is and where to find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What values it takes, text when absent.
    #[serde(default = "text")]
    pub r#type: FieldType,
    /// Whether the value is secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// Whether this is the provider's main key: what products with one place for "the key" mean.
    /// At most one field of a provider, and always a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub main: bool,
    /// Whether a connection cannot do without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// When a connection cannot do without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_when: Option<Condition>,
    /// The only products that know it; empty when it belongs to all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_at: Vec<Facade>,
    /// Values to choose from; empty when any will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Whether values that are not in `values` are taken too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_values: bool,
    /// How values of this field say in which way the connection proves itself.
    #[serde(default, with = "shape::word_map", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Worded<AuthMethod>>")]
    pub selects: BTreeMap<String, AuthMethod>,
    /// What a text must look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// Longest text, in Unicode scalar values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<usize>,
    /// Fewest elements of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_items: Option<usize>,
    /// Fields of an object, or of each object in a list; empty when anything may be in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// What a form begins with, and what a field that is not given counts as in conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// When a field is required: when all that is said here holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The request came through one of these products.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<Facade>,
    /// This field has one of the values in `is`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The values of `field` that count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub is: Vec<String>,
    /// This field is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<String>,
}

impl Field {
    /// Returns what a product calls it.
    pub fn name_at(&self, facade: Facade) -> &str {
        self.names.get(&facade).unwrap_or(&self.name)
    }

    /// Tells whether a name is one of its spellings, ignoring ASCII case.
    pub fn is_called(&self, name: &str) -> bool {
        self.spellings().any(|spelling| spelling.eq_ignore_ascii_case(name))
    }

    /// Returns every spelling, its own name first; a product's may repeat another.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let further = self.aliases.iter().chain(self.names.values());
        std::iter::once(self.name.as_str()).chain(further.map(String::as_str))
    }

    /// Tells whether a product knows it.
    pub fn is_at(&self, facade: Facade) -> bool {
        self.only_at.is_empty() || self.only_at.contains(&facade)
    }

    /// Returns what a form calls it.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }

    /// Returns the value that stands for a way to prove oneself, when this field chooses one.
    pub fn value_for(&self, method: AuthMethod) -> Option<&str> {
        let mut fitting = self.selects.iter().filter(|(_, selected)| **selected == method);
        fitting.next().map(|(value, _)| value.as_str())
    }
}

const fn text() -> FieldType {
    FieldType::String
}
