//! Versions as entity tags: version 7 is `"7"`.

use axum::http::HeaderValue;
use ledger_contract::errors::Problem;
use ledger_contract::headers::{digits, invalid};
use ledger_domain::{Expected, Version};

/// Returns the entity tag of a version.
pub(crate) fn tag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits in quotes are a header")
}

/// Parses `If-Match`. A weak tag is accepted, because compressing proxies weaken tags.
pub(super) fn if_match(text: &str) -> Result<Expected, Problem> {
    let text = text.trim();
    if text == "*" {
        return Ok(Expected::Any);
    }
    match number(text) {
        Some(version) if version > 0 => Ok(Expected::At(Version::new(version))),
        _ => Err(invalid("If-Match", "must be one version in quotes, like \"7\", or `*`")),
    }
}

/// Returns whether `If-None-Match` names a version.
pub(super) fn is_named(text: &str, version: u64) -> bool {
    let mut tags = text.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || number(tag) == Some(version))
}

fn number(tag: &str) -> Option<u64> {
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
    digits(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_number_in_quotes() {
        assert_eq!(tag(7), "\"7\"");
        for (text, expected) in [
            ("\"7\"", Expected::At(Version::new(7))),
            ("W/\"7\"", Expected::At(Version::new(7))),
            (" * ", Expected::Any),
        ] {
            assert_eq!(if_match(text), Ok(expected), "{text}");
        }
        for text in ["7", "\"0\"", "\"\"", "\"", "\"7\", \"8\"", "\"x\"", "'7'"] {
            assert!(if_match(text).is_err(), "{text}");
        }
    }

    #[test]
    fn any_of_several_versions_counts_when_reading() {
        assert!(is_named("\"6\", W/\"7\"", 7));
        assert!(is_named("*", 7));
        assert!(!is_named("\"6\", \"77\", 7", 7));
    }
}
