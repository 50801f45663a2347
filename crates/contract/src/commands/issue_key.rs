//! `issue-key`.

use ledger_domain::connection::Environment;
use ledger_domain::limits;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::PrincipalNameInput;
use super::input::{Checked as _, Input, LineRule, TimeRule, WordRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `issue-key`: the answer holds the key, once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueKeyBody {
    /// Whose key it is to be.
    principal: PrincipalNameInput,
    /// `live` (default) or `test`: the second part of the key.
    environment: Option<Input<WordRule<Environment>>>,
    /// What it is for.
    label: Option<Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>>,
    /// RFC 3339 time from which on it opens nothing; never when absent.
    expires_at: Option<Input<TimeRule>>,
}

/// Gives a principal a key, which the engine makes.
#[derive(Debug)]
pub(super) enum IssueKey {}

impl VerbDefinition for IssueKey {
    type Body = IssueKeyBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "issue-key",
        target: Target::Principal,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/principals/{principal}/keys",
            operation_id: "issueKey",
        },
        summary: "Issue a key to a principal",
        description: "The answer holds the key, once: it is stored nowhere, and a repeat of the command is \
             answered without it.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::PrincipalUnknown],
        answer: Answer::KeyIssued,
    };

    fn read(address: &Address, body: IssueKeyBody) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::IssueKey {
            name: address.principal(body.principal)?,
            environment: body.environment.check("environment")?.unwrap_or(Environment::Live),
            label: body.label.check("label")?,
            expires_at: body.expires_at.check("expires_at")?,
        })
    }
}
