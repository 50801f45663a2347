//! Whole numbers in a range.

use ledger_domain::InvalidField;
use serde_json::{Number, Value, json};

use super::Rule;

/// A whole number from `MIN` to `MAX`. `10.0` is one, too.
#[derive(Debug)]
pub enum WholeRule<const MIN: u32, const MAX: u32> {}

impl<const MIN: u32, const MAX: u32> Rule for WholeRule<MIN, MAX> {
    type Raw = Number;
    type Value = u32;
    fn check(field: &str, raw: Number) -> Result<u32, InvalidField> {
        let whole = raw.as_u64().or_else(|| {
            let number = raw.as_f64().filter(|number| number.fract() == 0.0)?;
            // Formatted, because a cast would change what does not fit.
            format!("{number}").parse().ok()
        });
        let number = whole.and_then(|whole| u32::try_from(whole).ok());
        number.filter(|number| (MIN..=MAX).contains(number)).ok_or_else(|| {
            InvalidField::new(field, format!("must be a whole number from {MIN} to {MAX}"))
        })
    }
    fn schema() -> Value {
        json!({ "type": "integer", "format": "uint32", "minimum": MIN, "maximum": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_whole_and_in_its_range() {
        let check = |text: &str| {
            let number = serde_json::from_str(text).unwrap();
            WholeRule::<0, 90>::check("days", number).ok()
        };
        assert_eq!([check("0"), check("90"), check("10.0")], [Some(0), Some(90), Some(10)]);
        for wrong in ["-1", "91", "0.5", "1e30", "4294967297"] {
            assert_eq!(check(wrong), None, "{wrong}");
        }
    }
}
