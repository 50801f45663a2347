//! `restore`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::input::{Checked as _, Input, SlugRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `restore`. An archived connection is named by id: its slug is free for others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RestoreBody {
    /// Id.
    connection: ConnectionName,
    /// A new slug, when the old one has been taken.
    slug: Option<Input<SlugRule>>,
}

/// Brings an archived connection back.
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
        summary: "Bring an archived connection back",
        description: "With a new slug, when the old one has been taken.",
        requires: &[Requirement::always(&[Scope::Write])],
        refusals: &[Code::ConnectionNotArchived, Code::SlugTaken],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: RestoreBody) -> Result<ParsedCommand, Problem> {
        let slug = body.slug.check("slug")?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::Restore { slug }))
    }
}
