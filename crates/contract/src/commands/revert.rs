//! `revert`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Input, VersionNumber};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `revert`: restores all settings of an earlier version, including its secret values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RevertBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The earlier version whose settings are restored. Its secret values come into use again; if
    /// one of them is compromised, the command is refused.
    to_version: Input<VersionNumber>,
    /// If that version sends secrets elsewhere than the present one, leave its secrets and secret
    /// references out; false by default.
    #[serde(default)]
    detach_secrets: bool,
}

/// Restores the settings of an earlier version.
#[derive(Debug)]
pub(super) enum Revert {}

impl VerbDefinition for Revert {
    type Body = RevertBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "revert",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/revert",
            operation_id: "revertConnection",
        },
        summary: "Restore all settings of an earlier version, including secret values",
        description: "As one new event. The slug, the fields, the grants, the models, the prices, the \
             switch and the secret values of that version come back, each value as a new \
             generation. A version with a value that was replaced as compromised is refused. \
             Lifecycle and dependents stay as they are, and the health unless a secret changes. If \
             that version sends secrets elsewhere than the present one, a revert requires the right \
             to reveal as well, or `detach_secrets`.",
        requires: &[
            Requirement::always(&[Scope::Write, Scope::Rotate]),
            Requirement::for_sharing(),
            Requirement::for_destination(),
        ],
        refusals: &[
            Code::VersionUnknown,
            Code::GenerationCompromised,
            Code::NothingToChange,
            Code::SlugTaken,
            Code::DestinationForbidden,
            Code::SecretExposed,
            Code::Sealed,
        ],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RevertBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let to = body.to_version.check("to_version")?;
        let detach_secrets = body.detach_secrets;
        Ok(ParsedCommand::change(target, Command::Revert { to, then: None, detach_secrets }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::Revert { to: version, then: _, detach_secrets } => {
                let to = to.field("to_version", version);
                Some(to.flag_if_set("detach_secrets", *detach_secrets))
            }
            _ => None,
        }
    }
}
