//! The verbs on connections.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::Problem;
use ledger_contract::queries::ListQuery;
use ledger_domain::connection::IdentityKind;
use ledger_domain::{Connection, ConnectionId, WorkspaceName};
use ledger_engine::{Keep, ListOptions};
use ledger_http::handler::json;

use super::shapes::{ConnectionIn, ConnectionOut, PageOut, PatchIn};
use super::{edit, key, show, unknown};
use crate::api::Refusal;
use crate::asked::Asked;

/// Rows on a page when nothing is said, and at most.
const LIMIT: u64 = 20;
const LIMIT_MAX: u64 = 150;

pub(super) async fn list(asked: Asked) -> Result<Response, Refusal> {
    let asked = within_project(asked)?;
    let limit = asked.number("limit")?.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let number = asked.number("page")?.unwrap_or(1).max(1);
    let skip = match asked.number("skip")? {
        Some(skip) => skip,
        None => (number - 1).saturating_mul(limit),
    };
    let take = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = asked.list(ListOptions { skip, take, ..options(&asked)? }).await?;
    let page = PageOut {
        rows: found.rows.iter().map(|found| shown(&asked, found)).collect(),
        total: found.total,
        pages: found.total.div_ceil(limit),
        page: skip / limit + 1,
    };
    let body = serde_json::to_vec(&page).expect("answers have a JSON form");
    Ok(json(StatusCode::OK, body))
}

pub(super) async fn get(asked: Asked) -> Result<Response, Refusal> {
    let asked = within_project(asked)?;
    let connection = named(&asked).await?;
    Ok(answer(&asked, &connection))
}

pub(super) async fn create(asked: Asked) -> Result<Response, Refusal> {
    let body: ConnectionIn = asked.json()?;
    let made = asked.create(edit::creation(&asked, body)).await?;
    Ok(answer(&asked, &made))
}

pub(super) async fn update(asked: Asked) -> Result<Response, Refusal> {
    let body: PatchIn = asked.json()?;
    let connection = named(&asked).await?;
    let changed = asked.update(&connection, edit::revision(body)).await?;
    Ok(answer(&asked, &changed))
}

pub(super) async fn delete(asked: Asked) -> Result<Response, Refusal> {
    let connection = named(&asked).await?;
    asked.delete(&connection).await?;
    Ok(json(StatusCode::OK, ""))
}

/// Looks into the project that a path names: a workspace.
fn within_project(mut asked: Asked) -> Result<Asked, Problem> {
    if !asked.path("project").is_empty() {
        asked.workspace = WorkspaceName::parse("project", asked.path("project"))?;
    }
    Ok(asked)
}

/// Returns the connection in the path.
async fn named(asked: &Asked) -> Result<Connection, Problem> {
    let id: ConnectionId = asked.path("id").parse().map_err(|_| unknown())?;
    asked.find(ConnectionRef::Id(id)).await
}

fn shown(asked: &Asked, connection: &Connection) -> ConnectionOut {
    show::connection(connection, asked.provider(connection.details.provider.as_str()))
}

fn answer(asked: &Asked, connection: &Connection) -> Response {
    let body = serde_json::to_vec(&shown(asked, connection));
    json(StatusCode::OK, body.expect("answers have a JSON form"))
}

/// Reads the filters. An index leaves few rows where it can; the rest is compared with what is
/// shown, so that what is listed is what was asked for to the letter.
fn options(asked: &Asked) -> Result<ListOptions, Problem> {
    let text = |name: &str| asked.parameter(name).map(str::to_owned);
    let mut options =
        ListOptions { any_tag: parts(asked.parameter("tags")), ..ListOptions::default() };
    let mut keeps: Vec<Keep> = Vec::new();
    let query = ListQuery {
        provider: text("platform").into_iter().collect(),
        enabled: Some(asked.switch("active")?.unwrap_or(true)),
        text: text("name"),
        ..ListQuery::default()
    };
    options.query = query;
    let keys = parts(asked.parameter("key").or_else(|| asked.parameter("keys")));
    if !keys.is_empty() {
        options.ids = Some(keys.iter().filter_map(|text| key::id(text)).collect());
        keeps.push(Box::new(move |connection| keys.contains(&key::of(connection))));
    }
    if let Some(platform) = text("platform") {
        keeps.push(Box::new(move |found| found.details.provider.as_str() == platform));
    }
    if let Some(name) = text("name") {
        keeps.push(Box::new(move |found| {
            found.details.display_name.as_ref().is_some_and(|shown| shown.as_str() == name)
        }));
    }
    if let Some(version) = text("platformVersion") {
        keeps.push(Box::new(move |found| show::platform_version(found) == version));
    }
    if let Some(identity) = text("identity") {
        match key::by_digits(&identity) {
            // An identity that nobody gave is made from the id, which no index knows.
            Some(_) => keeps.push(Box::new(move |found| show::identity(found) == identity)),
            None => options.query.identity = Some(identity),
        }
    }
    match text("identityType").map(|word| IdentityKind::parse(&word)).transpose()? {
        None => {}
        // So is its type.
        Some(IdentityKind::User) => {
            keeps.push(Box::new(|found| show::identity_type(found) == IdentityKind::User));
        }
        Some(kind) => options.query.identity_type = Some(kind.as_str().to_owned()),
    }
    if !keeps.is_empty() {
        options.keep = Some(Box::new(move |found| keeps.iter().all(|keep| keep(found))));
    }
    Ok(options)
}

/// Takes a list apart at its commas.
fn parts(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
