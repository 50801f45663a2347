//! `create`. Its body is with the fields of a connection.

use ledger_domain::principal::Scope;

use super::ParsedCommand;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::fields::CreateBody;
use crate::route::{HttpRoute, Method};

/// Creates a connection.
#[derive(Debug)]
pub(super) enum Create {}

impl VerbDefinition for Create {
    type Body = CreateBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "create",
        target: Target::NewConnection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections",
            operation_id: "createConnection",
        },
        summary: "Create a connection",
        description: "Secrets are sealed before anything is stored; answers show only their masks.",
        requires: &[Requirement::always(&[Scope::Write]), Requirement::for_sharing()],
        refusals: &[Code::SlugTaken, Code::ConnectionExists],
        answer: Answer::Created,
    };

    fn read(address: &Address, body: CreateBody) -> Result<ParsedCommand, Problem> {
        let made = body.check(address.workspace.clone())?;
        Ok(ParsedCommand::Create(Box::new(made)))
    }
}
