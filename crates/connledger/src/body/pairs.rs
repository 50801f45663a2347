//! `key=value` flags.

use std::str::FromStr;

use ledger_contract::numbers::keeps_digits;
use serde_json::Value;

/// A `key=value` flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The text before the first `=`.
    pub(crate) key: String,
    /// The text after it.
    pub(crate) value: String,
}

impl FromStr for Pair {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("must have the form KEY=VALUE")?;
        if key.is_empty() {
            return Err("must have a key before the `=`");
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }
}

/// A flag `KEY=TEXT` or `KEY:=JSON`.
///
/// Text stays as it was typed: `1.10` and `00123` must not become numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The key.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: Value,
}

impl FromStr for Setting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Pair { key, value } = text.parse()?;
        match key.strip_suffix(':') {
            None => Ok(Self { key, value: Value::String(value) }),
            Some("") => Err("must have a key before the `:=`"),
            Some(key) => Ok(Self { key: key.to_owned(), value: json(&value)? }),
        }
    }
}

/// Parses a number. A text that is none, or whose digits would be lost, is `None`.
pub(crate) fn number(text: &str) -> Option<Value> {
    let number = serde_json::from_str(text).ok()?;
    keeps_digits(text.as_bytes()).then_some(Value::Number(number))
}

/// Parses JSON. A number with more digits than the ledger stores is an error.
fn json(text: &str) -> Result<Value, &'static str> {
    let value = serde_json::from_str(text).map_err(|_| "must have JSON after the `:=`")?;
    if keeps_digits(text.as_bytes()) {
        Ok(value)
    } else {
        Err("has a number that would lose digits; write it as text")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_may_hold_equals_signs() {
        let pair: Pair = "endpoint=https://x?a=b".parse().unwrap();
        assert_eq!((pair.key.as_str(), pair.value.as_str()), ("endpoint", "https://x?a=b"));
        assert!("endpoint".parse::<Pair>().is_err());
        assert!("=x".parse::<Pair>().is_err());
    }

    #[test]
    fn a_number_keeps_its_digits_or_stays_text() {
        assert_eq!(number("0.7"), Some(json!(0.7)));
        for text in ["nan", "inf", "00123", "12345678901234567890123", "", "x"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn text_stays_as_it_was_typed_unless_json_is_requested() {
        let value = |text: &str| text.parse::<Setting>().map(|setting| setting.value);
        for text in ["1.10", "81111e1", "12345678901234567890123", "00123", "true", "[1]", ""] {
            assert_eq!(value(&format!("key={text}")), Ok(json!(text)));
        }
        assert_eq!(value("key:=5432"), Ok(json!(5432)));
        assert_eq!(value("key:=0.50"), Ok(json!(0.5)));
        assert_eq!(value("key:=1.5e3"), Ok(json!(1500.0)));
        assert_eq!(value("key:=[1, \"x\"]"), Ok(json!([1, "x"])));
        assert_eq!(value("key:=\"a=b\""), Ok(json!("a=b")));
        for text in ["key:=eu-west-1", "key:=", ":=1", "=1", "key", "key:=12345678901234567890123"]
        {
            assert!(value(text).is_err(), "{text}");
        }
    }
}
