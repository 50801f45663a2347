//! Rules of numbers.

use ledger_domain::connection::{Amount, Multiplier, UsageUnit};
use ledger_domain::{InvalidField, Version, limits};
use schemars::Schema;
use serde_json::{Number, Value, json};

use super::{Input, Rule};

/// What a limit of 0 could be meant for.
const NO_LIMIT: &str = "0 does not mean unlimited: leave the limit out, or send null in its place";

/// A whole number of at least 1 that limits something. `10.0` is one, too.
#[derive(Debug)]
pub enum AtLeastOne {}

impl Rule for AtLeastOne {
    type Raw = Number;
    type Value = u64;
    fn check(field: &str, raw: Number) -> Result<u64, InvalidField> {
        let problem = || format!("must be a whole number of at least 1; {NO_LIMIT}");
        match amount(&raw).map(Amount::get) {
            Some(Ok(whole)) => Ok(whole),
            _ => Err(InvalidField::new(field, problem())),
        }
    }
    fn schema() -> Value {
        json!({ "type": "integer", "format": "uint64", "minimum": 1, "maximum": u64::MAX })
    }
}

/// An amount that limits use: of money, which may have decimals, or of tokens.
#[derive(Debug)]
pub enum AmountRule {}

impl Rule for AmountRule {
    type Raw = Number;
    type Value = Amount;
    fn check(field: &str, raw: Number) -> Result<Amount, InvalidField> {
        amount(&raw).ok_or_else(|| {
            InvalidField::new(field, format!("must be more than 0 and below 2^64; {NO_LIMIT}"))
        })
    }
    fn schema() -> Value {
        json!({ "type": "number", "exclusiveMinimum": 0, "maximum": u64::MAX })
    }
}

impl Input<AmountRule> {
    /// Checks an amount of some unit. Tokens are counted whole.
    ///
    /// Errors: `field_invalid`.
    pub fn check_in(self, unit: UsageUnit, field: &str) -> Result<Amount, InvalidField> {
        let amount = self.check(field)?;
        match (unit, amount.get()) {
            (UsageUnit::Tokens, Err(_)) => {
                Err(InvalidField::new(field, "must be a whole number of tokens"))
            }
            (UsageUnit::Tokens | UsageUnit::Cost, _) => Ok(amount),
        }
    }
}

/// Says in the schema of a usage limit what [`Input::check_in`] checks.
pub fn whole_tokens(schema: &mut Schema) {
    let of_tokens =
        json!({ "properties": { "type": { "const": "tokens" } }, "required": ["type"] });
    let whole = json!({ "properties": {
        "credit_limit": { "type": "integer" },
        "alert_threshold": { "type": ["integer", "null"] },
    } });
    schema.insert("if".to_owned(), of_tokens);
    schema.insert("then".to_owned(), whole);
}

fn amount(number: &Number) -> Option<Amount> {
    match number.as_u64() {
        Some(whole) => Amount::whole(whole),
        None => number.as_f64().and_then(Amount::decimal),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn whole_numbers_may_be_written_with_a_point() {
        assert_eq!(AtLeastOne::check("value", number("10.0")), Ok(10));
        assert_eq!(AmountRule::check("limit", number("10.0")), Ok(Amount::whole(10).unwrap()));
        assert!(AtLeastOne::check("value", number("0.5")).is_err());
    }

    #[test]
    fn money_may_have_decimals_and_tokens_may_not() {
        let check = |unit, text| Input::<AmountRule>(number(text)).check_in(unit, "limit");
        assert_eq!(check(UsageUnit::Cost, "0.5"), Ok(Amount::decimal(0.5).unwrap()));
        assert_eq!(check(UsageUnit::Tokens, "2.0"), Ok(Amount::whole(2).unwrap()));
        assert!(check(UsageUnit::Tokens, "2.5").is_err());
    }

    #[test]
    fn zero_is_refused_with_what_to_use_for_no_limit() {
        for text in ["0", "0.0", "-1", "-0.5"] {
            let refusals = [
                AtLeastOne::check("value", number(text)).map(drop),
                AmountRule::check("limit", number(text)).map(drop),
            ];
            for refusal in refusals {
                assert!(refusal.unwrap_err().problem.contains("leave the limit out"), "{text}");
            }
        }
    }
}
