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
             by key, and a null value removes its key. A change of the provider, the auth method, a \
             secret reference, or a setting that is a URL, a host, a user or the like, requires \
             the right to reveal as well while secrets stay attached: they would be sent \
             elsewhere. With `detach_secrets` such a change removes them instead.",
        requires: &[
            Requirement::always(&[Scope::Write]),
            Requirement::for_secrets(&[Scope::Rotate]),
            Requirement::for_references(),
            Requirement::for_destination(),
        ],
        refusals: &[
            Code::NothingToChange,
            Code::SecretFieldUnknown,
            Code::SlugTaken,
            Code::DestinationForbidden,
            Code::SecretExposed,
            Code::ReferenceForbidden,
            Code::Sealed,
        ],
        answer: Answer::Changed,
    };

    fn read(address: &Address, mut body: UpdateBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection.take())?;
        let detach_secrets = body.detach_secrets;
        let (revision, secrets) = body.check()?;
        let revision = Box::new(revision);
        Ok(ParsedCommand::Update { target, revision, secrets, detach_secrets })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Update { target: _, revision, secrets, detach_secrets } => {
                let secrets = secrets.iter().map(|(field, value)| (field, value.as_ref()));
                let to = to.field("revision", &**revision);
                Some(to.flag_if_set("detach_secrets", *detach_secrets).secrets(secrets))
            }
            _ => None,
        }
    }
}
