//! `test-connection`.

use std::collections::BTreeSet;

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

/// Body of `test-connection`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestConnectionBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
}

/// Sends a request of the provider's own with the credentials of a connection.
#[derive(Debug)]
pub(super) enum TestConnection {}

impl VerbDefinition for TestConnection {
    type Body = TestConnectionBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "test-connection",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/test-connection",
            operation_id: "testConnection",
        },
        summary: "Test a connection with its credentials",
        description: "The server sends the request that the catalogue has for the provider, with \
            the connection's own settings and secrets, and answers what it found out: `works`, \
            `credentials_refused`, `not_permitted`, `unreachable`, `rate_limited` or \
            `inconclusive`. No secret leaves for anywhere but the provider. Two events record it: \
            a reveal, durable before the request is sent, and the result. `works` and \
            `credentials_refused` change the health. A disabled connection is tested as well. A \
            repeated command sends nothing, and is answered with its first result.",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[
            Code::TestImpossible,
            Code::TestRunning,
            Code::ReferenceForbidden,
            Code::ReferenceUnusable,
            Code::ReferenceUnavailable,
            Code::Sealed,
        ],
        answer: Answer::Tested,
    };

    fn read(address: &Address, body: TestConnectionBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::Test { target, fields: BTreeSet::new() })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            // The engine fills in the fields, and makes the command that records the result.
            ParsedCommand::Test { .. } => Some(to),
            _ => matches!(command.as_change()?, Command::TestConnection { .. }).then_some(to),
        }
    }
}
