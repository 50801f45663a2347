//! `link-dependent`.

use ledger_domain::Command;
use ledger_domain::connection::Dependent;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json as literal};

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Checked as _, MapInput};
use super::parts::json;
use super::unlink_dependent::{DependentRule, DependentText, dependent_key};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `link-dependent`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkDependentBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Kind of dependent, such as `tool`, `mcp_server`, `integration_connection` or `gateway`.
    kind: DependentText,
    /// Id of the dependent in its own system.
    id: DependentText,
    /// Its human-readable name.
    name: Option<DependentText>,
    /// Further attributes of it.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    attributes: MapInput<DependentRule, Value, { usize::MAX }>,
}

/// Records that something uses a connection.
#[derive(Debug)]
pub(super) enum LinkDependent {}

impl VerbDefinition for LinkDependent {
    type Body = LinkDependentBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "link-dependent",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/link-dependent",
            operation_id: "linkDependent",
        },
        summary: "Record that something uses a connection",
        description: "",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::NothingToChange],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: LinkDependentBody) -> Result<ParsedCommand, Problem> {
        let attributes = body.attributes.check("attributes", |_, value| Ok(json(&value)))?;
        let name = body.name.check("name")?;
        let key = dependent_key(body.kind, body.id)?;
        let dependent = Dependent { name, attributes };
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::LinkDependent { key, dependent }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::LinkDependent { key, dependent } => {
                Some(to.field("kind", &key.kind).field("id", &key.id).field("dependent", dependent))
            }
            _ => None,
        }
    }
}
