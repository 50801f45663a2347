//! `update-principal`.

use ledger_domain::limits;
use ledger_domain::principal::{PrincipalCommand, PrincipalRevision};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::PrincipalNameInput;
use super::content::Content;
use super::input::{Input, LineRule, nullable, patch};
use super::parts::PermissionBody;
use super::verb::{Address, Answer, OVER_PRINCIPALS, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `update-principal`: absent fields stay unchanged.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(super) struct UpdatePrincipalBody {
    /// Name of the principal.
    principal: PrincipalNameInput,
    /// New human-readable name; null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>>")]
    display_name: Option<Option<Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>>>,
    /// All its grants, replacing the previous ones.
    #[schemars(length(max = limits::PRINCIPAL_GRANTS))]
    grants: Option<Vec<PermissionBody>>,
}

/// Changes a principal's display name and grants.
#[derive(Debug)]
pub(super) enum UpdatePrincipal {}

impl VerbDefinition for UpdatePrincipal {
    type Body = UpdatePrincipalBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "update-principal",
        target: Target::Principal,
        route: HttpRoute {
            method: Method::Patch,
            path: "/api/v1/principals/{principal}",
            operation_id: "updatePrincipal",
        },
        summary: "Change a principal's display name and grants",
        description: "Absent fields stay unchanged. New grants replace all old ones at once.",
        requires: OVER_PRINCIPALS,
        refusals: &[Code::PrincipalUnknown, Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: UpdatePrincipalBody) -> Result<ParsedCommand, Problem> {
        let grants = |grants: Vec<PermissionBody>| {
            grants.into_iter().map(PermissionBody::check).collect::<Result<_, _>>()
        };
        let revision = PrincipalRevision {
            display_name: patch("display_name", body.display_name)?,
            grants: body.grants.map(grants).transpose()?,
        };
        let name = address.principal(body.principal)?;
        Ok(ParsedCommand::principal(name, PrincipalCommand::Update(revision)))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_principal()? {
            (name, PrincipalCommand::Update(revision)) => {
                Some(to.field("principal", name).field("revision", revision))
            }
            _ => None,
        }
    }
}
