//! `create`. Its body is with the fields of a connection.

use ledger_domain::principal::Scope;

use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use super::{NewConnection, ParsedCommand};
use crate::errors::{Code, Problem};
use crate::fields::CreateBody;
use crate::route::{HttpRoute, Method};

/// Creates a connection.
#[derive(Debug)]
pub(super) enum Create {}

impl VerbDefinition for Create {
    type Body = CreateBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "create",
        target: Target::NewConnection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections",
            operation_id: "createConnection",
        },
        summary: "Create a connection",
        description: "Secrets are sealed before anything is stored; answers show only their masks. In \
            place of a value, a secret field may be given a reference, which the server follows \
            when the field is revealed. With `check`, the server tests the credentials first, \
            and creates nothing unless the provider accepts them.",
        requires: &[
            Requirement::always(&[Scope::Write]),
            Requirement::for_references(),
            Requirement::for_sharing(),
        ],
        refusals: &[
            Code::SlugTaken,
            Code::ConnectionExists,
            Code::SecretExposed,
            Code::ReferenceForbidden,
            Code::CheckFailed,
            Code::TestImpossible,
            Code::Sealed,
        ],
        answer: Answer::Created,
    };

    fn read(address: &Address, body: CreateBody) -> Result<ParsedCommand, Problem> {
        let checked = body.check;
        let made = body.read(address.workspace.clone())?;
        Ok(ParsedCommand::Create(Box::new(made)).checked_if(checked))
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Create(new) => Some(write(new, to)),
            _ => None,
        }
    }
}

/// Names every field, so that a new one does not compile until it is written here.
fn write<'a>(new: &NewConnection, to: Content<'a>) -> Content<'a> {
    let NewConnection { workspace: _, slug, details, secrets, enabled, access, models, pricing } =
        new;
    to.field("slug", slug)
        .field("details", details)
        .flag("enabled", *enabled)
        .field("access", access)
        .field("models", models)
        .field("pricing", pricing)
        .secrets(secrets.iter().map(|(field, value)| (field, Some(value))))
}
