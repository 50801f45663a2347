//! `return-lease`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Input, LeaseRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use super::{LeaseChange, ParsedCommand};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `return-lease`: ends a lease on secrets that the sender holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReturnLeaseBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Id of the lease.
    lease: Input<LeaseRule>,
}

/// Return a lease on secrets.
#[derive(Debug)]
pub(super) enum ReturnLease {}

impl VerbDefinition for ReturnLease {
    type Body = ReturnLeaseBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "return-lease",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/return-lease",
            operation_id: "returnLease",
        },
        summary: "Return a lease on secrets",
        description: "Only by its holder. What was read and not recorded yet is recorded.",
        requires: &[Requirement::always(&[Scope::Reveal])],
        refusals: &[Code::SecretLeaseEnded],
        answer: Answer::Noted,
    };

    fn read(address: &Address, body: ReturnLeaseBody) -> Result<ParsedCommand, Problem> {
        let change = LeaseChange::Return { lease: body.lease.check("lease")? };
        Ok(ParsedCommand::Lease { target: address.connection(body.connection)?, change })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_lease()? {
            LeaseChange::Return { lease } => Some(to.field("lease", lease)),
            _ => None,
        }
    }
}
