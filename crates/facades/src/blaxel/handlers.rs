//! The operations on connections.

use ledger_contract::errors::Problem;
use ledger_domain::Connection;
use ledger_engine::ListOptions;
use ledger_http::toolkit::{Body, Json, Path, Refusal, Tagged, Written};
use ledger_providers::Provider;

use super::shapes::{ConnectionIn, ConnectionOut, ConnectionPath};
use super::{edit, show};
use crate::handles;
use crate::request::FacadeRequest;

pub(super) async fn list(request: FacadeRequest) -> Result<Written<Vec<ConnectionOut>>, Refusal> {
    let shown = |found: &Connection, _: Option<&Provider>| show::connection(found);
    Ok(request.list(ListOptions::all(), shown, |found| found.rows).await?)
}

pub(super) async fn get(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let connection = named(&request, &path.connection_name).await?;
    Ok(request.tagged(&connection, Json(show::connection(&connection))))
}

pub(super) async fn create(
    request: FacadeRequest,
    Body(body): Body<ConnectionIn>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let made = request.create(edit::creation(&request, body)?).await?;
    Ok(request.tagged(&made, Json(show::connection(&made))))
}

pub(super) async fn update(
    request: FacadeRequest,
    Body(body): Body<ConnectionIn>,
    Path(path): Path<ConnectionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let connection = named(&request, &path.connection_name).await?;
    let update = edit::revision(&connection, body)?;
    let changed = request.update(&connection, update).await?;
    Ok(request.tagged(&changed, Json(show::connection(&changed))))
}

pub(super) async fn delete(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Json<ConnectionOut>, Refusal> {
    let connection = named(&request, &path.connection_name).await?;
    request.delete(&connection).await?;
    Ok(Json(show::connection(&connection)))
}

/// Returns the connection that the path names.
pub(super) async fn named(request: &FacadeRequest, name: &str) -> Result<Connection, Problem> {
    request.find(handles::target("connectionName", name)?).await
}
