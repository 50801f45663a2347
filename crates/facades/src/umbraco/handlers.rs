//! The verbs on connections.

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::ListQuery;
use ledger_domain::{Connection, InvalidField};
use ledger_engine::ListOptions;
use ledger_http::handler::{json, with};
use ledger_providers::Provider;
use serde::Serialize;

use super::shapes::{ConnectionIn, ListOut, PatchIn};
use super::{catalogue, edit, show};
use crate::api::Refusal;
use crate::asked::Asked;
use crate::handles;

/// Connections shown when nothing is said, and at most.
const TAKE: u64 = 100;
const TAKE_MAX: u64 = 10_000;

pub(super) async fn list(asked: Asked) -> Result<Response, Refusal> {
    let take = asked.number("take")?.unwrap_or(TAKE).min(TAKE_MAX);
    let mut options = ListOptions {
        query: ListQuery { sort: Some("name".to_owned()), ..ListQuery::default() },
        skip: asked.number("skip")?.unwrap_or(0),
        take: usize::try_from(take).unwrap_or(usize::MAX),
        ..ListOptions::default()
    };
    if let Some(text) = asked.parameter("filter").filter(|text| !text.is_empty()) {
        let folded = text.to_lowercase();
        options.query.text = Some(text.to_owned());
        // The index looks in slugs, too.
        options.keep =
            Some(Box::new(move |found| show::name(found).to_lowercase().contains(&folded)));
    }
    if let Some(name) = asked.parameter("providerId") {
        options.query.provider = match asked.provider(name) {
            Some(provider) => provider.all_names().map(str::to_owned).collect(),
            None => vec![name.to_owned()],
        };
    }
    if let Some(word) = asked.parameter("capability") {
        catalogue::narrow(&asked, &mut options, word);
    }
    let found = asked.list(options).await?;
    let items = found.rows.iter();
    let items = items.map(|found| show::item(found, of(&asked, found))).collect();
    Ok(answer(StatusCode::OK, &ListOut { items, total: found.total }))
}

pub(super) async fn get(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked, "idOrAlias").await?;
    Ok(shown(&asked, &connection))
}

pub(super) async fn create(asked: Asked) -> Result<Response, Refusal> {
    let body: ConnectionIn = asked.json()?;
    let made = asked.create(edit::creation(&asked, body)?).await?;
    let place = format!("/umbraco/ai/management/api/v1/connections/{}", made.id);
    let place = HeaderValue::from_str(&place).expect("ids are of header characters");
    let body = show::connection(&made, of(&asked, &made));
    Ok(with(answer(StatusCode::CREATED, &body), LOCATION, place))
}

pub(super) async fn update(asked: Asked) -> Result<Response, Refusal> {
    let body: PatchIn = asked.json()?;
    let connection = named(&asked, "idOrAlias").await?;
    let is_active = body.is_active;
    // Also one that nobody described has the fields that all have.
    let provider = asked.catalogue().of(connection.details.provider.as_str());
    let update = edit::revision(&connection, Some(provider), body)?;
    let mut changed = asked.update(&connection, update).await?;
    if let Some(on) = is_active.filter(|on| *on != changed.enabled) {
        asked.switch_to(&changed, on).await?;
        changed = asked.find(ledger_contract::commands::ConnectionRef::Id(changed.id)).await?;
    }
    Ok(shown(&asked, &changed))
}

pub(super) async fn delete(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked, "idOrAlias").await?;
    asked.delete(&connection).await?;
    Ok(json(StatusCode::OK, ""))
}

pub(super) async fn exists(asked: Asked) -> Result<Response, Refusal> {
    let found = match named(&asked, "idOrAlias").await {
        Ok(found) => Some(found),
        Err(problem) if problem.code == Code::ConnectionUnknown => None,
        Err(problem) => return Err(problem.into()),
    };
    let excluded = asked.parameter("excludeId").unwrap_or_default();
    let taken = found.is_some_and(|found| found.id.to_string() != excluded.to_lowercase());
    Ok(answer(StatusCode::OK, &taken))
}

/// Returns the connection that a part of the path names: a GUID is an id, all else an alias. What
/// can be no alias is that of no connection.
pub(super) async fn named(asked: &Asked, parameter: &str) -> Result<Connection, Problem> {
    let target = handles::target(parameter, asked.path(parameter));
    let unknown = |_: InvalidField| Problem::new(Code::ConnectionUnknown);
    asked.find(target.map_err(unknown)?).await
}

/// Returns what is known of a connection's provider.
pub(super) fn of<'a>(asked: &'a Asked, connection: &Connection) -> Option<&'a Provider> {
    asked.provider(connection.details.provider.as_str())
}

pub(super) fn shown(asked: &Asked, connection: &Connection) -> Response {
    answer(StatusCode::OK, &show::connection(connection, of(asked, connection)))
}

pub(super) fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    json(status, serde_json::to_vec(body).expect("answers have a JSON form"))
}
