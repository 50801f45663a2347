//! Factors applied to a provider's prices.

use ledger_domain::connection::{MULTIPLIER_KEYS, Multiplier, Pricing};
use ledger_domain::{InvalidField, Line, limits};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::input::{Checked as _, Factor, Input, Key, LineRule, MapInput, entry};

/// Most entries: one for each known name.
const ANY_NUMBER: usize = usize::MAX;

/// Factors applied to a provider's prices.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PricingBody {
    /// Factors by fixed name, each a number of at least 0 or null.
    #[serde(default)]
    #[schemars(extend("default" = json!({})))]
    pub multipliers: Multipliers<Option<FactorInput>>,
    /// The default factor for image prices.
    pub image_default: Option<Input<Factor>>,
    /// Factors for provider-specific units.
    #[serde(default)]
    #[schemars(extend("default" = json!({})))]
    pub additional_units: UnitFactors<FactorInput>,
}

/// Factors by fixed name.
pub type Multipliers<V> = MapInput<MultiplierKey, V, ANY_NUMBER>;
/// Factors for provider-specific units, by name.
pub type UnitFactors<V> = MapInput<LineRule<{ limits::FIELD_NAME_CHARS }>, V, ANY_NUMBER>;

/// The rule for a factor in a map.
type FactorInput = Input<Factor>;

/// The rule for the name of a factor.
#[derive(Debug)]
pub enum MultiplierKey {}

impl Key for MultiplierKey {
    type Value = Line;
    fn check(field: &str, name: &str) -> Result<Line, InvalidField> {
        if MULTIPLIER_KEYS.contains(&name) {
            return Line::parse(field, name, limits::FIELD_NAME_CHARS);
        }
        let known = MULTIPLIER_KEYS.join(", ");
        Err(InvalidField::new(field, format!("known names are {known}")))
    }
    fn schema() -> Value {
        json!({ "enum": MULTIPLIER_KEYS })
    }
}

impl PricingBody {
    /// Checks price factors.
    ///
    /// Errors: `field_invalid`.
    pub fn check(self) -> Result<Pricing, InvalidField> {
        let factor = |name: &str, value: FactorInput| -> Result<Multiplier, InvalidField> {
            value.check(&entry("pricing", name))
        };
        Ok(Pricing {
            multipliers: self.multipliers.check("pricing.multipliers", |name, value| {
                value.map(|value| factor(name, value)).transpose()
            })?,
            additional_units: self.additional_units.check("pricing.additional_units", factor)?,
            image_default: self.image_default.check("pricing.image_default")?,
        })
    }
}
