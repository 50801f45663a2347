//! `revoke-workspace-leases`.

use ledger_domain::principal::Scope;
use ledger_domain::{Actor, CheckedText as _, EndWorkspaceLeases, limits};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::Reason;
use super::content::Content;
use super::input::{Checked as _, Input, LineRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `revoke-workspace-leases`: ends leases on the secrets of all connections of a workspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeWorkspaceLeasesBody {
    /// Only those of this holder, as events name the actor, like `gateway:eu-1`.
    holder: Option<Input<LineRule<{ limits::TOKEN_NAME_CHARS }>>>,
    /// Only those on the secrets of connections whose slugs begin with this, in any case.
    slug_prefix: Option<Input<LineRule<{ limits::SLUG_CHARS }>>>,
    /// The reason, at most 1,024 characters.
    reason: Reason,
}

/// End leases on secrets throughout a workspace.
#[derive(Debug)]
pub(super) enum RevokeWorkspaceLeases {}

impl VerbDefinition for RevokeWorkspaceLeases {
    type Body = RevokeWorkspaceLeasesBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "revoke-workspace-leases",
        target: Target::Workspace,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/revoke-leases",
            operation_id: "revokeWorkspaceLeases",
        },
        summary: "End leases on secrets throughout a workspace",
        description: "One event, whatever their number. No value is given out under them after the answer.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[Code::SecretLeaseEnded],
        answer: Answer::Noted,
    };

    fn read(_: &Address, body: RevokeWorkspaceLeasesBody) -> Result<ParsedCommand, Problem> {
        let holder = body.holder.check("holder")?.map(|holder| Actor::new(holder.text()));
        let slug_prefix = body.slug_prefix.check("slug_prefix")?;
        let reason = body.reason.check("reason")?;
        Ok(ParsedCommand::EndWorkspaceLeases(EndWorkspaceLeases { holder, slug_prefix, reason }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::EndWorkspaceLeases(EndWorkspaceLeases {
                holder,
                slug_prefix,
                reason,
            }) => {
                let to = to.field("holder", holder).field("slug_prefix", slug_prefix);
                Some(to.field("reason", reason))
            }
            _ => None,
        }
    }
}
