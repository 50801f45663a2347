//! `revoke-key`.

use ledger_domain::principal::{ApiKeyId, PrincipalCommand};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::{PrincipalNameInput, Reason};
use super::content::Content;
use super::input::{ApiKeyIdRule, Checked as _, Input};
use super::verb::{Address, Answer, OVER_PRINCIPALS, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `revoke-key`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokeKeyBody {
    /// Name of the key's principal.
    principal: PrincipalNameInput,
    /// The key's id: its third part.
    key: Input<ApiKeyIdRule>,
    /// The reason, at most 1,024 characters.
    reason: Reason,
}

/// `revoke-key` over HTTP, where the path names the principal and the key.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyReasonBody {
    /// The reason, at most 1,024 characters.
    reason: Reason,
}

impl KeyReasonBody {
    /// Returns the command that revokes the key in a path.
    ///
    /// Errors: `field_invalid`.
    pub fn revoke(self, address: &Address, id: ApiKeyId) -> Result<ParsedCommand, Problem> {
        let reason = self.reason.check("reason")?;
        let name = address.principal(None)?;
        Ok(ParsedCommand::principal(name, PrincipalCommand::RevokeKey { id, reason }))
    }
}

/// Revokes a key permanently.
#[derive(Debug)]
pub(super) enum RevokeKey {}

impl VerbDefinition for RevokeKey {
    type Body = RevokeKeyBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "revoke-key",
        target: Target::Key,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/principals/{principal}/keys/{key}/revoke",
            operation_id: "revokeKey",
        },
        summary: "Revoke a key permanently",
        description: "",
        requires: OVER_PRINCIPALS,
        refusals: &[Code::PrincipalUnknown, Code::ApiKeyUnknown],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RevokeKeyBody) -> Result<ParsedCommand, Problem> {
        let (id, reason) = (body.key.check("key")?, body.reason.check("reason")?);
        let name = address.principal(body.principal)?;
        Ok(ParsedCommand::principal(name, PrincipalCommand::RevokeKey { id, reason }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_principal()? {
            (name, PrincipalCommand::RevokeKey { id, reason }) => {
                Some(to.field("principal", name).field("key", id).field("reason", reason))
            }
            _ => None,
        }
    }
}
