//! `update`. Its body is with the fields of a connection.

use ledger_domain::principal::Scope;

use super::ParsedCommand;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::fields::UpdateBody;
use crate::route::{HttpRoute, Method};

/// Changes fields and secrets of a connection.
#[derive(Debug)]
pub(super) enum Update {}

impl VerbDefinition for Update {
    type Body = UpdateBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "update",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Patch,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}",
            operation_id: "updateConnection",
        },
        summary: "Change editable fields and secrets",
        description: "The `update` command. Absent fields stay; null clears; maps are merged key \
             by key, and a null value removes its key.",
        requires: &[
            Requirement::always(&[Scope::Write]),
            Requirement::for_secrets(&[Scope::Rotate]),
        ],
        refusals: &[Code::NothingToChange, Code::SecretFieldUnknown, Code::SlugTaken],
        answer: Answer::Changed,
    };

    fn read(address: &Address, mut body: UpdateBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection.take())?;
        let (revision, secrets) = body.check()?;
        Ok(ParsedCommand::Update { target, revision: Box::new(revision), secrets })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Update { target: _, revision, secrets } => {
                let secrets = secrets.iter().map(|(field, value)| (field, value.as_ref()));
                Some(to.field("revision", &**revision).secrets(secrets))
            }
            _ => None,
        }
    }
}
