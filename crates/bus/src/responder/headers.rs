//! Headers taken apart. Unknown ones are ignored; a known one may come once.

use async_nats::{HeaderMap, HeaderValue};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::{subjects, time};
use ledger_domain::{Expected, MessageId, Micros, Version};

/// What the headers of a message say.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) command_id: Option<MessageId>,
    pub(crate) expected: Expected,
    pub(crate) deadline: Option<Micros>,
    pub(crate) correlation_id: Option<MessageId>,
    pub(crate) causation_id: Option<MessageId>,
    pub(crate) trace_id: Option<MessageId>,
}

/// Returns the `Authorization` header. Read apart from the others, because nobody unknown is told
/// what else is wrong with a message.
pub(crate) fn authorization(headers: Option<&HeaderMap>) -> Result<Option<&str>, Problem> {
    let Some(headers) = headers else { return Ok(None) };
    let mut values = headers.get_all(subjects::AUTHORIZATION);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(Some(value.as_str())),
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(twice(subjects::AUTHORIZATION)),
    }
}

/// Reads every other header in one pass.
pub(crate) fn read(headers: Option<&HeaderMap>) -> Result<Headers, Problem> {
    let mut read = Headers::default();
    for (name, values) in headers.into_iter().flat_map(HeaderMap::iter) {
        match AsRef::<str>::as_ref(name) {
            subjects::COMMAND_ID => read.command_id = Some(id(subjects::COMMAND_ID, values)?),
            subjects::EXPECTED_VERSION => read.expected = expected(values)?,
            subjects::DEADLINE => read.deadline = Some(deadline(values)?),
            subjects::CORRELATION_ID => {
                read.correlation_id = Some(id(subjects::CORRELATION_ID, values)?);
            }
            subjects::CAUSATION_ID => read.causation_id = Some(id(subjects::CAUSATION_ID, values)?),
            subjects::TRACEPARENT => read.trace_id = trace_id(values),
            _ => {}
        }
    }
    Ok(read)
}

fn only<'a>(name: &'static str, values: &'a [HeaderValue]) -> Result<&'a str, Problem> {
    match values {
        [value] => Ok(value.as_str()),
        _ => Err(twice(name)),
    }
}

fn id(name: &'static str, values: &[HeaderValue]) -> Result<MessageId, Problem> {
    MessageId::parse(name, only(name, values)?).map_err(|error| invalid(name, &error.problem))
}

fn expected(values: &[HeaderValue]) -> Result<Expected, Problem> {
    let name = subjects::EXPECTED_VERSION;
    match only(name, values)? {
        "any" => Ok(Expected::Any),
        "absent" => Ok(Expected::Absent),
        number => match digits(number) {
            Some(version) if version > 0 => Ok(Expected::At(Version::new(version))),
            _ => Err(invalid(name, "must be `any`, `absent` or a version number from 1")),
        },
    }
}

/// Reads decimal digits alone; `parse` would take a plus sign too.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn deadline(values: &[HeaderValue]) -> Result<Micros, Problem> {
    let name = subjects::DEADLINE;
    time::parse(name, only(name, values)?).map_err(|error| invalid(name, &error.problem))
}

/// Takes the trace id of a well-formed W3C `traceparent`; anything else is somebody else's
/// mistake and not worth losing a command for.
fn trace_id(values: &[HeaderValue]) -> Option<MessageId> {
    let [value] = values else { return None };
    let mut parts = value.as_str().split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let well_formed = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && trace.bytes().any(|byte| byte != b'0')
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    if !well_formed {
        return None;
    }
    MessageId::parse(subjects::TRACEPARENT, trace).ok()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn twice(name: &'static str) -> Problem {
    invalid(name, "must be given once")
}

fn invalid(name: &'static str, reason: &str) -> Problem {
    let message = format!("the header {name} {reason}");
    Problem { field: Some(name.to_owned()), ..Problem::because(Code::HeaderInvalid, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, *value);
        }
        map
    }

    #[test]
    fn absent_headers_mean_nothing_is_asked() {
        let read = read(None).unwrap();
        assert!(read.command_id.is_none() && read.deadline.is_none());
        assert_eq!(read.expected, Expected::Any);
        assert_eq!(authorization(None).unwrap(), None);
    }

    #[test]
    fn well_formed_headers_are_read() {
        let map = map(&[
            ("Authorization", "Bearer x"),
            ("Ledger-Command-Id", "c-1"),
            ("Ledger-Expected-Version", "7"),
            ("Ledger-Deadline", "2026-11-21T01:02:03Z"),
            ("Ledger-Correlation-Id", "c-2"),
            ("Ledger-Causation-Id", "c-3"),
            ("traceparent", TRACEPARENT),
            ("Unknown", "1"),
            ("Unknown", "2"),
        ]);
        let read = read(Some(&map)).unwrap();
        assert_eq!(authorization(Some(&map)).unwrap(), Some("Bearer x"));
        assert_eq!(read.command_id.unwrap().as_str(), "c-1");
        assert_eq!(read.expected, Expected::At(Version::new(7)));
        assert_eq!(time::format(read.deadline.unwrap()), "2026-11-21T01:02:03.000000Z");
        assert_eq!(read.correlation_id.unwrap().as_str(), "c-2");
        assert_eq!(read.causation_id.unwrap().as_str(), "c-3");
        assert_eq!(read.trace_id.unwrap().as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn a_wrong_header_is_named() {
        for (name, value) in [
            ("Ledger-Command-Id", "with space"),
            ("Ledger-Command-Id", ""),
            ("Ledger-Expected-Version", "0"),
            ("Ledger-Expected-Version", "+1"),
            ("Ledger-Expected-Version", ""),
            ("Ledger-Expected-Version", "none"),
            ("Ledger-Deadline", "soon"),
        ] {
            let problem = read(Some(&map(&[(name, value)]))).unwrap_err();
            assert_eq!(problem.code, Code::HeaderInvalid, "{name}: {value}");
            assert_eq!(problem.field.as_deref(), Some(name));
            assert!(problem.message.starts_with(&format!("the header {name}")), "{problem}");
        }
    }

    #[test]
    fn a_header_given_twice_is_refused() {
        for name in ["Ledger-Command-Id", "Ledger-Expected-Version", "Ledger-Deadline"] {
            let problem = read(Some(&map(&[(name, "1"), (name, "1")]))).unwrap_err();
            assert_eq!(problem.code, Code::HeaderInvalid, "{name}");
        }
        let map = map(&[("Authorization", "a"), ("Authorization", "b")]);
        assert_eq!(authorization(Some(&map)).unwrap_err().code, Code::HeaderInvalid);
    }

    #[test]
    fn an_odd_traceparent_is_ignored() {
        for value in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert!(read(Some(&map(&[("traceparent", value)]))).unwrap().trace_id.is_none());
        }
        let later = format!("01{}-later", &TRACEPARENT[2..]);
        assert!(read(Some(&map(&[("traceparent", &later)]))).unwrap().trace_id.is_some());
    }
}
