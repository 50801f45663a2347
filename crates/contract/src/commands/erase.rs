//! `erase`.

use ledger_domain::Command;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::input::{Input, ReasonRule};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `erase`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EraseBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// The reason, 1 to 1,024 characters. It stays in the history.
    reason: Input<ReasonRule>,
    /// Erases the connection even if something depends on it.
    #[serde(default)]
    force: bool,
}

/// Destroys the secrets of a connection, and all that it says.
#[derive(Debug)]
pub(super) enum Erase {}

impl VerbDefinition for Erase {
    type Body = EraseBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "erase",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/erase",
            operation_id: "eraseConnection",
        },
        summary: "Destroy the secrets and settings of a connection, for good",
        description: "Its data key is destroyed with the answer. What its events said is removed \
             from the log, and its key from the files, soon after; the query `erasure` tells when \
             that is done, and which copies still have something. Slug, ids, times, actors, the \
             names of fields and this reason stay. Nothing brings the connection back.",
        requires: &[Requirement::always(&[Scope::Administer])],
        refusals: &[Code::ConnectionInUse],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: EraseBody) -> Result<ParsedCommand, Problem> {
        let reason = body.reason.check("reason")?;
        let target = address.connection(body.connection)?;
        Ok(ParsedCommand::change(target, Command::Erase { reason, force: body.force }))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command.as_change()? {
            Command::Erase { reason, force } => {
                Some(to.field("reason", reason).flag("force", *force))
            }
            _ => None,
        }
    }
}
