//! `enable`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `enable`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TargetBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
}

/// Allows gateways to use a connection.
#[derive(Debug)]
pub(super) enum Enable {}

impl VerbDefinition for Enable {
    type Body = TargetBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "enable",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/enable",
            operation_id: "enableConnection",
        },
        summary: "Allow gateways to use a connection",
        description: "",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::AlreadyEnabled],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: TargetBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::Enable))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::Enable => Some(to),
            _ => None,
        }
    }
}
