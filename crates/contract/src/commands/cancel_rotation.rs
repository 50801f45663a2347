//! `cancel-rotation`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{FieldNameRule, Input, list};
use super::parsed::{OverlapChange, ParsedCommand};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `cancel-rotation`: returns to the former generation of secret fields.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelRotationBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The secret fields; all that have a former generation when absent or empty.
    #[serde(default)]
    #[schemars(extend("default" = serde_json::json!([])))]
    fields: Vec<Input<FieldNameRule>>,
}

/// Returns to former generations.
#[derive(Debug)]
pub(super) enum CancelRotation {}

impl VerbDefinition for CancelRotation {
    type Body = CancelRotationBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "cancel-rotation",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/cancel-rotation",
            operation_id: "cancelRotation",
        },
        summary: "Return to the former value of a secret while it is still kept",
        description: "The former value becomes the current one, under a new generation, because \
             gateways tell values apart by generation. The value that the rotation brought is \
             retired at once.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[
            Code::FormerUnknown,
            Code::GenerationCompromised,
            Code::SecretFieldUnknown,
            Code::Sealed,
        ],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: CancelRotationBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let fields = list("fields", body.fields)?.into_iter().collect();
        Ok(ParsedCommand::Overlap { target, fields, change: OverlapChange::Cancel })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Overlap { fields, change: OverlapChange::Cancel, .. } => {
                Some(to.field("fields", fields))
            }
            _ => None,
        }
    }
}
