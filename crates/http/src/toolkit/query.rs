//! Parsing query strings.

use ledger_domain::InvalidField;

/// Splits a query string into pairs. Text that is not UTF-8 is refused rather than silently
/// changed.
///
/// Errors: `field_invalid`.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>, InvalidField> {
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    if pairs.iter().any(|(_, value)| value.contains(char::REPLACEMENT_CHARACTER)) {
        return Err(InvalidField::new("query", "must be UTF-8 when decoded"));
    }
    Ok(pairs)
}
