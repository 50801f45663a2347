//! `rotate-secret`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Checked as _, Input, MomentRule};
use super::parsed::{KeepFormer, ParsedCommand};
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
    /// Keeps the former generation until then: a time, or a span of time from now like `36h`, at
    /// most 90 days ahead. When absent, and without confirmations, it is retired at once.
    keep_former_until: Option<Input<MomentRule>>,
    /// Keeps the former generation until every consumer has confirmed the new one, but not beyond
    /// `keep_former_until`, which is then 14 days ahead when absent; false by default.
    #[serde(default)]
    keep_former_until_confirmed: bool,
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
        description: "The fields must exist; `update` adds new ones. The values before them are \
             retired at once, unless the command keeps them for a while: then `reveal-secret` gives \
             out both, and consumers change over one by one. A field has at most one former \
             generation, so a rotation that keeps one is refused while another is in use.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[Code::SecretFieldUnknown, Code::NothingToChange, Code::FormerInUse],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RotateSecretBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let secrets = body.secrets.check("secrets", |name, value| value.check(name))?;
        let until = body.keep_former_until.check("keep_former_until")?;
        let once_confirmed = body.keep_former_until_confirmed;
        let keep = KeepFormer { until, once_confirmed };
        let keep = (until.is_some() || once_confirmed).then_some(keep);
        Ok(ParsedCommand::RotateSecret { target, secrets, keep })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::RotateSecret { target: _, secrets, keep } => {
                let to = to.secrets(secrets.iter().map(|(field, value)| (field, Some(value))));
                let Some(KeepFormer { until, once_confirmed }) = keep else { return Some(to) };
                let to = to.field("keep_former_until", until);
                Some(to.flag("keep_former_until_confirmed", *once_confirmed))
            }
            _ => None,
        }
    }
}
