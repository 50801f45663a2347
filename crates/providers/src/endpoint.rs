//! Descriptions of requests to a provider.

use std::collections::BTreeMap;

use ledger_domain::connection::TestOutcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::AuthFields;
use crate::pattern::Pattern;
use crate::shape::{self, Worded};
use crate::words::{Capability, Method};

/// A request that lists the models of a provider, and where its answers have them. Texts may
/// contain placeholders, `${name}`: the value of the field with that name, or the provider's own
/// `base_url` if it has no such field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// HTTP method, `GET` by default.
    #[serde(default = "get")]
    pub method: Method,
    /// The complete URL.
    pub url: String,
    /// Headers, by name. One whose placeholder is a setting that a connection does not have is left
    /// out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// User and password of basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<Basic>,
    /// Where the list is in an answer, as a JSON pointer; `/data` by default, and empty if the
    /// answer is the list.
    #[serde(default = "data")]
    pub items: String,
    /// Where an item of the list has the id of the model, as requests have it; `/id` by default.
    #[serde(default = "id")]
    pub id: String,
    /// What stands before the id, and is no part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_prefix: Option<String>,
    /// Where an item has the name of the model for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What tells what a model can be used for. Every rule that holds adds its capability.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<KindRule>,
    /// How further pages are asked for; the first is the only one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
}

/// Tells what a model can be used for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// Where an item has what tells it, as a JSON pointer: a text, a list of texts, or `true`.
    pub at: String,
    /// What the text, or one of the list, must look like; anything if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<Pattern>,
    /// What it must not look like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Pattern>,
    /// What it then can be used for.
    pub capability: Capability,
}

/// How the pages of a list are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// The parameter of the URL that names a page.
    pub parameter: String,
    /// Where an answer has its value for the next page, as a JSON pointer. If absent, pages have
    /// numbers from 1 on, and the one that has no new model is the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Where an answer has `true` if there are more pages; if absent, there are as long as it has
    /// the value for the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
}

/// A request that succeeds if the credentials are valid, and fails without them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// HTTP method, `GET` by default.
    #[serde(default = "get")]
    pub method: Method,
    /// The complete URL.
    pub url: String,
    /// Headers, by name. One whose placeholder is a setting that a connection does not have is left
    /// out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// User and password of basic authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<Basic>,
    /// What proves who sends it, where no placeholder can. If the request has placeholders for
    /// secrets as well, it is for connections that lack one of those, and they are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthFields>,
    /// What answers mean, where that is not what their status says; the first that fits decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<OutcomeRule>,
}

/// User and password of basic authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The user; empty by default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The password; empty by default.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub password: String,
}

impl Basic {
    /// Returns both parts, by name.
    pub(crate) fn parts(&self) -> [(&'static str, &str); 2] {
        [("user", &self.user), ("password", &self.password)]
    }
}

/// What some answers mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeRule {
    /// The HTTP status.
    pub status: u16,
    /// A text that the first 16 KiB of the body contain; any body if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// What it means.
    #[serde(with = "shape::word")]
    #[schemars(with = "Worded<TestOutcome>")]
    pub outcome: TestOutcome,
}

const fn get() -> Method {
    Method::Get
}

fn data() -> String {
    "/data".to_owned()
}

fn id() -> String {
    "/id".to_owned()
}
