//! `issue-key`.

use ledger_domain::connection::Environment;
use ledger_domain::limits;
use ledger_domain::principal::KeyEnd;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::PrincipalNameInput;
use super::content::Content;
use super::input::{
    Checked as _, Input, KeyEndRule, LineRule, MomentRule, PrincipalRule, WordRule,
};
use super::parsed::{ParsedCommand, Wrap};
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
    /// Answers a token in place of the key, for whoever is to receive it with `unwrap`: a time
    /// until which it can be used, or a span of time from now like `10m`, at most 24 hours ahead.
    wrap: Option<Input<MomentRule>>,
    /// With `wrap`: the only principal that may use the token; anyone who has it by default.
    r#for: Option<Input<PrincipalRule>>,
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
             answered without it. With `wrap`, it holds a token for which `unwrap` gives the key \
             out, once. If the token ends unused, the ledger revokes the key.",
        requires: OVER_PRINCIPALS,
        refusals: &[Code::PrincipalUnknown, Code::HandoversFull],
        answer: Answer::KeyIssued,
    };

    fn read(address: &Address, body: IssueKeyBody) -> Result<ParsedCommand, Problem> {
        Ok(ParsedCommand::IssueKey {
            name: address.principal(body.principal)?,
            environment: body.environment.check("environment")?.unwrap_or(Environment::Live),
            label: body.label.check("label")?,
            end: body.expires_at.check("expires_at")?.unwrap_or_default(),
            wrap: Wrap::read(body.wrap, body.r#for)?,
        })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::IssueKey { name, environment, label, end, wrap } => {
                let to = to.field("principal", name).field("environment", environment);
                let to = to.field("label", label).field("expires_at", &end.time());
                let to = to.flag_if_set("never_expires", *end == KeyEnd::Never);
                Some(match wrap {
                    Some(wrap) => to.field("wrap", &wrap.until).field("for", &wrap.receiver),
                    None => to,
                })
            }
            _ => None,
        }
    }
}
