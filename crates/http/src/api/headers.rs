//! The headers of a request: those common to all APIs, and the standard HTTP names for some.

use axum::http::HeaderMap;
use axum::http::header::{IF_MATCH, IF_NONE_MATCH};
use ledger_contract::ResumePoint;
use ledger_contract::errors::Problem;
use ledger_contract::headers::{Headers, Reader, invalid, twice};
use ledger_domain::Expected;

use super::version;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const LAST_EVENT_ID: &str = "last-event-id";

/// Headers that must not be repeated, with the names used in errors.
const ONCE: [(&str, &str); 7] = [
    ("content-type", "Content-Type"),
    ("content-encoding", "Content-Encoding"),
    ("content-length", "Content-Length"),
    ("if-match", "If-Match"),
    ("if-none-match", "If-None-Match"),
    ("last-event-id", "Last-Event-ID"),
    ("x-request-id", "X-Request-Id"),
];

/// Parses the headers of a command.
///
/// Errors: `header_invalid`.
pub fn of_command(map: &HeaderMap) -> Result<Headers, Problem> {
    let mut reader = Reader::default();
    if let Some(text) = text(map, IF_MATCH.as_str(), "If-Match")? {
        reader.expect("If-Match", version::if_match(&text)?)?;
    }
    if let Some(text) = text(map, IF_NONE_MATCH.as_str(), "If-None-Match")? {
        if text.trim() != "*" {
            return Err(invalid("If-None-Match", "must be `*` on a command"));
        }
        reader.expect("If-None-Match", Expected::Absent)?;
    }
    for value in map.get_all(IDEMPOTENCY_KEY) {
        reader.command_id("Idempotency-Key", &String::from_utf8_lossy(value.as_bytes()))?;
    }
    shared(map, reader)
}

/// Parses the headers of a query.
pub(super) fn of_query(map: &HeaderMap) -> Result<Headers, Problem> {
    shared(map, Reader::default())
}

/// Returns the versions that the caller already has.
pub(super) fn if_none_match(map: &HeaderMap) -> Result<Option<String>, Problem> {
    text(map, IF_NONE_MATCH.as_str(), "If-None-Match")
}

/// Returns the id of the last event that the caller received.
pub(super) fn last_event_id(map: &HeaderMap) -> Result<Option<ResumePoint>, Problem> {
    let name = "Last-Event-ID";
    match text(map, LAST_EVENT_ID, name)? {
        None => Ok(None),
        Some(text) if text.is_empty() => Ok(None),
        Some(text) => match ResumePoint::parse(name, &text) {
            Ok(point) => Ok(Some(point)),
            Err(refused) => Err(invalid(name, &refused.problem)),
        },
    }
}

fn shared(map: &HeaderMap, mut reader: Reader) -> Result<Headers, Problem> {
    for (lower, name) in ONCE {
        if map.get_all(lower).iter().nth(1).is_some() {
            return Err(twice(name));
        }
    }
    for (name, value) in map {
        reader.take(name.as_str(), &String::from_utf8_lossy(value.as_bytes()))?;
    }
    Ok(reader.finish())
}

fn text(map: &HeaderMap, lower: &str, name: &'static str) -> Result<Option<String>, Problem> {
    let mut values = map.get_all(lower).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(twice(name)),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(_) => Err(invalid(name, "must be ASCII")),
        },
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use ledger_contract::errors::Code;
    use ledger_domain::{Incarnation, Position, Version};

    use super::*;

    fn map(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn standard_names_mean_the_same_as_the_ledgers_own() {
        let read = of_command(&map(&[("idempotency-key", "k-1"), ("if-match", "\"7\"")])).unwrap();
        assert_eq!(read.command_id.unwrap().as_str(), "k-1");
        assert_eq!(read.expected, Expected::At(Version::new(7)));
        let absent = of_command(&map(&[("if-none-match", "*")])).unwrap();
        assert_eq!(absent.expected, Expected::Absent);
        let ours = [("ledger-command-id", "k-1"), ("ledger-expected-version", "7")];
        let read = of_command(&map(&ours)).unwrap();
        assert_eq!(read.expected, Expected::At(Version::new(7)));
    }

    #[test]
    fn repeated_headers_are_refused() {
        for pairs in [
            [("idempotency-key", "a"), ("idempotency-key", "a")],
            [("idempotency-key", "a"), ("ledger-command-id", "a")],
            [("if-match", "\"1\""), ("if-match", "\"1\"")],
            [("if-match", "\"1\""), ("if-none-match", "*")],
            [("if-match", "\"1\""), ("ledger-expected-version", "1")],
            [("content-type", "application/json"), ("content-type", "application/json")],
            [("x-request-id", "a"), ("x-request-id", "b")],
        ] {
            let problem = of_command(&map(&pairs)).unwrap_err();
            assert_eq!(problem.code, Code::HeaderInvalid, "{pairs:?}");
            assert!(problem.field.is_some());
        }
    }

    #[test]
    fn the_id_of_an_event_is_a_position_alone_or_with_its_history() {
        let position = Position::new(12);
        let bare = last_event_id(&map(&[("last-event-id", "12")]));
        assert_eq!(bare, Ok(Some(ResumePoint::in_any_history(position))));
        let whole = ResumePoint::new(position, Incarnation::from_bytes([1; 16]));
        let read = last_event_id(&map(&[("last-event-id", &whole.to_string())]));
        assert_eq!(read, Ok(Some(whole)));
        assert_eq!(last_event_id(&map(&[("last-event-id", "")])), Ok(None));
        assert!(last_event_id(&map(&[("last-event-id", "-1")])).is_err());
    }
}
