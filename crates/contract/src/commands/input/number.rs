//! Rules of numbers.

use ledger_domain::connection::Multiplier;
use ledger_domain::{InvalidField, Version, limits};
use serde_json::{Value, json};

use super::Rule;

/// A whole number of at least 1.
#[derive(Debug)]
pub enum AtLeastOne {}

impl Rule for AtLeastOne {
    type Raw = u64;
    type Value = u64;
    fn check(field: &str, raw: u64) -> Result<u64, InvalidField> {
        if raw == 0 {
            return Err(InvalidField::new(field, "must be at least 1"));
        }
        Ok(raw)
    }
    fn schema() -> Value {
        json!({ "type": "integer", "format": "uint64", "minimum": 1, "maximum": u64::MAX })
    }
}

/// The number of an earlier version. Whether it exists is checked against the connection.
#[derive(Debug)]
pub enum VersionNumber {}

impl Rule for VersionNumber {
    type Raw = u64;
    type Value = Version;
    fn check(_: &str, raw: u64) -> Result<Version, InvalidField> {
        Ok(Version::new(raw))
    }
    fn schema() -> Value {
        AtLeastOne::schema()
    }
}

/// A factor on a price: finite and not negative.
#[derive(Debug)]
pub enum Factor {}

impl Rule for Factor {
    type Raw = f64;
    type Value = Multiplier;
    fn check(field: &str, raw: f64) -> Result<Multiplier, InvalidField> {
        Multiplier::parse(field, raw)
    }
    fn schema() -> Value {
        json!({ "type": "number", "format": "double", "minimum": 0,
                "maximum": limits::PRICE_FACTOR })
    }
}
