//! Parses the headers that have the same meaning at every endpoint. Names are case-insensitive.
//! Unknown headers are ignored, and a known one may occur only once.

use ledger_domain::{Expected, MessageId, Micros, Version};

use crate::errors::{Code, Problem};
use crate::{subjects, time};

/// The parsed headers of a message.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    /// The caller's id for the command.
    pub command_id: Option<MessageId>,
    /// The version that the caller expects.
    pub expected: Expected,
    /// The time after which the command must not be executed.
    pub deadline: Option<Micros>,
    /// Correlation id.
    pub correlation_id: Option<MessageId>,
    /// Causation id: the id of the parent message.
    pub causation_id: Option<MessageId>,
    /// W3C trace id.
    pub trace_id: Option<MessageId>,
    /// The whole well-formed `traceparent` that it is of.
    pub traceparent: Option<Box<str>>,
}

/// Parses pairs of name and value.
///
/// Errors: `header_invalid` with the header's name as the field.
pub fn read<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Headers, Problem> {
    let mut reader = Reader::default();
    for (name, value) in pairs {
        reader.take(name, value)?;
    }
    Ok(reader.finish())
}

/// Parses headers one by one, for endpoints with their own names for some of them.
#[derive(Debug, Default)]
pub struct Reader {
    read: Headers,
    expectation_seen: bool,
    trace_seen: bool,
}

impl Reader {
    /// Parses one header. Unknown headers are ignored.
    pub fn take(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if is(subjects::COMMAND_ID) {
            return self.command_id(subjects::COMMAND_ID, value);
        }
        if is(subjects::EXPECTED_VERSION) {
            return self.expect(subjects::EXPECTED_VERSION, expected(value)?);
        }
        if is(subjects::DEADLINE) {
            let name = subjects::DEADLINE;
            let time = time::parse(name, value).map_err(|error| invalid(name, &error.problem))?;
            return once(name, &mut self.read.deadline, time);
        }
        if is(subjects::CORRELATION_ID) {
            let name = subjects::CORRELATION_ID;
            return once(name, &mut self.read.correlation_id, id(name, value)?);
        }
        if is(subjects::CAUSATION_ID) {
            let name = subjects::CAUSATION_ID;
            return once(name, &mut self.read.causation_id, id(name, value)?);
        }
        if is(subjects::TRACEPARENT) {
            // A malformed trace header is not worth rejecting a command for.
            self.read.trace_id = if self.trace_seen { None } else { trace_id(value) };
            self.read.traceparent = self.read.trace_id.as_ref().map(|_| value.into());
            self.trace_seen = true;
        }
        Ok(())
    }

    /// Parses the command id in a header that this endpoint calls `name`.
    pub fn command_id(&mut self, name: &'static str, value: &str) -> Result<(), Problem> {
        once(name, &mut self.read.command_id, id(name, value)?)
    }

    /// Sets the expected version from a header that this endpoint calls `name`.
    pub fn expect(&mut self, name: &'static str, expected: Expected) -> Result<(), Problem> {
        if self.expectation_seen {
            return Err(twice(name));
        }
        self.expectation_seen = true;
        self.read.expected = expected;
        Ok(())
    }

    /// Returns the parsed headers.
    pub fn finish(self) -> Headers {
        self.read
    }
}

/// Returns the problem of a header that occurs more than once, alone or under another name.
pub fn twice(name: &'static str) -> Problem {
    invalid(name, "must be given once")
}

/// Returns the problem of an invalid header.
pub fn invalid(name: &'static str, reason: &str) -> Problem {
    let message = format!("the header {name} {reason}");
    Problem { field: Some(name.to_owned()), ..Problem::because(Code::HeaderInvalid, message) }
}

/// Parses decimal digits only; `parse` would also accept a plus sign.
pub fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn once<T>(name: &'static str, slot: &mut Option<T>, value: T) -> Result<(), Problem> {
    if slot.is_some() {
        return Err(twice(name));
    }
    *slot = Some(value);
    Ok(())
}

fn id(name: &'static str, value: &str) -> Result<MessageId, Problem> {
    MessageId::parse(name, value).map_err(|error| invalid(name, &error.problem))
}

fn expected(value: &str) -> Result<Expected, Problem> {
    match value {
        "any" => Ok(Expected::Any),
        "absent" => Ok(Expected::Absent),
        number => match digits(number) {
            Some(version) if version > 0 => Ok(Expected::At(Version::new(version))),
            _ => {
                let reason = "must be `any`, `absent` or a version number from 1";
                Err(invalid(subjects::EXPECTED_VERSION, reason))
            }
        },
    }
}

/// Returns the trace id of a well-formed W3C `traceparent`.
fn trace_id(value: &str) -> Option<MessageId> {
    let mut parts = value.split('-');
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

#[cfg(test)]
mod tests {
    use super::*;

    const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn absent_headers_give_the_defaults() {
        let read = read([]).unwrap();
        assert!(read.command_id.is_none() && read.deadline.is_none());
        assert_eq!(read.expected, Expected::Any);
    }

    #[test]
    fn well_formed_headers_are_read() {
        let read = read([
            ("Authorization", "Bearer x"),
            ("Ledger-Command-Id", "c-1"),
            ("ledger-expected-version", "7"),
            ("Ledger-Deadline", "2026-11-21T01:02:03Z"),
            ("LEDGER-CORRELATION-ID", "c-2"),
            ("Ledger-Causation-Id", "c-3"),
            ("traceparent", TRACEPARENT),
            ("Unknown", "1"),
            ("Unknown", "2"),
        ])
        .unwrap();
        assert_eq!(read.command_id.unwrap().as_str(), "c-1");
        assert_eq!(read.expected, Expected::At(Version::new(7)));
        assert_eq!(time::format(read.deadline.unwrap()), "2026-11-21T01:02:03.000000Z");
        assert_eq!(read.correlation_id.unwrap().as_str(), "c-2");
        assert_eq!(read.causation_id.unwrap().as_str(), "c-3");
        assert_eq!(read.trace_id.unwrap().as_str(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn an_invalid_header_is_named() {
        for (name, value) in [
            ("Ledger-Command-Id", "with space"),
            ("Ledger-Command-Id", ""),
            ("Ledger-Expected-Version", "0"),
            ("Ledger-Expected-Version", "+1"),
            ("Ledger-Expected-Version", ""),
            ("Ledger-Expected-Version", "none"),
            ("Ledger-Deadline", "soon"),
        ] {
            let problem = read([(name, value)]).unwrap_err();
            assert_eq!(problem.code, Code::HeaderInvalid, "{name}: {value}");
            assert_eq!(problem.field.as_deref(), Some(name));
            assert!(problem.message.starts_with(&format!("the header {name}")), "{problem}");
        }
    }

    #[test]
    fn a_header_given_twice_is_refused() {
        let time = "2026-11-21T01:02:03Z";
        for (name, value) in [
            ("Ledger-Command-Id", "1"),
            ("Ledger-Expected-Version", "1"),
            ("Ledger-Deadline", time),
            ("Ledger-Correlation-Id", "1"),
            ("Ledger-Causation-Id", "1"),
        ] {
            let problem = read([(name, value), (name, value)]).unwrap_err();
            assert_eq!(problem.code, Code::HeaderInvalid, "{name}");
        }
        let mut reader = Reader::default();
        reader.expect("If-Match", Expected::Absent).unwrap();
        assert!(reader.take("Ledger-Expected-Version", "any").is_err(), "given in two ways");
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
            assert!(read([("traceparent", value)]).unwrap().trace_id.is_none());
        }
        let pair = ("traceparent", TRACEPARENT);
        assert!(read([pair, pair]).unwrap().trace_id.is_none(), "it is ambiguous");
        let later = format!("01{}-later", &TRACEPARENT[2..]);
        assert!(read([("traceparent", later.as_str())]).unwrap().trace_id.is_some());
    }
}
