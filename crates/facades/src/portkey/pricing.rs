//! Multipliers of a provider's prices.

use std::collections::BTreeMap;

use ledger_contract::commands::input::entry;
use ledger_contract::commands::{Multipliers, UnitFactors};
use ledger_domain::InvalidField;
use ledger_domain::connection::{Multiplier, Pricing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Multipliers of a provider's prices.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PricingAdjustments")]
#[serde(deny_unknown_fields)]
pub(super) struct Adjustments {
    /// The multipliers.
    multiplier: Option<Factors>,
}

/// Multipliers by subject.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PricingMultiplier")]
struct Factors {
    /// For images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<ImageFactors>,
    /// For the provider's own units, by name, each at least 0.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    additional_units: BTreeMap<String, f64>,
    /// For the units that Portkey names, each at least 0 or null.
    #[serde(flatten)]
    named: BTreeMap<String, Option<f64>>,
}

/// Multipliers for images.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ImageMultiplier")]
#[serde(deny_unknown_fields)]
struct ImageFactors {
    /// For images of any kind, at least 0.
    default: Option<f64>,
}

impl Adjustments {
    /// Converts the multipliers into the ledger's form; none if no multiplier is given.
    ///
    /// Errors: `field_invalid`.
    pub(super) fn check(self) -> Result<Option<Pricing>, InvalidField> {
        let Some(Factors { image, additional_units, named }) = self.multiplier else {
            return Ok(None);
        };
        let factor = |name: &str, factor| Multiplier::parse(&entry("pricing", name), factor);
        let multipliers = Multipliers::from(named).check("pricing.multipliers", |name, value| {
            value.map(|value| factor(name, value)).transpose()
        });
        let units = UnitFactors::from(additional_units);
        let image = image.and_then(|image| image.default);
        let image = image.map(|value| Multiplier::parse("pricing.image_default", value));
        Ok(Some(Pricing {
            multipliers: multipliers?,
            additional_units: units.check("pricing.additional_units", factor)?,
            image_default: image.transpose()?,
        }))
    }

    /// Returns multipliers in Portkey's format.
    pub(super) fn of(pricing: &Pricing) -> Self {
        let default = pricing.image_default.map(Multiplier::get);
        let units = pricing.additional_units.iter();
        let named = pricing.multipliers.iter();
        let factors = Factors {
            image: default.map(|default| ImageFactors { default: Some(default) }),
            additional_units: units.map(|(name, one)| (name.to_string(), one.get())).collect(),
            named: named.map(|(name, one)| (name.to_string(), one.map(Multiplier::get))).collect(),
        };
        Self { multiplier: Some(factors) }
    }
}
