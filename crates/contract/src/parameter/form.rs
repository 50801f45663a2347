//! The formats of parameters: the JSON Schema and the check of each, side by side.

use std::net::IpAddr;

use ledger_domain::limits;
use serde_json::{Value, json};

use crate::as_of::AsOf;
use crate::headers::digits;
use crate::moment::Moment;
use crate::resume::{self, ResumePoint};
use crate::time;

/// Longest wait for a page of the feed, in seconds.
const WAIT_SECONDS_MAX: u64 = 60;
/// Longest accepted cursor; the ledger's are far shorter.
const CURSOR_CHARS: usize = 2_048;

/// The format of a parameter's text.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Any text of 1 to this many characters.
    Text(usize),
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// `true` or `false`.
    Switch,
    /// A whole number from the first to the second, inclusive.
    Number(u64, u64),
    /// An RFC 3339 time in UTC.
    Time,
    /// The same, or a span of time such as `90d`.
    Moment,
    /// The same, or a position of the log, or a version such as `v3`.
    AsOf,
    /// An IP address.
    Address,
    /// A message id chosen by the caller.
    MessageId,
    /// Name of a field of a connection.
    FieldName,
    /// The cursor of a page.
    Cursor,
    /// A position of the log, alone or with its history.
    ResumePoint,
    /// The same, or nothing: readers without a last event send an empty header.
    LastEventId,
    /// Seconds to wait, such as `20s`.
    Wait,
    /// Name of a workspace.
    Workspace,
    /// Name of a workspace, or `_all`.
    AnyWorkspace,
    /// Name of a workspace, or `_ledger`.
    WorkspaceOrLedger,
    /// Id or slug of a connection.
    Connection,
    /// Name of a principal.
    Principal,
    /// Id of a key.
    ApiKey,
    /// A version in quotes.
    Version,
    /// `*` alone.
    Anything,
    /// Any text; malformed values are ignored.
    Any,
}

impl Form {
    /// Returns the JSON Schema.
    pub fn schema(self) -> Value {
        let text = |pattern: &str| json!({ "type": "string", "pattern": pattern });
        match self {
            Self::Text(max) => json!({ "type": "string", "minLength": 1, "maxLength": max }),
            Self::Word(words) => json!({ "type": "string", "enum": words() }),
            Self::Switch => json!({ "type": "boolean" }),
            Self::Number(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Self::Time => time::schema(),
            Self::Moment => Moment::schema(),
            Self::AsOf => AsOf::schema(),
            Self::Address => json!({
                "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }],
            }),
            Self::MessageId | Self::FieldName => text("^[!-~]{1,128}$"),
            Self::Cursor => text("^[A-Za-z0-9_-]{2,2048}$"),
            Self::ResumePoint => text(resume::PATTERN),
            Self::LastEventId => text(&format!("^$|{}", resume::PATTERN)),
            Self::Wait => text("^([0-9]|[1-5][0-9]|60)s$"),
            Self::ApiKey => text("^[a-z0-9]{12}$"),
            Self::Workspace | Self::Principal => text("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"),
            Self::AnyWorkspace => text("^(_all|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$"),
            Self::WorkspaceOrLedger => text("^(_ledger|[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$"),
            Self::Connection => text("^[A-Za-z0-9_-]{1,255}$"),
            Self::Version => json!({
                "type": "string",
                "minLength": 3,
                "pattern": r#"^"[1-9][0-9]{0,17}"$"#,
                "examples": ["\"1\""],
            }),
            Self::Anything => json!({ "type": "string", "enum": ["*"] }),
            Self::Any => json!({ "type": "string" }),
        }
    }

    /// Checks the text of a query parameter. Formats that the engine checks itself are not checked
    /// here.
    ///
    /// Errors: a description of the valid values.
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Text(max) => of_length(text, 1, max),
            Self::Word(words) => {
                let words = words();
                if words.contains(&text) {
                    return Ok(());
                }
                Err(format!("must be one of {}", words.join(", ")))
            }
            Self::Switch => match text {
                "true" | "false" => Ok(()),
                _ => Err("must be true or false".to_owned()),
            },
            Self::Number(min, max) => match digits(text) {
                Some(number) if (min..=max).contains(&number) => Ok(()),
                _ => Err(format!("must be a whole number from {min} to {max}")),
            },
            Self::Time => time::parse("time", text).map(drop).map_err(|invalid| invalid.problem),
            Self::Moment => {
                Moment::parse("moment", text).map(drop).map_err(|invalid| invalid.problem)
            }
            Self::AsOf => AsOf::parse("as_of", text).map(drop).map_err(|invalid| invalid.problem),
            Self::Address => match text.parse::<IpAddr>() {
                Ok(_) => Ok(()),
                Err(_) => Err("must be an IP address".to_owned()),
            },
            Self::Wait => match seconds(text) {
                Some(_) => Ok(()),
                None => Err(format!("must be seconds from 0s to {WAIT_SECONDS_MAX}s")),
            },
            Self::LastEventId if text.is_empty() => Ok(()),
            Self::ResumePoint | Self::LastEventId => {
                ResumePoint::parse("", text).map(drop).map_err(|invalid| invalid.problem)
            }
            Self::Cursor => of_length(text, 2, CURSOR_CHARS),
            Self::FieldName => of_length(text, 1, limits::FIELD_NAME_CHARS),
            Self::MessageId => of_length(text, 1, limits::MESSAGE_ID_CHARS),
            _ => of_length(text, 1, limits::SLUG_CHARS),
        }
    }
}

/// Parses the text of a [`Form::Wait`].
pub fn seconds(text: &str) -> Option<u64> {
    text.strip_suffix('s').and_then(digits).filter(|seconds| *seconds <= WAIT_SECONDS_MAX)
}

fn of_length(text: &str, min: usize, max: usize) -> Result<(), String> {
    // A text never has fewer bytes than characters, so most texts need no counting.
    let fits = text.len() >= min && (text.len() <= max || text.chars().count() <= max);
    if fits {
        return Ok(());
    }
    Err(format!("must be {min} to {max} characters long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_takes_what_it_should_and_says_what_would_fit() {
        let words: fn() -> Vec<&'static str> = || vec!["test", "live"];
        let good = [
            (Form::Text(3), "äöü"),
            (Form::Address, "192.0.2.1"),
            (Form::Address, "2001:db8::1"),
            (Form::Word(words), "live"),
            (Form::Switch, "true"),
            (Form::Number(1, 500), "500"),
            (Form::Time, "2026-11-21T01:02:03Z"),
            (Form::Moment, "90d"),
            (Form::AsOf, "90d"),
            (Form::AsOf, "v3"),
            (Form::AsOf, "1042"),
            (Form::Wait, "20s"),
            (Form::ResumePoint, "1042"),
            (Form::LastEventId, ""),
            (Form::LastEventId, "1042"),
            (Form::ResumePoint, "1042@018f3c1e-7d1a-7e39-8c0f-5d1b2a3c4d5e"),
        ];
        for (form, text) in good {
            assert_eq!(form.check(text), Ok(()), "{text}");
        }
        assert_eq!(seconds("20s"), Some(20));
        let bad = [
            (Form::Text(3), ""),
            (Form::Address, "192.0.2"),
            (Form::Text(3), "äöüß"),
            (Form::Word(words), "Live"),
            (Form::Switch, "1"),
            (Form::Number(1, 500), "501"),
            (Form::Number(1, 500), "+5"),
            (Form::Number(1, 500), "99999999999999999999999"),
            (Form::Time, "2026-02-30T00:00:00Z"),
            (Form::Moment, "90"),
            (Form::AsOf, "v0"),
            (Form::Wait, "61s"),
            (Form::Wait, "20"),
            (Form::Cursor, "a"),
            (Form::ResumePoint, ""),
            (Form::ResumePoint, "-1"),
            (Form::LastEventId, "-1"),
            (Form::ResumePoint, "1042@"),
        ];
        for (form, text) in bad {
            assert!(form.check(text).unwrap_err().starts_with("must be "), "{text}");
        }
    }
}
