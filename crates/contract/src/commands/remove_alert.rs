//! `remove-alert`.

use ledger_domain::principal::Scope;
use ledger_domain::{AlertChange, AlertCommand};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::input::Input;
use super::parts::alert::AlertNameRule;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `remove-alert`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveAlertBody {
    /// The alert.
    alert: Input<AlertNameRule>,
}

/// Removes an alert.
#[derive(Debug)]
pub(super) enum RemoveAlert {}

impl VerbDefinition for RemoveAlert {
    type Body = RemoveAlertBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "remove-alert",
        target: Target::Alerts,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/alerts/remove",
            operation_id: "removeAlert",
        },
        summary: "Remove an alert, with what waits and its dead letters",
        description: "A message that is being sent may still arrive.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::AlertUnknown],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: RemoveAlertBody) -> Result<ParsedCommand, Problem> {
        let name = body.alert.check("alert")?;
        Ok(ParsedCommand::Alert(AlertCommand { name, change: AlertChange::Remove }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Alert(AlertCommand { name, change: AlertChange::Remove }) => {
                Some(to.field("alert", name))
            }
            _ => None,
        }
    }
}
