//! The operations on connections.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::Problem;
use ledger_contract::queries::ListQuery;
use ledger_domain::connection::IdentityKind;
use ledger_domain::{Connection, ConnectionId, WorkspaceName};
use ledger_engine::{Keep, ListOptions, ListResult};
use ledger_http::toolkit::{Body, Empty, Json, Path, Query, Refusal, Tagged, Written};

use super::shapes::{
    ConnectionIn, ConnectionOut, ConnectionPath, Filters, PageOut, PatchIn, ProjectConnectionPath,
    ProjectPath,
};
use super::{edit, key, show, unknown};
use crate::request::FacadeRequest;

/// The default and the largest number of rows per page.
const LIMIT: u64 = 20;
const LIMIT_MAX: u64 = 150;

pub(super) async fn list(
    request: FacadeRequest,
    Query(filters): Query<Filters>,
) -> Result<Written<PageOut>, Refusal> {
    page(&request, filters).await
}

pub(super) async fn list_in_project(
    request: FacadeRequest,
    Path(path): Path<ProjectPath>,
    Query(filters): Query<Filters>,
) -> Result<Written<PageOut>, Refusal> {
    page(&within(request, &path.project)?, filters).await
}

async fn page(request: &FacadeRequest, filters: Filters) -> Result<Written<PageOut>, Refusal> {
    let limit = filters.limit.unwrap_or(LIMIT).clamp(1, LIMIT_MAX);
    let number = filters.page.unwrap_or(1).max(1);
    let skip = filters.skip.unwrap_or_else(|| (number - 1).saturating_mul(limit));
    let take = usize::try_from(limit).unwrap_or(usize::MAX);
    let options = ListOptions { skip, take, ..options(filters)? };
    let answer = move |found: ListResult<_>| PageOut {
        rows: found.rows,
        total: found.total,
        pages: found.total.div_ceil(limit),
        page: skip / limit + 1,
    };
    Ok(request.list(options, show::connection, answer).await?)
}

pub(super) async fn get(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let connection = named(&request, &path.id).await?;
    Ok(request.tagged(&connection, Json(shown(&request, &connection))))
}

pub(super) async fn get_in_project(
    request: FacadeRequest,
    Path(path): Path<ProjectConnectionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let request = within(request, &path.project)?;
    let connection = named(&request, &path.id).await?;
    Ok(request.tagged(&connection, Json(shown(&request, &connection))))
}

pub(super) async fn create(
    request: FacadeRequest,
    Body(body): Body<ConnectionIn>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let made = request.create(edit::creation(&request, body)?).await?;
    Ok(request.tagged(&made, Json(shown(&request, &made))))
}

pub(super) async fn update(
    mut request: FacadeRequest,
    Body(body): Body<PatchIn>,
    Path(path): Path<ConnectionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let connection = named(&request, &path.id).await?;
    edit::refuse_fixed(&shown(&request, &connection), &body)?;
    if let Some(version) = edit::version(&body)? {
        request.expect_version(version);
    }
    let active = body.active;
    let mut changed = request.update(&connection, edit::revision(body)).await?;
    if let Some(on) = active.filter(|on| *on != changed.enabled) {
        request.switch_to(&changed, on).await?;
        changed = request.find(ConnectionRef::Id(changed.id)).await?;
    }
    Ok(request.tagged(&changed, Json(shown(&request, &changed))))
}

pub(super) async fn delete(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Empty, Refusal> {
    let connection = named(&request, &path.id).await?;
    request.delete(&connection).await?;
    Ok(Empty)
}

/// Directs a request to the project that the path names, which is a workspace.
fn within(mut request: FacadeRequest, project: &str) -> Result<FacadeRequest, Problem> {
    if !project.is_empty() {
        request.workspace = WorkspaceName::parse("project", project)?;
    }
    Ok(request)
}

/// Returns the connection that the id in the path names.
async fn named(request: &FacadeRequest, id: &str) -> Result<Connection, Problem> {
    let id: ConnectionId = id.parse().map_err(|_| unknown())?;
    request.find(ConnectionRef::Id(id)).await
}

fn shown(request: &FacadeRequest, connection: &Connection) -> ConnectionOut {
    show::connection(connection, request.provider(connection.details.provider.as_str()))
}

/// Translates the filters. An index narrows the rows where possible. All filters are then compared
/// with the shown values, so that the list matches them exactly.
fn options(filters: Filters) -> Result<ListOptions, Problem> {
    let mut options =
        ListOptions { any_tag: parts(filters.tags.as_deref()), ..ListOptions::default() };
    let mut keeps: Vec<Keep> = Vec::new();
    let query = ListQuery {
        provider: filters.platform.clone().into_iter().collect(),
        enabled: Some(filters.active.unwrap_or(true)),
        text: filters.name.clone(),
        ..ListQuery::default()
    };
    options.query = query;
    let keys = parts(filters.key.or(filters.keys).as_deref());
    if !keys.is_empty() {
        options.ids = Some(keys.iter().filter_map(|text| key::id(text)).collect());
        keeps.push(Box::new(move |connection| keys.contains(&key::of(connection))));
    }
    if let Some(platform) = filters.platform {
        keeps.push(Box::new(move |found| found.details.provider.as_str() == platform));
    }
    if let Some(name) = filters.name {
        keeps.push(Box::new(move |found| {
            found.details.display_name.as_ref().is_some_and(|shown| shown.as_str() == name)
        }));
    }
    if let Some(version) = filters.platform_version {
        keeps.push(Box::new(move |found| show::platform_version(found) == version));
    }
    if let Some(identity) = filters.identity {
        match key::by_digits(&identity) {
            // A missing identity is derived from the id, which no index holds.
            Some(_) => keeps.push(Box::new(move |found| show::identity(found) == identity)),
            None => options.query.identity = Some(identity),
        }
    }
    match filters.identity_type.map(|word| IdentityKind::parse(&word)).transpose()? {
        None => {}
        // The same holds for its type.
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

/// Splits a list at its commas.
fn parts(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}
