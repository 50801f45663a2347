//! `create-principal`.

use ledger_domain::limits;
use ledger_domain::principal::{PrincipalCommand, PrincipalDraft, PrincipalKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::ParsedCommand;
use super::bodies::PrincipalNameInput;
use super::content::Content;
use super::input::{Checked as _, Input, LineRule, WordRule};
use super::parts::PermissionBody;
use super::verb::{Address, Answer, OVER_PRINCIPALS, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `create-principal`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreatePrincipalBody {
    /// Name of the principal: 1 to 63 characters `a-z`, `0-9` and inner hyphens.
    principal: PrincipalNameInput,
    /// `user`, `service` or `gateway`.
    kind: Input<WordRule<PrincipalKind>>,
    /// Human-readable name.
    display_name: Option<Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>>,
    /// Its grants; none when absent.
    #[serde(default)]
    #[schemars(length(max = limits::PRINCIPAL_GRANTS), extend("default" = json!([])))]
    grants: Vec<PermissionBody>,
}

/// Creates a principal.
#[derive(Debug)]
pub(super) enum CreatePrincipal {}

impl VerbDefinition for CreatePrincipal {
    type Body = CreatePrincipalBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "create-principal",
        target: Target::NewPrincipal,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/principals",
            operation_id: "createPrincipal",
        },
        summary: "Create a principal",
        description: "It may do what its grants name and nothing else, and opens nothing before it has a \
             key. Who administers the whole ledger may give any grant. Who administers \
             workspaces may give grants that name only these, with scopes that they have there \
             themselves, and at least one.",
        requires: OVER_PRINCIPALS,
        refusals: &[Code::PrincipalExists],
        answer: Answer::Created,
    };

    fn read(address: &Address, body: CreatePrincipalBody) -> Result<ParsedCommand, Problem> {
        let draft = PrincipalDraft {
            kind: body.kind.check("kind")?,
            display_name: body.display_name.check("display_name")?,
            grants: body.grants.into_iter().map(PermissionBody::check).collect::<Result<_, _>>()?,
        };
        let name = address.principal(body.principal)?;
        Ok(ParsedCommand::principal(name, PrincipalCommand::Create(draft)))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_principal()? {
            (name, PrincipalCommand::Create(draft)) => {
                Some(to.field("principal", name).field("draft", draft))
            }
            _ => None,
        }
    }
}
