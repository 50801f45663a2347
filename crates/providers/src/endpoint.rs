//! Descriptions of requests to a provider.

use std::collections::BTreeMap;

use ledger_domain::connection::TestOutcome;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shape::{self, Worded};
use crate::words::Method;

/// A request to a provider. Texts may contain placeholders, `${name}`: the value of the field with
/// that name, or the provider's own `base_url` if it has no such field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// HTTP method, `GET` by default.
    #[serde(default = "get")]
    pub method: Method,
    /// The complete URL.
    pub url: String,
    /// Headers, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
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
