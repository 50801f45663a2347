//! Factors applied to a provider's prices.

use std::collections::BTreeMap;

use crate::limits;
use crate::text::{InvalidField, Line};

/// The multipliers with fixed names, as the Portkey API document lists them.
pub const MULTIPLIER_KEYS: [&str; 19] = [
    "default",
    "request_token",
    "response_token",
    "cache_read_input_token",
    "cache_write_input_token",
    "cache_read_audio_input_token",
    "request_audio_token",
    "response_audio_token",
    "reasoning_token",
    "prediction_accepted_token",
    "prediction_rejected_token",
    "request_image_token",
    "response_image_token",
    "request_text_token",
    "response_text_token",
    "cache_read_image_input_token",
    "cache_read_text_input_token",
    "cache_write_text_input_token",
    "cache_write_image_input_token",
];

/// A price factor: finite and not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multiplier(f64);

// Sound because a multiplier is never NaN.
impl Eq for Multiplier {}

impl Multiplier {
    /// Checks a factor; `field` names it in the error.
    pub fn parse(field: &str, value: f64) -> Result<Self, InvalidField> {
        if (0.0..=limits::PRICE_FACTOR).contains(&value) {
            return Ok(Self(value));
        }
        Err(InvalidField::new(field, "must be a number from 0 to 1,000,000,000"))
    }

    /// Takes a factor that was stored, whatever the limit was then. Returns `None` for what no
    /// version of the program accepted.
    pub fn stored(value: f64) -> Option<Self> {
        (value.is_finite() && value >= 0.0).then_some(Self(value))
    }

    /// Returns the factor.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Factors on a provider's prices. `None` is an explicit null, which clients may send and read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pricing {
    /// Factors by fixed name, each one of [`MULTIPLIER_KEYS`].
    pub multipliers: BTreeMap<Line, Option<Multiplier>>,
    /// The default factor for image prices.
    pub image_default: Option<Multiplier>,
    /// Factors for provider-specific units.
    pub additional_units: BTreeMap<Line, Multiplier>,
}
