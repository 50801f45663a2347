//! `revoke-handover`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::Reason;
use super::content::Content;
use super::input::{Checked as _, HandoverIdRule, Input};
use super::parsed::ParsedCommand;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `revoke-handover`: ends a handover before it is used.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeHandoverBody {
    /// Id of the handover: the second part of its token.
    handover: Input<HandoverIdRule>,
    /// The reason, at most 1,024 characters.
    reason: Reason,
}

/// Ends a handover before it is used.
#[derive(Debug)]
pub(super) enum RevokeHandover {}

impl VerbDefinition for RevokeHandover {
    type Body = RevokeHandoverBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "revoke-handover",
        target: Target::Handover,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/revoke-handover",
            operation_id: "revokeHandover",
        },
        summary: "End a handover before it is used",
        description: "Requires the right to reveal the secrets that it hands over. A handover of an API key is \
            revoked at `_ledger` in place of a workspace, by who administers its principal; the \
            ledger revokes the key, too.",
        requires: &[Requirement::always(&[Scope::Reveal])],
        refusals: &[Code::HandoverUnknown, Code::HandoverUsed, Code::HandoverEnded],
        answer: Answer::Noted,
    };

    fn read(_: &Address, body: RevokeHandoverBody) -> Result<ParsedCommand, Problem> {
        let handover = body.handover.check("handover")?;
        let reason = body.reason.check("reason")?;
        Ok(ParsedCommand::RevokeHandover { handover, reason })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::RevokeHandover { handover, reason } => {
                Some(to.field("handover", handover).field("reason", reason))
            }
            _ => None,
        }
    }
}
