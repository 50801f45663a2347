//! Resume points: what a reader is given to continue after, and hands back later.

use std::borrow::Cow;
use std::fmt;

use ledger_domain::{Incarnation, InvalidField, Position};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::errors::{Code, Problem};
use crate::headers::digits;

/// Most digits of a position, so that every JSON parser represents it exactly.
const DIGITS_MAX: usize = 15;
/// Length of an incarnation as text.
const INCARNATION_CHARS: usize = 36;
/// What the text of a resume point matches.
pub const PATTERN: &str =
    "^[0-9]{1,15}(@[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$";

/// A position of the log, and the history in which it is that position.
///
/// A restored ledger has another history: it may have other events at the same positions. The text
/// is `<position>@<incarnation>`, such as `1042@018f3c1e-7d1a-7e39-8c0f-5d1b2a3c4d5e`. People may
/// leave out the history; such a point is compared with the end of the log only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// The position; events after it follow.
    pub position: Position,
    /// The history, if it is known.
    pub incarnation: Option<Incarnation>,
}

impl ResumePoint {
    /// Returns the point after a position of one history.
    pub const fn new(position: Position, incarnation: Incarnation) -> Self {
        Self { position, incarnation: Some(incarnation) }
    }

    /// Returns the point after a position of whatever history the ledger has.
    pub const fn in_any_history(position: Position) -> Self {
        Self { position, incarnation: None }
    }

    /// Parses the text; `field` names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        let invalid = || {
            let problem = "must be a position, such as `1042`, or `<position>@<incarnation>`, as \
                           the ledger returned it";
            InvalidField::new(field, problem)
        };
        let (position, incarnation) = match text.split_once('@') {
            None => (text, None),
            Some((position, incarnation)) => (position, Some(incarnation)),
        };
        let position = Some(position).filter(|text| (1..=DIGITS_MAX).contains(&text.len()));
        let position = position.and_then(digits).map(Position::new).ok_or_else(invalid)?;
        let parse = |text: &str| {
            let as_written = text.len() == INCARNATION_CHARS
                && text.bytes().all(|byte| !byte.is_ascii_uppercase());
            as_written.then(|| text.parse().ok()).flatten().ok_or_else(invalid)
        };
        Ok(Self { position, incarnation: incarnation.map(parse).transpose()? })
    }

    /// Returns the position if the log whose end is `end` has it, in the same history.
    ///
    /// Errors: `history_changed`, `position_unknown`, both with `end`.
    pub fn check(self, end: Self) -> Result<Position, Problem> {
        match (self.incarnation, end.incarnation) {
            (Some(wanted), Some(own)) if wanted != own => Err(history_changed(end)),
            _ if self.position > end.position => Err(position_unknown(end)),
            _ => Ok(self.position),
        }
    }
}

/// Returns the problem of a resume point or cursor of another history than that whose end is `end`.
pub fn history_changed(end: ResumePoint) -> Problem {
    let message = "the ledger was restored since, so that its history is another one";
    Problem::because(Code::HistoryChanged, message).with_end(end)
}

/// Returns the problem of a position after the end of the log, which is `end`.
pub fn position_unknown(end: ResumePoint) -> Problem {
    let position = end.position;
    let message = format!("the log ends at position {position}, before the given one");
    Problem::because(Code::PositionUnknown, message).with_end(end)
}

impl fmt::Display for ResumePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.incarnation {
            Some(incarnation) => write!(f, "{}@{incarnation}", self.position),
            None => self.position.fmt(f),
        }
    }
}

impl Serialize for ResumePoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResumePoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse("resume point", &text).map_err(de::Error::custom)
    }
}

impl JsonSchema for ResumePoint {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ResumePoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": PATTERN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Incarnation = Incarnation::from_bytes([1; 16]);
    const OTHER: Incarnation = Incarnation::from_bytes([2; 16]);

    fn point(position: u64, incarnation: Incarnation) -> ResumePoint {
        ResumePoint::new(Position::new(position), incarnation)
    }

    #[test]
    fn a_resume_point_is_read_back_as_it_was_written() {
        let bare = ResumePoint::in_any_history(Position::new(0));
        for one in [bare, point(0, OWN), point(999_999_999_999_999, OTHER)] {
            let text = one.to_string();
            assert_eq!(ResumePoint::parse("after", &text), Ok(one), "{text}");
            let json = serde_json::to_string(&one).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<ResumePoint>(&json).unwrap(), one);
        }
    }

    #[test]
    fn what_is_no_resume_point_is_refused_and_not_repeated() {
        let upper = OWN.to_string().replace('1', "A");
        for text in [
            "",
            "@",
            "-1",
            "+1",
            "1@",
            "1000000000000000",
            "canary",
            &format!("@{OWN}"),
            &format!("1@{upper}"),
            &format!("1@{}", OWN.uuid().simple()),
            &format!("1@{OWN}@{OWN}"),
            &format!("1 @{OWN}"),
        ] {
            let refused = ResumePoint::parse("after", text).unwrap_err();
            assert_eq!(refused.field, "after", "{text}");
            assert!(!refused.problem.contains("canary"), "{}", refused.problem);
        }
    }

    #[test]
    fn only_a_position_that_the_history_has_is_continued_after() {
        let end = point(7, OWN);
        let bare = |position| ResumePoint::in_any_history(Position::new(position));
        for good in [bare(0), bare(7), point(0, OWN), point(7, OWN)] {
            assert_eq!(good.check(end), Ok(good.position), "{good}");
        }
        for (bad, code) in [
            (bare(8), Code::PositionUnknown),
            (point(8, OWN), Code::PositionUnknown),
            (point(3, OTHER), Code::HistoryChanged),
            (point(8, OTHER), Code::HistoryChanged),
        ] {
            let problem = bad.check(end).unwrap_err();
            assert_eq!(problem.code, code, "{bad}");
            let body = problem.body().error;
            assert_eq!(body.position, Some(7));
            assert_eq!(body.incarnation, Some(OWN.to_string()));
        }
    }
}
