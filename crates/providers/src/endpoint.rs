//! Descriptions of requests to a provider.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

const fn get() -> Method {
    Method::Get
}
