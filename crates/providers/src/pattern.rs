//! Patterns for text.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::limits::{PATTERN_BYTES, PATTERN_CHARS};

/// A regular expression that a text must match. As in JSON Schema, it may match anywhere in the
/// text unless it has `^` and `$`. The syntax is that of the `regex` crate, which matches in linear
/// time and supports neither look-arounds nor back references.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern. The error explains what is wrong with it.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.chars().count() > PATTERN_CHARS {
            return Err(format!("the pattern is longer than {PATTERN_CHARS} characters"));
        }
        let compiled = RegexBuilder::new(text).size_limit(PATTERN_BYTES).build();
        compiled.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the pattern needs too much memory".to_owned(),
            // The library's message spans several lines, and the last line has the cause.
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                format!("the pattern is not a regular expression: {}", last.trim())
            }
        })
    }

    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns whether a text matches.
    pub fn fits(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(de::Error::custom)
    }
}

impl JsonSchema for Pattern {
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "regex", "maxLength": PATTERN_CHARS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_anywhere_unless_it_is_anchored() {
        assert!(Pattern::new("b").unwrap().fits("abc"));
        assert!(!Pattern::new("^b$").unwrap().fits("abc"));
    }

    #[test]
    fn a_pattern_that_could_cost_much_is_refused() {
        for bad in ["(", "(?=a)", r"(a)\1", "a{1000}{1000}"] {
            let problem = Pattern::new(bad).unwrap_err();
            assert!(!problem.contains('\n'), "{problem}");
        }
        assert!(Pattern::new(&"a".repeat(PATTERN_CHARS + 1)).is_err());
    }
}
