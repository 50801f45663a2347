//! A request to a provider, described.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::Method;

/// A request that a provider answers. Texts may hold placeholders, `${name}`: the value of the
/// field of that name, or the provider's own `base_url` when it has no such field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The method, GET when absent.
    #[serde(default = "get")]
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Headers by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

const fn get() -> Method {
    Method::Get
}
