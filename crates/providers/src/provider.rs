//! An external service, described.

use std::collections::BTreeMap;

use ledger_domain::connection::{AuthMethod, Kind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::Endpoint;
use crate::field::Field;
use crate::secrecy::looks_secret;
use crate::shape::{self, Worded};
use crate::words::{Capability, Facade};

/// An external service: its names, the fields of connections to it, its models and addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Where the schema of this file is, for editors.
    #[serde(default, rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The ledger's own name for it: lower-case letters, digits, `.`, `_` and `-`.
    pub id: String,
    /// Further names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What products call it, where that is not its id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::by_facade")]
    pub names: BTreeMap<Facade, String>,
    /// What people call it.
    pub display_name: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What sort of service it is, a web API when absent.
    #[serde(default = "api", with = "shape::word")]
    #[schemars(with = "Worded<Kind>")]
    pub kind: Kind,
    /// What it is for, in words of one's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// How connections prove themselves, the usual way first.
    #[serde(with = "shape::word_list")]
    #[schemars(with = "Vec<Worded<AuthMethod>>")]
    pub auth_methods: Vec<AuthMethod>,
    /// The fields of a connection, in the order of a form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// Whether its fields, the main one aside, may be given with any other provider, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// What it can be used for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// What products use it for, where that is not all of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shape::capabilities_by_facade")]
    pub capabilities_at: BTreeMap<Facade, Vec<Capability>>,
    /// Its models.
    #[serde(default, skip_serializing_if = "Models::is_empty")]
    pub models: Models,
    /// A request that succeeds when the credentials are good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Endpoint>,
    /// Where tokens are to be had; may hold placeholders, as an [`Endpoint`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// Where its API begins; may hold placeholders, as an [`Endpoint`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Where its own documentation is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
}

/// The models of a provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// Those known when the description was written, which may be few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<KnownModel>,
    /// A request that lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Endpoint>,
}

/// A model that is known without asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownModel {
    /// What requests call it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it can be used for.
    pub capabilities: Vec<Capability>,
}

impl Provider {
    /// Returns what a product calls it.
    pub fn name_at(&self, facade: Facade) -> &str {
        self.names.get(&facade).unwrap_or(&self.id)
    }

    /// Returns every name, the id first; a product's may repeat another.
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

    /// Tells whether a field is secret: as described, or else by its name.
    pub fn is_secret(&self, name: &str) -> bool {
        self.field(name).map_or_else(|| looks_secret(name), |field| field.secret)
    }

    /// Returns what a product uses it for.
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
