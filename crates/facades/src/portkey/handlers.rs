//! The operations on integrations.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Connection, InvalidField};
use ledger_engine::{Keep, ListOptions, ListResult};
use ledger_http::toolkit::{Body, Json, Path, Query, Refusal, Tagged, Written};
use ledger_providers::Provider;

use super::shapes::{
    CreatedOut, DoneOut, Filters, IntegrationChange, IntegrationDetail, IntegrationIn,
    IntegrationPath, PageOut,
};
use super::{edit, ids, mappings, show};
use crate::request::FacadeRequest;

/// The default number of integrations per page.
const PAGE_SIZE: u64 = 100;

pub(super) async fn list(
    request: FacadeRequest,
    Query(filters): Query<Filters>,
) -> Result<Written<PageOut>, Refusal> {
    let options = options(&request, filters).await?;
    let ledger = request.server.state.engine().ledger_id();
    let shown = move |found: &Connection, provider: Option<&Provider>| {
        show::integration(ledger, found, provider)
    };
    let answer =
        |found: ListResult<_>| PageOut { object: "list", total: found.total, data: found.rows };
    Ok(request.list(options, shown, answer).await?)
}

/// Returns which connections a list has.
///
/// Errors: `field_invalid`.
pub(super) async fn options(
    request: &FacadeRequest,
    filters: Filters,
) -> Result<ListOptions, Problem> {
    let page = filters.current_page.unwrap_or(0);
    let size = filters.page_size.unwrap_or(PAGE_SIZE);
    if size == 0 {
        return Err(InvalidField::new("page_size", "must be at least 1").into());
    }
    let mut options = ListOptions {
        skip: page.saturating_mul(size),
        take: usize::try_from(size).unwrap_or(usize::MAX),
        ..ListOptions::default()
    };
    let of_type = match filters.r#type.as_deref() {
        None | Some("" | "all") => None,
        Some("workspace") => Some(true),
        Some("organisation") => Some(false),
        Some(_) => {
            let problem = "must be workspace, organisation or all";
            return Err(InvalidField::new("type", problem).into());
        }
    };
    let mut user = None;
    if let Some(text) = filters.workspace_id.filter(|text| !text.is_empty()) {
        match ids::workspace(request, "workspace_id", &text, None).await {
            Ok(name) if name == request.workspace => {}
            Ok(name) => user = Some(name),
            // An unknown workspace has no integrations.
            Err(problem) if problem.code == Code::FieldInvalid => options.ids = Some(Vec::new()),
            Err(problem) => return Err(problem),
        }
    }
    if of_type.is_some() || user.is_some() {
        let keep: Keep = Box::new(move |connection: &Connection| {
            of_type.is_none_or(|one| show::workspace_id(connection).is_some() == one)
                && user.as_ref().is_none_or(|name| connection.access.allows(name))
        });
        options.keep = Some(keep);
    }
    Ok(options)
}

pub(super) async fn create(
    request: FacadeRequest,
    Body(body): Body<IntegrationIn>,
) -> Result<Tagged<Json<CreatedOut>>, Refusal> {
    let body = edit::creation(&request, body).await?;
    let made = request.create(body).await?;
    let shown = CreatedOut { id: made.id.to_string(), slug: made.slug.to_string() };
    Ok(request.tagged(&made, Json(shown)))
}

pub(super) async fn get(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
) -> Result<Tagged<Json<IntegrationDetail>>, Refusal> {
    let connection = named(&request, &path).await?;
    let provider = request.catalogue().of(connection.details.provider.as_str());
    let shown = show::detail(&request, &connection, provider);
    Ok(request.tagged(&connection, Json(shown)))
}

pub(super) async fn update(
    request: FacadeRequest,
    Body(body): Body<IntegrationChange>,
    Path(path): Path<IntegrationPath>,
) -> Result<Tagged<Json<DoneOut>>, Refusal> {
    let connection = named(&request, &path).await?;
    let provider = request.catalogue().of(connection.details.provider.as_str());
    let on = edit::status(body.status.as_deref())?;
    let given = body.secret_mappings.as_deref().unwrap_or_default();
    let sources = mappings::sources(&request, given).await?;
    let change = edit::revision(&connection, provider, &sources, body)?;
    // Of the two commands, only the first can still be refused for its content.
    if let Some(update) = change.update {
        request.update(&connection, update).await?;
    }
    if let Some(pricing) = change.pricing {
        request.change(connection.id, pricing).await?;
    }
    if let Some(on) = on.filter(|on| *on != connection.enabled) {
        request.switch_to(&connection, on).await?;
    }
    request.compare_version(&connection).await?;
    Ok(request.tagged(&connection, Json(DoneOut {})))
}

pub(super) async fn delete(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
) -> Result<Json<DoneOut>, Refusal> {
    let connection = named(&request, &path).await?;
    request.delete(&connection).await?;
    Ok(Json(DoneOut {}))
}

/// Returns the connection that the path names.
///
/// Errors: `connection_unknown`, even for an invalid slug.
pub(super) async fn named(
    request: &FacadeRequest,
    path: &IntegrationPath,
) -> Result<Connection, Problem> {
    let target = ConnectionRef::parse("slug", &path.slug);
    request.find(target.map_err(|_| Problem::new(Code::ConnectionUnknown))?).await
}
