//! Descriptions of external services.

use std::collections::BTreeMap;

use ledger_domain::connection::{AuthMethod, Kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Listing, Probe};
use crate::field::Field;
use crate::login::LoginFields;
use crate::secrecy::looks_secret;
use crate::shape::{self, Worded};
use crate::words::{Capability, Facade};

/// An external service: its names, the fields of connections to it, its models and its URLs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Location of this file's JSON Schema, for editors.
    #[serde(default, rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The ledger's name for it: lower-case letters, digits, `.`, `_` and `-`.
    pub id: String,
    /// Further names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Products' names for it, where they differ from `id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::by_facade")]
    pub names: BTreeMap<Facade, String>,
    /// Human-readable name.
    pub display_name: String,
    /// Description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Kind of service, a web API by default.
    #[serde(default = "api", with = "shape::word")]
    #[schemars(with = "Worded<Kind>")]
    pub kind: Kind,
    /// Categories, in free words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Authentication methods of connections, the usual one first.
    #[serde(with = "shape::word_list")]
    #[schemars(with = "Vec<Worded<AuthMethod>>")]
    pub auth_methods: Vec<AuthMethod>,
    /// Fields of a connection, in the order of a form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Whether every other provider can also have its fields, except the main one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// What it can be used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// What products use it for, if not for all its capabilities.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::capabilities_by_facade")]
    pub capabilities_at: BTreeMap<Facade, Vec<Capability>>,
    /// Its models.
    #[serde(default, skip_serializing_if = "Models::is_empty")]
    pub models: Models,
    /// A request that succeeds if the credentials are valid, and fails without them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
    /// A login that succeeds if the credentials are valid, and fails without them: of a database,
    /// in place of the probe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<LoginFields>,
    /// URL that issues tokens; may contain placeholders, like those of a [`Probe`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Base URL of its API; may contain placeholders, like those of a [`Probe`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// URL of its documentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

/// The models of a provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// Models known when the description was written; may be incomplete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<KnownModel>,
    /// A request that lists all models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Listing>,
}

/// A model that is known without a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// Its id in requests.
    pub id: String,
    /// Human-readable name.
    pub name: String,
    /// What it can be used for.
    pub capabilities: Vec<Capability>,
}

impl Provider {
    /// Returns a product's name for it.
    pub fn name_at(&self, facade: Facade) -> &str {
        self.names.get(&facade).unwrap_or(&self.id)
    }

    /// Returns all names, the id first. A product's name may repeat another.
    pub fn all_names(&self) -> impl Iterator<Item = &str> {
        let further = self.aliases.iter().chain(self.names.values());
        std::iter::once(self.id.as_str()).chain(further.map(String::as_str))
    }

    /// Finds a field by any of its spellings, ignoring ASCII case.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.is_called(name))
    }

    /// Returns the main key.
    pub fn main_secret(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.main)
    }

    /// Returns whether a field is secret: as described, or else by its name.
    pub fn is_secret(&self, name: &str) -> bool {
        self.field(name).map_or_else(|| looks_secret(name), |field| field.secret)
    }

    /// Returns the capabilities that a product uses.
    pub fn capabilities_at(&self, facade: Facade) -> &[Capability] {
        self.capabilities_at.get(&facade).unwrap_or(&self.capabilities)
    }

    /// Returns the fields that a product knows, in the order of a form.
    pub fn fields_at(&self, facade: Facade) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.is_at(facade))
    }
}

impl Models {
    fn is_empty(&self) -> bool {
        self.known.is_empty() && self.list.is_none()
    }
}

const fn api() -> Kind {
    Kind::Api
}
