//! `connect`.

use ledger_domain::connection::AuthorizationGrant;
use ledger_domain::principal::Scope;
use ledger_domain::{CheckedText as _, Line};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::content::Content;
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// Body of `connect`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// Asks for a code that the person enters at another device, instead of a link.
    #[serde(default)]
    device: bool,
}

/// Begins to connect a connection: a person is to permit the ledger to get tokens.
#[derive(Debug)]
pub(super) enum Connect {}

impl VerbDefinition for Connect {
    type Body = ConnectBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "connect",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}/connect",
            operation_id: "connect",
        },
        summary: "Have a person sign in at the provider, and keep the tokens that it gives out",
        description: "Answers a link, which a person opens within ten minutes, or a code that they \
            enter at another device. When they have permitted it, the server gets a token and a \
            refresh token, and stores both by one event, `connection_authorized`, in the name of \
            whoever sent this; the connection is operational from then on. Whoever opens the link \
            decides which account is connected, so show it to nobody else. The query `attempts` \
            tells how it goes. Of several attempts, the first that is permitted counts; one also \
            ends when the settings change. Nothing is recorded for the beginning itself; the \
            receipt is that of the connection's last change. An idempotency key is not used.",
        requires: &[Requirement::always(&[Scope::Rotate])],
        refusals: &[
            Code::ConnectImpossible,
            Code::RefreshSuperseded,
            Code::ProviderTokenRefused,
            Code::ProviderTokenUnavailable,
            Code::ReferenceForbidden,
            Code::ReferenceUnusable,
            Code::ReferenceUnavailable,
            Code::Sealed,
        ],
        answer: Answer::Connecting,
    };

    fn read(address: &Address, body: ConnectBody) -> Result<ParsedCommand, Problem> {
        let grant = if body.device {
            AuthorizationGrant::DeviceCode
        } else {
            AuthorizationGrant::AuthorizationCode
        };
        Ok(ParsedCommand::Connect { target: address.connection(body.connection)?, grant })
    }

    fn content<'a>(command: &ParsedCommand, to: Content<'a>) -> Option<Content<'a>> {
        match command {
            ParsedCommand::Connect { target: _, grant } => {
                Some(to.field("grant", &Line::stored(grant.as_str().into())))
            }
            _ => None,
        }
    }
}
