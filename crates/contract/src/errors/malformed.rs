//! Converts JSON errors to problems that cannot repeat a secret.

use serde::Deserialize;

use super::{Code, Problem};
use crate::numbers::keeps_digits;

/// The mark with which some editors begin UTF-8 text. It belongs to the encoding.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a JSON body. A number that would lose digits is refused.
///
/// The JSON library's error text quotes the invalid value, which may be a misplaced secret. Only
/// its place, and what would be valid, are passed on.
pub fn read_json<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Problem> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let body = if body.is_empty() { b"{}" } else { body };
    let read = serde_json::from_slice(body).map_err(|error| problem(&error))?;
    if !keeps_digits(body) {
        let message = "a number has more digits than the ledger keeps; send it as text";
        return Err(Problem::because(Code::BodyMalformed, message));
    }
    Ok(read)
}

fn problem(error: &serde_json::Error) -> Problem {
    let place = format!("at line {} column {}", error.line(), error.column());
    let text = error.to_string();
    let message = match error.classify() {
        serde_json::error::Category::Data => match about_data(&text) {
            Some(about) => format!("the body does not fit {place}: {about}"),
            None => format!("the body does not fit {place}"),
        },
        serde_json::error::Category::Eof => "the body ends in the middle of its JSON".to_owned(),
        _ => format!("the body is not JSON {place}"),
    };
    Problem::because(Code::BodyMalformed, message)
}

/// Returns the part of an error about data that cannot contain a secret.
fn about_data(text: &str) -> Option<String> {
    let text = text.rsplit_once(" at line ").map_or(text, |(before, _)| before);
    if let Some(name) = between_ticks(text, "unknown field ") {
        let (_, known) = text.rsplit_once(", expected ").unwrap_or_default();
        return Some(format!("unknown field {name}; known are {known}"));
    }
    for known in ["missing field ", "duplicate field "] {
        if let Some(name) = between_ticks(text, known) {
            return Some(format!("{known}{name}"));
        }
    }
    text.rsplit_once(", expected ").map(|(_, expected)| format!("expected {expected}"))
}

/// Returns the name after `what`, if it looks like a field name and not like a secret.
fn between_ticks(text: &str, what: &str) -> Option<String> {
    let name = text.strip_prefix(what)?.split('`').nth(1)?;
    let plain =
        name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    Some(if plain { format!("`{name}`") } else { "(not shown)".to_owned() })
}

/// Longest name from a body that an error may repeat.
const SHOWN_CHARS: usize = 64;

/// Returns a name from a body, such as a label's key, if an error may repeat it, and `?` otherwise.
/// The name may be a misplaced secret; those contain digits or are long.
pub fn shown(name: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let fits = !name.is_empty() && name.len() <= SHOWN_CHARS && name.bytes().all(plain);
    if fits { name } else { "?" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its deserialization is tested")]
    struct Body {
        count: u64,
    }

    fn message(body: &str) -> String {
        read_json::<Body>(body.as_bytes()).unwrap_err().message
    }

    #[test]
    fn a_name_is_repeated_when_it_looks_like_nothing_else() {
        for name in ["team", "cost-center", "app.kubernetes.io/name", "_x"] {
            assert_eq!(shown(name), name);
        }
        for name in ["", "sk-4f3a", "two words", "ключ", "a\u{202e}", &"x".repeat(65)] {
            assert_eq!(shown(name), "?", "{name}");
        }
    }

    #[test]
    fn complaints_name_the_place_and_never_the_value() {
        let wrong_type = message(r#"{"count": "sk-canary-1, expected sk-canary-2"}"#);
        assert!(wrong_type.contains("expected u64"), "{wrong_type}");
        assert!(!wrong_type.contains("canary"), "{wrong_type}");
        let unknown = message(r#"{"cuont": 1}"#);
        assert!(unknown.contains("unknown field `cuont`; known are `count`"), "{unknown}");
        let secret_as_field = message(r#"{"sk-canary-123": 1}"#);
        assert!(!secret_as_field.contains("canary"), "{secret_as_field}");
        assert_eq!(
            message("{}"),
            "the body does not fit at line 1 column 2: missing field `count`"
        );
        assert_eq!(message(""), message("{}"));
        assert!(message("{").contains("ends in the middle"));
        assert!(message("sk-canary").contains("not JSON"));
    }

    #[test]
    fn a_byte_order_mark_belongs_to_the_encoding() {
        let read = read_json::<serde_json::Value>("\u{feff}{\"count\": 1}".as_bytes()).unwrap();
        assert_eq!(read, serde_json::json!({"count": 1}));
        assert!(message("\u{feff}\u{feff}{}").contains("not JSON"));
    }

    #[test]
    fn a_number_that_would_lose_digits_is_refused() {
        let read = |body: &str| read_json::<serde_json::Value>(body.as_bytes());
        assert!(read(r#"{"zip": 12345678901234567890123}"#).unwrap_err().message.contains("text"));
        assert!(read(r#"{"zip": "12345678901234567890123"}"#).is_ok());
        for kept in ["412246126.81182325", "0.1", "18446744073709551615", "1.7976931348623157e308"]
        {
            assert_eq!(read(kept).unwrap().to_string().replace("e+", "e"), kept);
        }
    }
}
