//! `test-alert`.

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

/// Body of `test-alert`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestAlertBody {
    /// The alert.
    alert: Input<AlertNameRule>,
}

/// Sends a test message.
#[derive(Debug)]
pub(super) enum TestAlert {}

impl VerbDefinition for TestAlert {
    type Body = TestAlertBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "test-alert",
        target: Target::Alerts,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/alerts/test",
            operation_id: "testAlert",
        },
        summary: "Send a message of an alert that says that it is a test",
        description: "Its type is `alert_tested`. It is an event like any other, so it waits behind what \
                      waits; if the receiver was away, it is tried at once. `alerts` shows what came \
                      of it.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::AlertUnknown, Code::AlertDisabled],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: TestAlertBody) -> Result<ParsedCommand, Problem> {
        let name = body.alert.check("alert")?;
        Ok(ParsedCommand::Alert(AlertCommand { name, change: AlertChange::Test }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Alert(AlertCommand { name, change: AlertChange::Test }) => {
                Some(to.field("alert", name))
            }
            _ => None,
        }
    }
}
