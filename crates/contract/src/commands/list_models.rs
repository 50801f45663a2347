//! `list-models`.

use std::collections::BTreeSet;

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `list-models`: says which models the provider lists for the credentials of the connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListModelsBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Asks the provider although there is a recent answer. An answer of the last 10 seconds is
    /// recent in any case.
    #[serde(default)]
    refresh: bool,
}

/// Lists the models of a connection.
#[derive(Debug)]
pub(super) enum ListModels {}

impl VerbDefinition for ListModels {
    type Body = ListModelsBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "list-models",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/list-models",
            operation_id: "listModels",
        },
        summary: "List the models that a connection reaches",
        description: "The server sends the request by which the provider lists its models, with \
            the connection's own settings and secrets, and keeps the answer for a while. A reveal \
            records each request before it is sent; nothing else is recorded, and the health stays \
            as it is. If the provider is away, the last answer is given with its age. Callers who \
            may neither reveal nor change the connection, and providers that the catalogue has no \
            such request for, get the models of the catalogue, and `source` says so. An \
            idempotency key is not used.",
        requires: &[Requirement::always(&[Scope::Read])],
        refusals: &[
            Code::ModelsImpossible,
            Code::ModelsRefused,
            Code::ModelsLimited,
            Code::ModelsUnavailable,
            Code::ReferenceForbidden,
            Code::ReferenceUnusable,
            Code::ReferenceUnavailable,
            Code::ProviderTokenRefused,
            Code::ProviderTokenUnavailable,
            Code::Sealed,
        ],
        answer: Answer::Models,
    };

    fn read(address: &Address, body: ListModelsBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let fields = BTreeSet::new();
        Ok(ParsedCommand::ListModels { target, refresh: body.refresh, fields })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            // The engine fills in the fields.
            ParsedCommand::ListModels { target: _, refresh, fields: _ } => {
                Some(to.flag("refresh", *refresh))
            }
            _ => None,
        }
    }
}
