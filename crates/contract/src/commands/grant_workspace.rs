//! `grant-workspace`.

use ledger_domain::Command;

use super::ParsedCommand;
use super::bodies::GrantBody;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, SHARING, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Allows another workspace to use a connection.
#[derive(Debug)]
pub(super) enum GrantWorkspace {}

impl VerbDefinition for GrantWorkspace {
    type Body = GrantBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "grant-workspace",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/grant-workspace",
            operation_id: "grantWorkspace",
        },
        summary: "Allow another workspace to use a connection",
        description: "Callers who may read or reveal there may then do so with this connection.",
        requires: &[Requirement::always(SHARING)],
        refusals: &[Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: GrantBody) -> Result<ParsedCommand, Problem> {
        let (scope, limits) = (body.grant_to.check("grant_to")?, body.limits.check()?);
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::GrantWorkspace { scope, limits }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::GrantWorkspace { scope, limits } => {
                Some(to.field("grant_to", scope).field("limits", limits))
            }
            _ => None,
        }
    }
}
