//! Providers, `/v1/providers`: an integration as one workspace uses it.

use ledger_contract::commands::{ConnectionRef, nullable};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::time;
use ledger_domain::connection::GrantScope;
use ledger_domain::{Command, Connection, InvalidField, WorkspaceName};
use ledger_engine::ListResult;
use ledger_http::toolkit::{Body, Json, Path, Query, Refusal, Tagged, Written};
use ledger_providers::Provider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{limits, refuse_expiry};
use crate::portkey::handlers::{self, named};
use crate::portkey::limits::{LimitsIn, LimitsView, OneLimits};
use crate::portkey::mappings::Sources;
use crate::portkey::shapes::{DoneOut, Filters, IntegrationChange, IntegrationPath};
use crate::portkey::{edit, ids, show};
use crate::request::FacadeRequest;

const OBJECT: &str = "provider";

/// The workspace that uses the integration.
#[derive(Debug, Deserialize, JsonSchema)]
pub(in crate::portkey) struct Use {
    /// Name or UUID of the workspace; the integration's own if absent.
    workspace_id: Option<String>,
}

/// A new provider.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CreateProvider")]
pub(in crate::portkey) struct ProviderIn {
    /// Display name, which becomes the integration's.
    name: String,
    /// Id or slug of the integration.
    integration_id: String,
    /// The integration's slug, if it is stated.
    slug: Option<String>,
    /// Free text, which becomes the integration's description.
    note: Option<String>,
    /// The workspace that uses it.
    workspace_id: Option<String>,
    /// Must be absent or null.
    expires_at: Option<String>,
    #[serde(flatten)]
    limits: LimitsIn,
}

/// Changes to a provider.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateProvider")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(in crate::portkey) struct ProviderChange {
    /// Display name of the integration.
    name: Option<String>,
    /// Description of the integration; null or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    note: Option<Option<String>>,
    /// Must be absent or null.
    expires_at: Option<String>,
    /// Has no effect.
    #[expect(dead_code, reason = "only its type is checked")]
    reset_usage: Option<bool>,
    #[serde(flatten)]
    limits: LimitsIn,
}

/// The answer to a creation or an update.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProviderWritten")]
pub(in crate::portkey) struct WrittenOut {
    /// Stable id.
    id: String,
    /// The handle.
    slug: String,
}

impl WrittenOut {
    fn of(connection: &Connection) -> Self {
        Self { id: connection.id.to_string(), slug: connection.slug.to_string() }
    }
}

/// A provider, with the limits of its workspace in the form that lists or single answers have.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Provider{L}")]
pub(in crate::portkey) struct ProviderOut<L> {
    /// `provider`.
    object: &'static str,
    /// Stable id.
    id: String,
    /// The handle.
    slug: String,
    /// Display name.
    name: String,
    /// Free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// The handle of its integration, which is its own.
    integration_id: String,
    /// The provider of models.
    ai_provider_id: String,
    /// The workspace that uses it.
    workspace_id: String,
    /// `active`, or `archived` if it is disabled.
    status: &'static str,
    /// Always null.
    expires_at: Option<String>,
    /// Time of creation.
    created_at: String,
    /// Time of the last change.
    last_updated_at: String,
    #[serde(flatten)]
    limits: L,
}

/// A page of providers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ProviderList")]
pub(in crate::portkey) struct ProvidersOut {
    /// `list`.
    object: &'static str,
    /// Number of matches on all pages.
    total: u64,
    /// The providers of this page.
    data: Vec<ProviderOut<OneLimits>>,
}

fn shown<L>(
    connection: &Connection,
    provider: Option<&Provider>,
    workspace: &WorkspaceName,
    limits: L,
) -> ProviderOut<L> {
    ProviderOut {
        object: OBJECT,
        id: connection.id.to_string(),
        slug: connection.slug.to_string(),
        name: show::name(connection),
        note: connection.details.description.as_ref().map(ToString::to_string),
        integration_id: connection.slug.to_string(),
        ai_provider_id: show::provider_name(connection, provider),
        workspace_id: workspace.to_string(),
        status: show::status(connection),
        expires_at: None,
        created_at: time::format(connection.created_at),
        last_updated_at: time::format(connection.updated_at),
        limits,
    }
}

pub(in crate::portkey) async fn list(
    request: FacadeRequest,
    Query(filters): Query<Filters>,
) -> Result<Written<ProvidersOut>, Refusal> {
    let stated = filters.workspace_id.clone().filter(|text| !text.is_empty());
    let options = handlers::options(&request, filters).await?;
    let workspace = match stated {
        // An unknown workspace has no providers.
        Some(text) => ids::workspace(&request, "workspace_id", &text, None).await.ok(),
        None => None,
    };
    let workspace = workspace.unwrap_or_else(|| request.workspace.clone());
    let show = move |found: &Connection, provider: Option<&Provider>| {
        let limits = OneLimits::of(&limits::of(found, &workspace));
        shown(found, provider, &workspace, limits)
    };
    let answer = |found: ListResult<_>| ProvidersOut {
        object: "list",
        total: found.total,
        data: found.rows,
    };
    Ok(request.list(options, show, answer).await?)
}

pub(in crate::portkey) async fn create(
    request: FacadeRequest,
    Body(body): Body<ProviderIn>,
) -> Result<Tagged<Json<WrittenOut>>, Refusal> {
    let target = ConnectionRef::parse("integration_id", &body.integration_id);
    let connection = request.find(target?).await?;
    let slug = connection.slug.as_str();
    if body.slug.is_some_and(|given| !given.is_empty() && !given.eq_ignore_ascii_case(slug)) {
        let problem = "must be the integration's slug or absent: a provider is its integration";
        return Err(InvalidField::new("slug", problem).into());
    }
    let change = ProviderChange {
        name: Some(body.name),
        note: body.note.map(Some),
        expires_at: body.expires_at,
        limits: body.limits,
        ..ProviderChange::default()
    };
    write(&request, &connection, body.workspace_id.as_deref(), change).await
}

pub(in crate::portkey) async fn get(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
    Query(of): Query<Use>,
) -> Result<Tagged<Json<ProviderOut<LimitsView>>>, Refusal> {
    let connection = named(&request, &path).await?;
    let workspace = workspace(&request, &connection, of.workspace_id.as_deref()).await?;
    if !connection.access.allows(&workspace) && workspace != connection.workspace {
        return Err(Problem::new(Code::ConnectionUnknown).into());
    }
    let provider = request.provider(connection.details.provider.as_str());
    let limits = LimitsView::of(&limits::of(&connection, &workspace));
    let shown = shown(&connection, provider, &workspace, limits);
    Ok(request.tagged(&connection, Json(shown)))
}

pub(in crate::portkey) async fn update(
    request: FacadeRequest,
    Body(body): Body<ProviderChange>,
    Path(path): Path<IntegrationPath>,
    Query(of): Query<Use>,
) -> Result<Tagged<Json<WrittenOut>>, Refusal> {
    let connection = named(&request, &path).await?;
    write(&request, &connection, of.workspace_id.as_deref(), body).await
}

/// Deletes a provider: takes the integration from another workspace, or archives it.
pub(in crate::portkey) async fn delete(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
    Query(of): Query<Use>,
) -> Result<Json<DoneOut>, Refusal> {
    let connection = named(&request, &path).await?;
    let workspace = workspace(&request, &connection, of.workspace_id.as_deref()).await?;
    if workspace == connection.workspace {
        request.delete(&connection).await?;
    } else {
        let scope = GrantScope::Workspace(workspace);
        request.change(connection.id, Command::RevokeWorkspace { scope }).await?;
    }
    Ok(Json(DoneOut {}))
}

/// Changes an integration, and lets a workspace use it within limits. The second command is checked
/// before the first one is executed.
async fn write(
    request: &FacadeRequest,
    connection: &Connection,
    workspace_id: Option<&str>,
    change: ProviderChange,
) -> Result<Tagged<Json<WrittenOut>>, Refusal> {
    refuse_expiry(change.expires_at.as_deref())?;
    let provider = request.catalogue().of(connection.details.provider.as_str());
    let integration = IntegrationChange {
        name: change.name,
        description: change.note,
        ..IntegrationChange::default()
    };
    let integration = edit::revision(connection, provider, &Sources::new(), integration)?;
    let workspace = workspace(request, connection, workspace_id).await?;
    let plan = limits::Plan::of(request, connection, &workspace, change.limits).await?;
    plan.carry_out(request, connection, integration.update).await?;
    Ok(request.tagged(connection, Json(WrittenOut::of(connection))))
}

/// Returns the workspace that a request names, else the connection's own.
async fn workspace(
    request: &FacadeRequest,
    connection: &Connection,
    text: Option<&str>,
) -> Result<WorkspaceName, Problem> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => ids::workspace(request, "workspace_id", text, Some(connection)).await,
        None => Ok(connection.workspace.clone()),
    }
}
