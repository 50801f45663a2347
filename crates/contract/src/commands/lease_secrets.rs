//! `lease-secrets`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Checked as _, FieldNameRule, Input, MomentRule, ReasonRule, list};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `lease-secrets`: takes a lease on secrets and fetches their values.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LeaseSecretsBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The secret fields; all when absent or empty.
    #[serde(default)]
    #[schemars(extend("default" = serde_json::json!([])))]
    fields: Vec<Input<FieldNameRule>>,
    /// When the lease ends: a time, or a span of time from now like `30m`, at most 24 hours ahead;
    /// 1 hour by default.
    until: Option<Input<MomentRule>>,
    /// The reason, 1 to 1,024 characters; stored in the history.
    reason: Input<ReasonRule>,
}

/// Take a lease on secrets and reveal them.
#[derive(Debug)]
pub(super) enum LeaseSecrets {}

impl VerbDefinition for LeaseSecrets {
    type Body = LeaseSecretsBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "lease-secrets",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/lease-secrets",
            operation_id: "leaseSecrets",
        },
        summary: "Take a lease on secrets and reveal them",
        description: "The event is durable before the answer, which has the values as a reveal does. Until the \
             lease ends, `read-leased-secrets` gives its holder, the identity that took it, the values \
             of its fields again without an event for each time.",
        requires: &[Requirement::always(&[Scope::Reveal])],
        refusals: &[
            Code::ConnectionDisabled,
            Code::SecretFieldUnknown,
            Code::SecretLeasesFull,
            Code::RevealUnsafe,
            Code::ReferenceForbidden,
            Code::ReferenceUnusable,
            Code::ReferenceUnavailable,
            Code::Sealed,
        ],
        answer: Answer::Leased,
    };

    fn read(address: &Address, body: LeaseSecretsBody) -> Result<ParsedCommand, Problem> {
        let fields = list("fields", body.fields)?.into_iter().collect();
        let reason = body.reason.check("reason")?;
        let until = body.until.check("until")?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::LeaseSecrets { target, fields, until, reason, from: None })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::LeaseSecrets { target: _, fields, until, reason, from: _ } => {
                Some(to.field("fields", fields).field("until", until).field("reason", reason))
            }
            _ => None,
        }
    }
}
