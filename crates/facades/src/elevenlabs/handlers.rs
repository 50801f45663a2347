//! The verbs on auth connections.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Connection, ConnectionId};
use ledger_engine::ListOptions;
use ledger_http::handler::json;
use serde_json::{Value, json};
use uuid::Uuid;

use super::read::{Body, Complaint};
use super::{edit, show, unprocessable};
use crate::api::Refusal;
use crate::asked::Asked;

pub(super) async fn list(asked: Asked) -> Result<Response, Refusal> {
    let found = asked.list(ListOptions::all()).await?;
    let shown: Vec<Value> = found.rows.iter().map(|found| shown(&asked, found)).collect();
    Ok(json(StatusCode::OK, json!({ "auth_connections": shown }).to_string()))
}

pub(super) async fn create(asked: Asked) -> Result<Response, Refusal> {
    let body: Body = asked.json()?;
    let body = edit::creation(&asked, body).map_err(|complaints| refused(&complaints))?;
    let made = asked.create(body).await?;
    Ok(answer(&asked, &made))
}

pub(super) async fn update(asked: Asked) -> Result<Response, Refusal> {
    let body: Body = asked.json()?;
    let connection = named(&asked).await?;
    let provider = asked.provider(connection.details.provider.as_str());
    let update = edit::revision(&connection, provider, body);
    let update = update.map_err(|complaint| refused(&[complaint]))?;
    let changed = asked.update(&connection, update).await?;
    Ok(answer(&asked, &changed))
}

pub(super) async fn delete(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked).await?;
    asked.delete(&connection).await?;
    Ok(json(StatusCode::OK, "null"))
}

/// Returns the connection in the path: `ac-` and its id's digits, or the id as it is elsewhere.
async fn named(asked: &Asked) -> Result<Connection, Problem> {
    let text = asked.path("auth_connection_id");
    let id = Uuid::try_parse(text.strip_prefix(show::ID).unwrap_or(text)).ok();
    let id: Option<ConnectionId> = id.and_then(|id| id.hyphenated().to_string().parse().ok());
    let id = id.ok_or_else(|| Problem::new(Code::ConnectionUnknown))?;
    asked.find(ConnectionRef::Id(id)).await
}

fn shown(asked: &Asked, connection: &Connection) -> Value {
    show::connection(connection, asked.provider(connection.details.provider.as_str()))
}

fn answer(asked: &Asked, connection: &Connection) -> Response {
    json(StatusCode::OK, shown(asked, connection).to_string())
}

fn refused(complaints: &[Complaint]) -> Refusal {
    Refusal::Answer(Box::new(unprocessable(complaints)))
}
