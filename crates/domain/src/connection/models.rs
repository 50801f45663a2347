//! Which models may be reached through a connection.

use std::collections::BTreeMap;

use crate::text::{Json, Line};

/// The model policy of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPolicy {
    /// Whether models not listed are allowed.
    pub allow_all: bool,
    /// Models with a word of their own, by slug.
    pub models: BTreeMap<Line, ModelRule>,
}

impl Default for ModelPolicy {
    fn default() -> Self {
        Self { allow_all: true, models: BTreeMap::new() }
    }
}

/// The word on one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRule {
    /// Whether it may be used.
    pub enabled: bool,
    /// Gateway settings of the model (base model, price table, ...), an object.
    pub settings: Option<Json>,
}
