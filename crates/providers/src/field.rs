//! Fields of connections: their names and the rules for their values.

use std::collections::BTreeMap;

use ledger_domain::connection::AuthMethod;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pattern::Pattern;
use crate::shape::{self, Worded};
use crate::words::{Facade, FieldType};

/// Products' names for the main key of any provider, unless its description gives another name or
/// has another field with that name. Portkey's integrations and Umbraco's settings have one place
/// for it, and a plain key is a bearer token at ElevenLabs.
pub(crate) const MAIN_KEY_NAMES: [(Facade, &str); 3] =
    [(Facade::Portkey, "key"), (Facade::Umbraco, "apiKey"), (Facade::ElevenLabs, "token")];

/// A field of connections to one provider. All its spellings mean the same field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent member of a file")]
pub struct Field {
    /// The ledger's name for it: 1 to 128 visible ASCII characters without spaces.
    pub name: String,
    /// Further spellings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Products' names for it, where they differ from `name`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::by_facade")]
    pub names: BTreeMap<Facade, String>,
    /// Label in a form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Help text: what it is and where to find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Type of its values, `string` by default.
    #[serde(default = "text")]
    pub r#type: FieldType,
    /// Whether the value is secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// Whether the value decides where, or as whom, secrets are sent. If absent, it does if it is
    /// part of the provider's addresses, or if its name or its value says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<bool>,
    /// Whether this is the provider's main key, for products with a single place for it. At most
    /// one field of a provider, and always a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub main: bool,
    /// Whether every connection requires it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// When a connection requires it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_when: Option<Condition>,
    /// The only products that know it; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only_at: Vec<Facade>,
    /// Values to choose from; empty if any value is valid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Whether values that are not in `values` are also accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_values: bool,
    /// Authentication methods that values of this field select, by value.
    #[serde(default, with = "shape::word_map", skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Worded<AuthMethod>>")]
    pub selects: BTreeMap<String, AuthMethod>,
    /// A regular expression that a text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// Greatest length of a text, in Unicode scalar values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_chars: Option<usize>,
    /// Smallest number of elements in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_items: Option<usize>,
    /// Fields of an object, or of each object in a list; empty if any content is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Initial value in a form, and the value of an absent field in conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
}

/// When a field is required: if all its members hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The request comes through one of these products.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<Facade>,
    /// The field with this name has one of the values in `is`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The values of `field` for which the condition holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub is: Vec<String>,
    /// The field with this name is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<String>,
}

impl Field {
    /// Returns a product's name for it.
    pub fn name_at(&self, facade: Facade) -> &str {
        self.names.get(&facade).unwrap_or(&self.name)
    }

    /// Returns whether a name is one of its spellings, ignoring ASCII case.
    pub fn is_called(&self, name: &str) -> bool {
        self.spellings().any(|spelling| spelling.eq_ignore_ascii_case(name))
    }

    /// Returns all spellings, its own name first. A product's spelling may repeat another.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        let further = self.aliases.iter().chain(self.names.values());
        std::iter::once(self.name.as_str()).chain(further.map(String::as_str))
    }

    /// Returns whether a product knows it.
    pub fn is_at(&self, facade: Facade) -> bool {
        self.only_at.is_empty() || self.only_at.contains(&facade)
    }

    /// Returns its label in a form.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.name)
    }

    /// Returns the value that selects an authentication method, if this field selects one.
    pub fn value_for(&self, method: AuthMethod) -> Option<&str> {
        let mut fitting = self.selects.iter().filter(|(_, selected)| **selected == method);
        fitting.next().map(|(value, _)| value.as_str())
    }
}

const fn text() -> FieldType {
    FieldType::String
}
