//! The operations on auth connections.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Connection, ConnectionId};
use ledger_engine::{ListOptions, ListResult};
use ledger_http::toolkit::{Body, Json, Path, Refusal, Tagged, Unspecified, Written};
use ledger_providers::Provider;
use serde_json::Value;
use uuid::Uuid;

use super::describe::{ConnectionOut, ConnectionPath, CreationIn, ListOut, RevisionIn};
use super::read::Complaint;
use super::{edit, show, unprocessable};
use crate::request::FacadeRequest;

pub(super) async fn list(request: FacadeRequest) -> Result<Written<ListOut>, Refusal> {
    let shown = |found: &Connection, provider: Option<&Provider>| {
        ConnectionOut(show::connection(found, provider))
    };
    let answer = |found: ListResult<_>| ListOut { auth_connections: found.rows };
    Ok(request.list(ListOptions::all(), shown, answer).await?)
}

pub(super) async fn create(
    request: FacadeRequest,
    Body(CreationIn(body)): Body<CreationIn>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let body = edit::creation(&request, body).map_err(|complaints| refused(&complaints))?;
    let made = request.create(body).await?;
    Ok(request.tagged(&made, Json(shown(&request, &made))))
}

pub(super) async fn update(
    request: FacadeRequest,
    Body(RevisionIn(body)): Body<RevisionIn>,
    Path(path): Path<ConnectionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let connection = named(&request, &path).await?;
    let provider = request.provider(connection.details.provider.as_str());
    let update = edit::revision(&connection, provider, body);
    let update = update.map_err(|complaint| refused(&[complaint]))?;
    let changed = request.update(&connection, update).await?;
    Ok(request.tagged(&changed, Json(shown(&request, &changed))))
}

/// Returns null, which the product's document does not describe.
pub(super) async fn delete(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Unspecified<Value>, Refusal> {
    let connection = named(&request, &path).await?;
    request.delete(&connection).await?;
    Ok(Unspecified(Value::Null))
}

/// Returns the connection that the path names: by `ac-` and the digits of its id, or by its id.
async fn named(request: &FacadeRequest, path: &ConnectionPath) -> Result<Connection, Problem> {
    let text = path.auth_connection_id.as_str();
    let id = Uuid::try_parse(text.strip_prefix(show::ID).unwrap_or(text)).ok();
    let id: Option<ConnectionId> = id.and_then(|id| id.hyphenated().to_string().parse().ok());
    let id = id.ok_or_else(|| Problem::new(Code::ConnectionUnknown))?;
    request.find(ConnectionRef::Id(id)).await
}

fn shown(request: &FacadeRequest, connection: &Connection) -> ConnectionOut {
    let provider = request.provider(connection.details.provider.as_str());
    ConnectionOut(show::connection(connection, provider))
}

fn refused(complaints: &[Complaint]) -> Refusal {
    Refusal::Worded(Code::FieldInvalid, Box::new(unprocessable(complaints)))
}
