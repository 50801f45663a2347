//! `rotate-secret`.

use ledger_domain::InvalidField;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Checked as _, Input, MomentRule};
use super::parsed::{KeepFormer, ParsedCommand, ReplacedValues};
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
    /// The values that are replaced are known to others: they are retired at once, a kept former
    /// one as well, and never come back. Gateways drop them at once. Every value has to be a new
    /// one, and nothing can be kept; false by default.
    #[serde(default)]
    compromised: bool,
    /// Tests the new values before anything is stored, and changes nothing unless the provider
    /// accepts them; false by default.
    #[serde(default)]
    check: bool,
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
            generation, so a rotation that keeps one is refused while another is in use. With \
            `compromised`, the values before are known to others: gateways are told at once to drop \
            them, and no later command brings them back. A rotation to the reference that a field \
            has says that the value there is a new one. With `check`, the server tests the new \
            values first, and stores them only if the provider accepts them.",
        requires: &[Requirement::always(&[Scope::Rotate]), Requirement::for_references()],
        refusals: &[
            Code::SecretFieldUnknown,
            Code::NothingToChange,
            Code::FormerInUse,
            Code::ReferenceForbidden,
            Code::CheckFailed,
            Code::TestImpossible,
            Code::TestRunning,
            Code::Sealed,
        ],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RotateSecretBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let secrets = body.secrets.check("secrets", |name, value| value.check(name))?;
        let until = body.keep_former_until.check("keep_former_until")?;
        let once_confirmed = body.keep_former_until_confirmed;
        let is_kept = until.is_some() || once_confirmed;
        if is_kept && body.compromised {
            let problem = "cannot be combined with a former generation that is kept";
            return Err(InvalidField::new("compromised", problem).into());
        }
        let replaced = if body.compromised {
            ReplacedValues::Compromised
        } else if is_kept {
            ReplacedValues::Kept(KeepFormer { until, once_confirmed })
        } else {
            ReplacedValues::Retired
        };
        let command = ParsedCommand::RotateSecret { target, secrets, replaced };
        Ok(command.checked_if(body.check))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::RotateSecret { target: _, secrets, replaced } => {
                let to = to.secrets(secrets.iter().map(|(field, value)| (field, Some(value))));
                Some(match replaced {
                    ReplacedValues::Retired => to,
                    ReplacedValues::Kept(KeepFormer { until, once_confirmed }) => {
                        let to = to.field("keep_former_until", until);
                        to.flag("keep_former_until_confirmed", *once_confirmed)
                    }
                    ReplacedValues::Compromised => to.flag("compromised", true),
                })
            }
            _ => None,
        }
    }
}
