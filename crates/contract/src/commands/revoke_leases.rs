//! `revoke-leases`.

use ledger_domain::principal::Scope;
use ledger_domain::{Actor, CheckedText as _, EndedLeases, InvalidField, limits};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::{ConnectionName, Reason};
use super::content::Content;
use super::input::{Checked as _, Input, LeaseRule, LineRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use super::{LeaseChange, ParsedCommand};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `revoke-leases`: ends leases on the secrets of a connection, whoever holds them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeLeasesBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Only this lease.
    lease: Option<Input<LeaseRule>>,
    /// Only those of this holder, as events name the actor, like `gateway:eu-1`.
    holder: Option<Input<LineRule<{ limits::TOKEN_NAME_CHARS }>>>,
    /// The reason, at most 1,024 characters.
    reason: Reason,
}

/// End leases on the secrets of a connection.
#[derive(Debug)]
pub(super) enum RevokeLeases {}

impl VerbDefinition for RevokeLeases {
    type Body = RevokeLeasesBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "revoke-leases",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/revoke-leases",
            operation_id: "revokeLeases",
        },
        summary: "End leases on the secrets of a connection",
        description: "One, all of a holder, or all. No value is given out under them after the answer.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[Code::SecretLeaseEnded],
        answer: Answer::Noted,
    };

    fn read(address: &Address, body: RevokeLeasesBody) -> Result<ParsedCommand, Problem> {
        let lease = body.lease.check("lease")?;
        let holder = body.holder.check("holder")?;
        let which = match (lease, holder) {
            (Some(_), Some(_)) => {
                let problem = "must be absent when a lease is named";
                return Err(InvalidField::new("holder", problem).into());
            }
            (Some(lease), None) => EndedLeases::One(lease),
            (None, Some(holder)) => EndedLeases::OfHolder(Actor::new(holder.text())),
            (None, None) => EndedLeases::All,
        };
        let change = LeaseChange::Revoke { which, reason: body.reason.check("reason")? };
        Ok(ParsedCommand::Lease { target: address.connection(body.connection)?, change })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        let LeaseChange::Revoke { which, reason } = command.as_lease()? else { return None };
        let to = match which {
            EndedLeases::One(lease) => to.field("lease", lease),
            EndedLeases::OfHolder(holder) => to.field("holder", holder),
            EndedLeases::All => to,
        };
        Some(to.field("reason", reason))
    }
}
