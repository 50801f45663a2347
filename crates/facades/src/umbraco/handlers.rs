//! The operations on connections.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::Code;
use ledger_contract::queries::ListQuery;
use ledger_engine::{ListOptions, ListResult};
use ledger_http::toolkit::{Body, Created, Empty, Json, Path, Query, Refusal, Tagged, Written};

use super::find::{named, shown};
use super::shapes::{
    ConnectionIn, ConnectionOut, ConnectionPath, Exclusion, Filters, ListOut, PatchIn,
};
use super::{catalogue, edit, show};
use crate::request::FacadeRequest;

/// The default and the largest number of connections per page.
const TAKE: u64 = 100;
const TAKE_MAX: u64 = 10_000;

pub(super) async fn list(
    request: FacadeRequest,
    Query(filters): Query<Filters>,
) -> Result<Written<ListOut>, Refusal> {
    let take = filters.take.unwrap_or(TAKE).min(TAKE_MAX);
    let mut options = ListOptions {
        query: ListQuery { sort: Some("name".to_owned()), ..ListQuery::default() },
        skip: filters.skip.unwrap_or(0),
        take: usize::try_from(take).unwrap_or(usize::MAX),
        ..ListOptions::default()
    };
    if let Some(text) = filters.filter.filter(|text| !text.is_empty()) {
        let folded = text.to_lowercase();
        options.query.text = Some(text);
        // The index also covers slugs.
        options.keep =
            Some(Box::new(move |found| show::name(found).to_lowercase().contains(&folded)));
    }
    if let Some(name) = filters.provider_id {
        options.query.provider = match request.provider(&name) {
            Some(provider) => provider.all_names().map(str::to_owned).collect(),
            None => vec![name],
        };
    }
    if let Some(word) = filters.capability {
        catalogue::narrow(&request, &mut options, &word);
    }
    let answer = |found: ListResult<_>| ListOut { items: found.rows, total: found.total };
    Ok(request.list(options, show::item, answer).await?)
}

pub(super) async fn get(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let connection = named(&request, &path.id_or_alias).await?;
    Ok(request.tagged(&connection, Json(shown(&request, &connection))))
}

pub(super) async fn create(
    request: FacadeRequest,
    Body(body): Body<ConnectionIn>,
) -> Result<Tagged<Created<ConnectionOut>>, Refusal> {
    let made = request.create(edit::creation(&request, body)?).await?;
    let location = format!("/umbraco/ai/management/api/v1/connections/{}", made.id);
    let body = shown(&request, &made);
    Ok(request.tagged(&made, Created { location, body }))
}

pub(super) async fn update(
    mut request: FacadeRequest,
    Body(body): Body<PatchIn>,
    Path(path): Path<ConnectionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let connection = named(&request, &path.id_or_alias).await?;
    if let Some(version) = body.version {
        request.expect_version(version);
    }
    let is_active = body.is_active;
    // Even an unknown provider has the fields common to all.
    let provider = request.catalogue().of(connection.details.provider.as_str());
    let update = edit::revision(&request, &connection, Some(provider), body)?;
    let mut changed = request.update(&connection, update).await?;
    if let Some(on) = is_active.filter(|on| *on != changed.enabled) {
        request.switch_to(&changed, on).await?;
        changed = request.find(ConnectionRef::Id(changed.id)).await?;
    }
    Ok(request.tagged(&changed, Json(shown(&request, &changed))))
}

pub(super) async fn delete(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
) -> Result<Empty, Refusal> {
    let connection = named(&request, &path.id_or_alias).await?;
    request.delete(&connection).await?;
    Ok(Empty)
}

pub(super) async fn exists(
    request: FacadeRequest,
    Path(path): Path<ConnectionPath>,
    Query(Exclusion { exclude_id }): Query<Exclusion>,
) -> Result<Json<bool>, Refusal> {
    let found = match named(&request, &path.id_or_alias).await {
        Ok(found) => Some(found),
        Err(problem) if problem.code == Code::ConnectionUnknown => None,
        Err(problem) => return Err(problem.into()),
    };
    let excluded = exclude_id.unwrap_or_default().to_lowercase();
    Ok(Json(found.is_some_and(|found| found.id.to_string() != excluded)))
}
