//! Rules for single texts. Each function returns what is wrong, if anything.

use std::collections::BTreeSet;

use ledger_domain::limits::{FIELD_NAME_CHARS, PROVIDER_CHARS};

use super::Faults;
use crate::limits;

/// Checks a provider's id.
pub(super) fn id(text: &str) -> Option<String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    let start = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if start && text.chars().all(inner) && text.len() <= PROVIDER_CHARS {
        return None;
    }
    Some(format!(
        "must be lower-case letters, digits, `.`, `_` and `-`, beginning with a letter or digit, \
         at most {PROVIDER_CHARS} characters"
    ))
}

/// Checks a field's name or spelling.
pub(super) fn field_name(text: &str) -> Option<String> {
    let good = !text.is_empty()
        && text.len() <= FIELD_NAME_CHARS
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    let rule =
        || format!("must be visible ASCII without spaces, 1 to {FIELD_NAME_CHARS} characters");
    (!good).then(rule)
}

/// Checks one line of text.
pub(super) fn line(text: &str, most: usize) -> Option<String> {
    if text.trim().is_empty() {
        return Some("is empty; give a value or leave it out".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Some("must be one line without control characters".to_owned());
    }
    too_long(text, most)
}

/// Checks text that may have several lines.
pub(super) fn prose(text: &str) -> Option<String> {
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().any(odd) {
        return Some("must not have control characters other than line breaks and tabs".to_owned());
    }
    too_long(text, limits::PROSE_CHARS)
}

/// Checks the URL of a web page or API, which may begin with a placeholder.
pub(super) fn address(text: &str) -> Option<String> {
    let known = ["https://", "http://", "${"].iter().any(|start| text.starts_with(start));
    if !known {
        return Some("must begin with https://, http:// or a placeholder".to_owned());
    }
    if text.chars().any(|c| c.is_control() || c == ' ') {
        return Some("must not contain spaces or control characters".to_owned());
    }
    too_long(text, limits::URL_CHARS)
}

/// Checks the name of an HTTP header.
pub(super) fn header_name(text: &str) -> Option<String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let fits = !text.is_empty() && text.len() <= limits::HEADER_CHARS && text.bytes().all(good);
    (!fits).then(|| "is not a header name".to_owned())
}

fn too_long(text: &str, most: usize) -> Option<String> {
    let chars = text.chars().count();
    (chars > most).then(|| format!("has {chars} characters, at most {most} are allowed"))
}

/// Checks that a list has no duplicates.
pub(super) fn no_repeats<T: Ord>(place: &str, list: &[T], faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for (index, entry) in list.iter().enumerate() {
        if !seen.insert(entry) {
            faults.add(format!("{place}[{index}]"), "occurs twice; leave one out");
        }
    }
}
