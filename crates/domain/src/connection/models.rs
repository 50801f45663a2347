//! Which models may be used through a connection.

use std::collections::BTreeMap;

use crate::text::{Json, Line};

/// The model policy of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPolicy {
    /// Whether models without a rule are allowed.
    pub allow_all: bool,
    /// Rules for individual models, by slug.
    pub models: BTreeMap<Line, ModelRule>,
}

impl Default for ModelPolicy {
    fn default() -> Self {
        Self { allow_all: true, models: BTreeMap::new() }
    }
}

/// The rule for one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRule {
    /// Whether the model may be used.
    pub enabled: bool,
    /// Gateway settings of the model, such as base model or price table, as a JSON object.
    pub settings: Option<Json>,
}
