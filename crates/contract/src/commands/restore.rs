//! `restore`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Checked as _, Input, SlugRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `restore`. It needs the id, because the slug of an archived connection is free for
/// others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreBody {
    /// Id of the connection.
    connection: ConnectionName,
    /// A new slug, in case the old one has been taken.
    slug: Option<Input<SlugRule>>,
}

/// Restores an archived connection.
#[derive(Debug)]
pub(super) enum Restore {}

impl VerbDefinition for Restore {
    type Body = RestoreBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "restore",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/restore",
            operation_id: "restoreConnection",
        },
        summary: "Restore an archived connection",
        description: "Give a new slug if the old one has been taken.",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::ConnectionNotArchived, Code::SlugTaken],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RestoreBody) -> Result<ParsedCommand, Problem> {
        let slug = body.slug.check("slug")?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::Restore { slug }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::Restore { slug } => Some(to.field("slug", slug)),
            _ => None,
        }
    }
}
