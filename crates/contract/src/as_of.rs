//! The moments of the past at which states are asked for.

use ledger_domain::{InvalidField, Version};
use serde_json::{Value, json};

use crate::headers::digits;
use crate::moment::Moment;
use crate::resume::{self, ResumePoint};

/// Most digits of a version, so that every JSON parser represents it exactly.
const DIGITS_MAX: usize = 15;
/// What the text of a version matches.
const VERSION_PATTERN: &str = "^v[1-9][0-9]{0,14}$";

/// A moment of the past.
///
/// A state as of a time has every event that was recorded at that time or before, by the recorded
/// times of the log, which never go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// A time, or a span of time before now.
    Time(Moment),
    /// The end of a part of the log.
    Position(ResumePoint),
    /// A version of the one connection that is asked about.
    Version(Version),
}

impl AsOf {
    /// Parses an RFC 3339 time, a span of time like `36h`, a position like `1042`, alone or with
    /// its history, or a version like `v3`. `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        if let Some(number) = text.strip_prefix('v') {
            return version(number).map(Self::Version).ok_or_else(|| invalid(field));
        }
        let is_position = text.contains('@') || text.bytes().all(|byte| byte.is_ascii_digit());
        if is_position && !text.is_empty() {
            return ResumePoint::parse(field, text).map(Self::Position);
        }
        Moment::parse(field, text).map(Self::Time).map_err(|_| invalid(field))
    }

    /// Returns the JSON Schema of the texts that [`Self::parse`] reads.
    pub fn schema() -> Value {
        json!({ "anyOf": [
            Moment::schema(),
            { "type": "string", "pattern": resume::PATTERN },
            { "type": "string", "pattern": VERSION_PATTERN },
        ] })
    }
}

fn version(text: &str) -> Option<Version> {
    let is_number = !text.starts_with('0') && (1..=DIGITS_MAX).contains(&text.len());
    digits(text).filter(|_| is_number).map(Version::new)
}

fn invalid(field: &str) -> InvalidField {
    let problem = "must be a time like 2026-11-21T01:02:03Z, how long ago like 36h, a position of \
                   the log like 1042, or a version of a connection like v3";
    InvalidField::new(field, problem)
}

#[cfg(test)]
mod tests {
    use ledger_domain::{Micros, Position};

    use super::*;

    #[test]
    fn a_moment_is_a_time_a_span_a_position_or_a_version() {
        let read = |text| AsOf::parse("as_of", text);
        let time = Moment::At(Micros::new(1_000_000));
        assert_eq!(read("1970-01-01T00:00:01Z"), Ok(AsOf::Time(time)));
        assert_eq!(read("1970-01-01T01:00:01+01:00"), Ok(AsOf::Time(time)), "with an offset");
        assert_eq!(read("36h"), Ok(AsOf::Time(Moment::In(129_600))));
        let position = ResumePoint::in_any_history(Position::new(1_042));
        assert_eq!(read("1042"), Ok(AsOf::Position(position)));
        let whole = "7@018f3c1e-7d1a-7e39-8c0f-5d1b2a3c4d5e";
        assert!(matches!(read(whole), Ok(AsOf::Position(point)) if point.incarnation.is_some()));
        assert_eq!(read("v3"), Ok(AsOf::Version(Version::new(3))));
        let wrong = ["", "v", "v0", "v03", "V3", "-1", "1.5", "@", "1@", "yesterday"];
        for wrong in wrong.into_iter().chain(["v1234567890123456"]) {
            let error = read(wrong).unwrap_err();
            assert_eq!(error.field, "as_of", "{wrong}");
        }
    }
}
