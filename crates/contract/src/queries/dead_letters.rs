//! `dead-letters`: the events of an alert that are not sent any more.

use ledger_domain::Position;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::alerts::DeadLetter;
use crate::errors::Code;
use crate::parameter::{Form, Parameter, must};
use crate::route::{HttpRoute, Method};
use crate::time;

/// The HTTP route.
pub const DEAD_LETTERS: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/dead-letters",
    operation_id: "listDeadLetters",
};

/// The query `dead-letters`.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetters;

impl Query for DeadLetters {
    const SPEC: QuerySpec = QuerySpec {
        name: "dead-letters",
        summary: "Lists the events of an alert that its receiver did not take in time",
        description: "Oldest first, at most 1,000. Their events are in the log, and `replay-alert` \
                      sends them again. Of alerts of the whole ledger, the workspace is `_all`.",
        scopes: &[Scope::Administer],
        on_ledger: false,
        in_access_check: true,
        routes: &[DEAD_LETTERS],
        refusals: &[Code::AlertUnknown],
    };
    type Parameters = DeadLettersQuery;
    type Answer<'a> = DeadLettersAnswer;
}

/// `dead-letters`: those of one alert.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadLettersQuery {
    /// The alert.
    pub alert: String,
}

/// What HTTP takes of it in the query string.
pub const PARAMETERS: &[Parameter] = &[must("alert", Form::Text(63), "The alert.")];

/// Answer to `dead-letters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLettersAnswer {
    /// The dead letters.
    pub dead_letters: Vec<DeadLetterView>,
    /// How many made room for later ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropped: Option<u64>,
}

/// An event that is not sent any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetterView {
    /// Position of the event.
    pub position: u64,
    /// Its id, which receivers get as the id of the message.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// Its stream, such as that of a connection.
    pub stream: String,
    /// How often it was sent.
    pub attempts: u32,
    /// When it was sent last.
    pub last_attempt_at: String,
    /// Why it was not taken. Nothing that the receiver said is kept.
    pub reason: String,
    /// Whether it is about to be sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaying: bool,
}

impl DeadLetterView {
    /// Returns the dead letter of the event at a position as it is shown.
    pub fn of(position: Position, letter: &DeadLetter) -> Self {
        Self {
            position: position.get(),
            event_id: letter.event_id.to_string(),
            event_type: letter.event_type.clone(),
            stream: letter.stream.to_string(),
            attempts: letter.attempts,
            last_attempt_at: time::format(letter.at),
            reason: letter.because.clone(),
            replaying: letter.replaying,
        }
    }
}
