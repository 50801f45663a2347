//! `retire-former`.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Checked as _, FieldNameRule, Input, MomentRule, list};
use super::parsed::{OverlapChange, ParsedCommand};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `retire-former`: ends the use of former generations, now or at another time than was said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetireFormerBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The secret fields; all that have a former generation when absent or empty.
    #[serde(default)]
    #[schemars(extend("default" = serde_json::json!([])))]
    fields: Vec<Input<FieldNameRule>>,
    /// A time, or a span of time from now like `36h`, at most 90 days ahead; at once when absent.
    at: Option<Input<MomentRule>>,
}

/// Ends the use of former generations.
#[derive(Debug)]
pub(super) enum RetireFormer {}

impl VerbDefinition for RetireFormer {
    type Body = RetireFormerBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "retire-former",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/retire-former",
            operation_id: "retireFormer",
        },
        summary: "Retire the former generation of a secret, now or at another time",
        description: "Ends the overlap that a rotation began: from then on only the current \
             generation is revealed. With `at`, the end is moved, earlier or later; whether it waits \
             for confirmations stays as it is.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[Code::FormerUnknown, Code::SecretFieldUnknown, Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RetireFormerBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let fields = list("fields", body.fields)?.into_iter().collect();
        let change = OverlapChange::Retire { at: body.at.check("at")? };
        Ok(ParsedCommand::Overlap { target, fields, change })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Overlap { fields, change: OverlapChange::Retire { at }, .. } => {
                Some(to.field("fields", fields).field("at", at))
            }
            _ => None,
        }
    }
}
