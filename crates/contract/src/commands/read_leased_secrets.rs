//! `read-leased-secrets`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{FieldNameRule, Input, LeaseRule, list};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `read-leased-secrets`: reads secrets under a lease.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadLeasedSecretsBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Id of the lease.
    lease: Input<LeaseRule>,
    /// The secret fields, which the lease must have; all of the lease when absent or empty.
    #[serde(default)]
    #[schemars(extend("default" = serde_json::json!([])))]
    fields: Vec<Input<FieldNameRule>>,
}

/// Read secrets under a lease.
#[derive(Debug)]
pub(super) enum ReadLeasedSecrets {}

impl VerbDefinition for ReadLeasedSecrets {
    type Body = ReadLeasedSecretsBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "read-leased-secrets",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/read-leased-secrets",
            operation_id: "readLeasedSecrets",
        },
        summary: "Read secrets under a lease",
        description: "Gives the current generation. Reads are counted, and recorded once a minute and when the \
             lease ends; the first read of a generation is recorded before it is answered. Only over \
             TLS or on the server's own machine; an idempotency key is not used.",
        requires: &[Requirement::always(&[Scope::Reveal])],
        refusals: &[
            Code::ConnectionDisabled,
            Code::SecretFieldUnknown,
            Code::SecretLeaseEnded,
            Code::RevealUnsafe,
            Code::ReferenceForbidden,
            Code::ReferenceUnusable,
            Code::ReferenceUnavailable,
            Code::Sealed,
        ],
        answer: Answer::Leased,
    };

    fn read(address: &Address, body: ReadLeasedSecretsBody) -> Result<ParsedCommand, Problem> {
        let fields = list("fields", body.fields)?.into_iter().collect();
        let lease = body.lease.check("lease")?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::ReadLeased { target, lease, fields })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::ReadLeased { target: _, lease, fields } => {
                Some(to.field("lease", lease).field("fields", fields))
            }
            _ => None,
        }
    }
}
