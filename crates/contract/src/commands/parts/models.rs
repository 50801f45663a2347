//! Which models may be used.

use ledger_domain::connection::{ModelPolicy, ModelRule};
use ledger_domain::{InvalidField, limits};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::json;
use crate::commands::input::{LineRule, MapInput, entry};

/// A model policy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelPolicyBody {
    /// Whether models without a rule are allowed.
    pub allow_all: bool,
    /// Rules for individual models, by slug.
    #[serde(default)]
    pub models: MapInput<LineRule<{ limits::MODEL_CHARS }>, ModelRuleBody, { limits::MODELS }>,
}

/// The rule for one model.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelRuleBody {
    /// Whether the model may be used.
    pub enabled: bool,
    /// Gateway settings of the model, an object.
    #[schemars(with = "Option<Map<String, Value>>")]
    pub settings: Option<Value>,
}

impl ModelPolicyBody {
    /// Checks a model policy.
    ///
    /// Errors: `field_invalid`.
    pub fn check(self) -> Result<ModelPolicy, InvalidField> {
        let models = self.models.check("models", |name, rule| {
            let settings = rule.settings.as_ref();
            if settings.is_some_and(|settings| !settings.is_object()) {
                let field = entry("models", name) + ".settings";
                return Err(InvalidField::new(field, "must be an object"));
            }
            Ok(ModelRule { enabled: rule.enabled, settings: settings.map(json) })
        })?;
        Ok(ModelPolicy { allow_all: self.allow_all, models })
    }
}
