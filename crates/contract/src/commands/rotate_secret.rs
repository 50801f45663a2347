//! `rotate-secret`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::parts::Secrets;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `rotate-secret`: replaces the values of existing secret fields.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotateSecretBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// New values by field.
    #[schemars(extend("minProperties" = 1))]
    secrets: Secrets,
}

/// Replaces the values of secret fields.
#[derive(Debug)]
pub(super) enum RotateSecret {}

impl VerbDefinition for RotateSecret {
    type Body = RotateSecretBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "rotate-secret",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/rotate-secret",
            operation_id: "rotateSecret",
        },
        summary: "Replace the values of secret fields",
        description: "The fields must exist; `update` adds new ones.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[Code::SecretFieldUnknown, Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RotateSecretBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let secrets = body.secrets.check("secrets", |name, value| value.check(name))?;
        Ok(ParsedCommand::RotateSecret { target, secrets })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::RotateSecret { target: _, secrets } => {
                Some(to.secrets(secrets.iter().map(|(field, value)| (field, Some(value)))))
            }
            _ => None,
        }
    }
}
