//! `replay-alert`.

use ledger_domain::principal::Scope;
use ledger_domain::{AlertChange, AlertCommand, Position};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::input::{AtLeastOne, Checked as _, Input};
use super::parts::alert::AlertNameRule;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `replay-alert`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayAlertBody {
    /// The alert.
    alert: Input<AlertNameRule>,
    /// The position of one dead letter, as `dead-letters` has it; all if absent.
    position: Option<Input<AtLeastOne>>,
}

/// Sends dead letters again.
#[derive(Debug)]
pub(super) enum ReplayAlert {}

impl VerbDefinition for ReplayAlert {
    type Body = ReplayAlertBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "replay-alert",
        target: Target::Alerts,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/alerts/replay",
            operation_id: "replayAlert",
        },
        summary: "Send dead letters of an alert again, one or all",
        description: "Each is sent once more. One that is not taken stays a dead letter.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::AlertUnknown, Code::AlertDisabled],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: ReplayAlertBody) -> Result<ParsedCommand, Problem> {
        let name = body.alert.check("alert")?;
        let position = body.position.check("position")?.map(Position::new);
        Ok(ParsedCommand::Alert(AlertCommand { name, change: AlertChange::Replay { position } }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Alert(AlertCommand {
                name,
                change: AlertChange::Replay { position },
            }) => Some(to.field("alert", name).field("position", position)),
            _ => None,
        }
    }
}
