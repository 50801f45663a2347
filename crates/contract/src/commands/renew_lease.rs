//! `renew-lease`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Checked as _, Input, LeaseRule, MomentRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use super::{LeaseChange, ParsedCommand};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `renew-lease`: moves the end of a lease on secrets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RenewLeaseBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Id of the lease.
    lease: Input<LeaseRule>,
    /// The new end: a time, or a span of time from now like `30m`, within 24 hours of when the
    /// lease was taken; 1 hour from now, or what is left of the 24, by default.
    until: Option<Input<MomentRule>>,
}

/// Move the end of a lease on secrets.
#[derive(Debug)]
pub(super) enum RenewLease {}

impl VerbDefinition for RenewLease {
    type Body = RenewLeaseBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "renew-lease",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/renew-lease",
            operation_id: "renewLease",
        },
        summary: "Move the end of a lease on secrets",
        description: "Only by its holder, while it has not ended.",
        requires: &[Requirement::always(&[Scope::Reveal])],
        refusals: &[Code::ConnectionDisabled, Code::SecretFieldUnknown, Code::SecretLeaseEnded],
        answer: Answer::Noted,
    };

    fn read(address: &Address, body: RenewLeaseBody) -> Result<ParsedCommand, Problem> {
        let change = LeaseChange::Renew {
            lease: body.lease.check("lease")?,
            until: body.until.check("until")?,
        };
        Ok(ParsedCommand::Lease { target: address.connection(body.connection)?, change })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_lease()? {
            LeaseChange::Renew { lease, until } => {
                Some(to.field("lease", lease).field("until", until))
            }
            _ => None,
        }
    }
}
