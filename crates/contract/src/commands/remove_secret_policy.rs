//! `remove-secret-policy`.

use ledger_domain::PolicyCommand;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::content::Content;
use super::parts::PolicySubjectBody;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `remove-secret-policy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveSecretPolicyBody {
    /// Which secret fields the policy is about, as it was set; all when absent.
    #[serde(default)]
    about: PolicySubjectBody,
}

/// Removes a policy of secret fields.
#[derive(Debug)]
pub(super) enum RemoveSecretPolicy {}

impl VerbDefinition for RemoveSecretPolicy {
    type Body = RemoveSecretPolicyBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "remove-secret-policy",
        target: Target::Policies,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/secret-policies/remove",
            operation_id: "removeSecretPolicy",
        },
        summary: "Remove a policy of secrets",
        description: "What less specific policies say holds again.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::PolicyUnknown, Code::ConnectionUnknown],
        answer: Answer::Changed,
    };

    fn read(_: &Address, body: RemoveSecretPolicyBody) -> Result<ParsedCommand, Problem> {
        let (connection, subject) = body.about.check()?;
        Ok(ParsedCommand::Policy { connection, command: PolicyCommand::Remove { subject } })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Policy { connection, command: PolicyCommand::Remove { subject } } => {
                Some(to.connection(connection.as_ref()).field("about", subject))
            }
            _ => None,
        }
    }
}
