//! The verbs on connections.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::errors::Problem;
use ledger_domain::Connection;
use ledger_engine::ListOptions;
use ledger_http::handler::json;

use super::shapes::{ConnectionIn, ConnectionOut};
use super::{edit, show};
use crate::api::Refusal;
use crate::asked::Asked;
use crate::handles;

pub(super) async fn list(asked: Asked) -> Result<Response, Refusal> {
    let found = asked.list(ListOptions::all()).await?;
    let shown: Vec<ConnectionOut> = found.rows.iter().map(show::connection).collect();
    let body = serde_json::to_vec(&shown).expect("answers have a JSON form");
    Ok(json(StatusCode::OK, body))
}

pub(super) async fn get(asked: Asked) -> Result<Response, Refusal> {
    Ok(answer(&named(&asked).await?))
}

pub(super) async fn create(asked: Asked) -> Result<Response, Refusal> {
    let body: ConnectionIn = asked.json()?;
    let body = edit::creation(&asked, body)?;
    Ok(answer(&asked.create(body).await?))
}

pub(super) async fn update(asked: Asked) -> Result<Response, Refusal> {
    let body: ConnectionIn = asked.json()?;
    let connection = named(&asked).await?;
    let update = edit::revision(&connection, body)?;
    Ok(answer(&asked.update(&connection, update).await?))
}

pub(super) async fn delete(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked).await?;
    asked.delete(&connection).await?;
    Ok(answer(&connection))
}

/// Returns the connection in the path.
pub(super) async fn named(asked: &Asked) -> Result<Connection, Problem> {
    let target = handles::target("connectionName", asked.path("connectionName"))?;
    asked.find(target).await
}

fn answer(connection: &Connection) -> Response {
    let body = serde_json::to_vec(&show::connection(connection));
    json(StatusCode::OK, body.expect("answers have a JSON form"))
}
