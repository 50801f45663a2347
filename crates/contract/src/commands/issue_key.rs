//! `issue-key`.

use ledger_domain::connection::Environment;
use ledger_domain::limits;
use ledger_domain::principal::KeyEnd;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::PrincipalNameInput;
use super::content::Content;
use super::input::{Checked as _, Input, KeyEndRule, LineRule, WordRule};
use super::verb::{Address, Answer, OVER_PRINCIPALS, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `issue-key`: the answer contains the key, which is shown only once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueKeyBody {
    /// Name of the principal that gets the key.
    principal: PrincipalNameInput,
    /// `live` (default) or `test`: the second part of the key.
    environment: Option<Input<WordRule<Environment>>>,
    /// Purpose of the key.
    label: Option<Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>>,
    /// RFC 3339 time at which it expires, or `never`; after the ledger's default lifetime when
    /// absent. The ledger may have a ceiling.
    expires_at: Option<Input<KeyEndRule>>,
}

/// Issues a key to a principal; the engine generates it.
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
        requires: OVER_PRINCIPALS,
        refusals: &[Code::PrincipalUnknown],
        answer: Answer::KeyIssued,
    };

    fn read(address: &Address, body: IssueKeyBody) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::IssueKey {
            name: address.principal(body.principal)?,
            environment: body.environment.check("environment")?.unwrap_or(Environment::Live),
            label: body.label.check("label")?,
            end: body.expires_at.check("expires_at")?.unwrap_or_default(),
        })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::IssueKey { name, environment, label, end } => {
                let to = to.field("principal", name).field("environment", environment);
                let to = to.field("label", label).field("expires_at", &end.time());
                Some(if *end == KeyEnd::Never { to.flag("never_expires", true) } else { to })
            }
            _ => None,
        }
    }
}
