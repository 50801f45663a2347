//! `set-model-policy`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::parts::ModelPolicyBody;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `set-model-policy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetModelPolicyBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The new policy.
    policy: ModelPolicyBody,
}

/// Replaces the model policy.
#[derive(Debug)]
pub(super) enum SetModelPolicy {}

impl VerbDefinition for SetModelPolicy {
    type Body = SetModelPolicyBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "set-model-policy",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/set-model-policy",
            operation_id: "setModelPolicy",
        },
        summary: "Set which models may be used",
        description: "",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::NothingToChange, Code::SecretExposed],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: SetModelPolicyBody) -> Result<ParsedCommand, Problem> {
        let policy = body.policy.check()?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::SetModelPolicy(policy)))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::SetModelPolicy(policy) => Some(to.field("policy", policy)),
            _ => None,
        }
    }
}
