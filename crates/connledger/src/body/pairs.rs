//! `key=value` flags.

use std::str::FromStr;

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

/// Parses the text as JSON; returns it as a string if it is not JSON.
pub(crate) fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
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
    fn text_that_is_not_json_is_a_string() {
        assert_eq!(json_or_text("5432"), json!(5432));
        assert_eq!(json_or_text("[1]"), json!([1]));
        assert_eq!(json_or_text("eu-west-1"), json!("eu-west-1"));
    }
}
