//! Virtual keys, `/v1/virtual-keys`.

use ledger_contract::commands::{SecretValue, nullable};
use ledger_contract::time;
use ledger_domain::connection::Limits;
use ledger_domain::{Connection, Line, limits as domain_limits};
use ledger_engine::{ListOptions, ListResult};
use ledger_http::toolkit::{Body, Json, Path, Query, Refusal, Tagged, Written};
use ledger_providers::Provider;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::azure::AzureSettings;
use super::{limits, refuse_expiry};
use crate::portkey::handlers::{self, named};
use crate::portkey::limits::{LimitsIn, LimitsView};
use crate::portkey::mappings::Sources;
use crate::portkey::shapes::{
    Configurations, DoneOut, Filters, IntegrationChange, IntegrationIn, IntegrationPath,
};
use crate::portkey::{configurations, edit, show};
use crate::request::FacadeRequest;
use crate::settings;

const OBJECT: &str = "virtual-key";

/// A new virtual key.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CreateVirtualKey")]
pub(in crate::portkey) struct VirtualKeyIn {
    /// Display name.
    name: String,
    /// The provider.
    provider: String,
    /// Handle: letters, digits, `_` and `-`; generated if absent.
    slug: Option<String>,
    /// The provider's key.
    key: Option<SecretValue>,
    /// Free text.
    note: Option<String>,
    /// The workspace that it is limited to.
    workspace_id: Option<String>,
    /// Settings, as the provider requires.
    configurations: Option<Configurations>,
    /// Must be absent or null.
    expires_at: Option<String>,
    #[serde(flatten)]
    azure: AzureSettings,
    #[serde(flatten)]
    limits: LimitsIn,
}

/// Changes to a virtual key.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateVirtualKey")]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(in crate::portkey) struct VirtualKeyChange {
    /// Display name.
    name: Option<String>,
    /// Free text; null or empty clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    note: Option<Option<String>>,
    /// The provider's key; an empty text or its mask keeps it.
    key: Option<SecretValue>,
    /// Must be absent or null.
    expires_at: Option<String>,
    #[serde(flatten)]
    azure: AzureSettings,
    #[serde(flatten)]
    limits: LimitsIn,
}

/// The answer to a creation or an update.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VirtualKeyWritten")]
pub(in crate::portkey) struct WrittenOut {
    /// `virtual-key`.
    object: &'static str,
    /// Stable id.
    id: String,
    /// The handle.
    slug: String,
}

impl WrittenOut {
    fn of(connection: &Connection) -> Self {
        let (id, slug) = (connection.id.to_string(), connection.slug.to_string());
        Self { object: OBJECT, id, slug }
    }
}

/// A virtual key.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VirtualKey")]
pub(in crate::portkey) struct VirtualKeyOut {
    /// `virtual-key`.
    object: &'static str,
    /// Stable id.
    id: String,
    /// The provider.
    ai_provider_name: String,
    /// The provider's key, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    masked_api_key: Option<String>,
    /// Display name.
    name: String,
    /// The handle.
    slug: String,
    /// Free text.
    note: Option<String>,
    /// `active`, or `archived` if it is disabled.
    status: &'static str,
    /// Time of creation.
    created_at: String,
    /// Settings, and masked secrets under names that begin with `masked_`.
    model_config: ModelConfig,
    #[serde(flatten)]
    limits: LimitsView,
}

/// The settings of a virtual key.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VirtualKeySettings")]
struct ModelConfig {
    #[serde(flatten)]
    azure: AzureSettings,
    #[serde(flatten)]
    configurations: Configurations,
}

/// The virtual keys.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "VirtualKeyList")]
pub(in crate::portkey) struct VirtualKeysOut {
    /// `list`.
    object: &'static str,
    /// Number of matches.
    total: u64,
    /// The virtual keys.
    data: Vec<VirtualKeyOut>,
}

fn shown(connection: &Connection, provider: &Provider) -> VirtualKeyOut {
    let main = settings::main_secret(connection, Some(provider));
    let configurations = configurations::show(connection, provider);
    VirtualKeyOut {
        object: OBJECT,
        id: connection.id.to_string(),
        ai_provider_name: show::provider_name(connection, Some(provider)),
        masked_api_key: main.map(|(field, secret)| configurations::mask(field, secret)),
        name: show::name(connection),
        slug: connection.slug.to_string(),
        note: connection.details.description.as_ref().map(ToString::to_string),
        status: show::status(connection),
        created_at: time::format(connection.created_at),
        model_config: ModelConfig { azure: AzureSettings::of(&configurations), configurations },
        limits: LimitsView::of(&limits::of(connection, &connection.workspace)),
    }
}

pub(in crate::portkey) async fn list(
    request: FacadeRequest,
    Query(filters): Query<Filters>,
) -> Result<Written<VirtualKeysOut>, Refusal> {
    let is_paged = filters.page_size.is_some();
    let mut options = handlers::options(&request, filters).await?;
    if !is_paged {
        // Clients have no parameter for a page.
        options = ListOptions { skip: 0, take: usize::MAX, ..options };
    }
    let catalogue = request.server.catalogue.clone();
    let show = move |found: &Connection, _: Option<&Provider>| {
        shown(found, catalogue.of(found.details.provider.as_str()))
    };
    let answer = |found: ListResult<_>| VirtualKeysOut {
        object: "list",
        total: found.total,
        data: found.rows,
    };
    Ok(request.list(options, show, answer).await?)
}

pub(in crate::portkey) async fn create(
    request: FacadeRequest,
    Body(body): Body<VirtualKeyIn>,
) -> Result<Tagged<Json<WrittenOut>>, Refusal> {
    refuse_expiry(body.expires_at.as_deref())?;
    Line::parse("provider", &body.provider, domain_limits::PROVIDER_CHARS)?;
    let mut configurations = body.configurations.unwrap_or_default();
    body.azure.add_to(request.catalogue().of(&body.provider), &mut configurations)?;
    let integration = IntegrationIn {
        slug: body.slug,
        key: body.key,
        description: body.note,
        workspace_id: body.workspace_id,
        configurations: Some(configurations),
        ..IntegrationIn::of(body.name, body.provider)
    };
    let mut draft = edit::creation(&request, integration).await?;
    let own = limits::annotation(&Limits::default(), body.limits)?;
    draft.annotations.extend(own.and_then(|(name, value)| Some((name, value?))));
    let made = request.create(draft).await?;
    Ok(request.tagged(&made, Json(WrittenOut::of(&made))))
}

pub(in crate::portkey) async fn get(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
) -> Result<Tagged<Json<VirtualKeyOut>>, Refusal> {
    let connection = named(&request, &path).await?;
    let provider = request.catalogue().of(connection.details.provider.as_str());
    Ok(request.tagged(&connection, Json(shown(&connection, provider))))
}

pub(in crate::portkey) async fn update(
    request: FacadeRequest,
    Body(body): Body<VirtualKeyChange>,
    Path(path): Path<IntegrationPath>,
) -> Result<Tagged<Json<WrittenOut>>, Refusal> {
    let connection = named(&request, &path).await?;
    refuse_expiry(body.expires_at.as_deref())?;
    let provider = request.catalogue().of(connection.details.provider.as_str());
    let configurations = if body.azure.is_empty() {
        None
    } else {
        let mut all = configurations::show(&connection, provider);
        body.azure.add_to(provider, &mut all)?;
        Some(all)
    };
    let change = IntegrationChange {
        name: body.name,
        description: body.note,
        key: body.key.map(Some),
        configurations,
        ..IntegrationChange::default()
    };
    let change = edit::revision(&connection, provider, &Sources::new(), change)?;
    let home = connection.workspace.clone();
    let plan = limits::Plan::of(&request, &connection, &home, body.limits).await?;
    plan.carry_out(&request, &connection, change.update).await?;
    Ok(request.tagged(&connection, Json(WrittenOut::of(&connection))))
}

pub(in crate::portkey) async fn delete(
    request: FacadeRequest,
    Path(path): Path<IntegrationPath>,
) -> Result<Json<DoneOut>, Refusal> {
    let connection = named(&request, &path).await?;
    request.delete(&connection).await?;
    Ok(Json(DoneOut {}))
}
