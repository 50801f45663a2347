//! Connections in Portkey's format.

use ledger_contract::time;
use ledger_domain::{Connection, FieldName, LedgerId};
use ledger_providers::{Facade, Provider};

use super::limits::AccessOut;
use super::pricing::Adjustments;
use super::shapes::{IntegrationDetail, IntegrationOut};
use super::{configurations, ids, mappings};
use crate::request::FacadeRequest;
use crate::settings;

/// The annotation that stores the workspace that an integration is limited to.
pub(super) const WORKSPACE_ID: &str = "portkey.workspace_id";

/// Returns the workspace that an integration is limited to.
pub(super) fn workspace_id(connection: &Connection) -> Option<String> {
    let stored = connection.details.annotations.get(WORKSPACE_ID)?;
    serde_json::from_str(ledger_domain::CheckedText::text(stored)).ok()
}

/// Returns Portkey's name of a connection's provider.
pub(super) fn provider_name(connection: &Connection, provider: Option<&Provider>) -> String {
    let stored = connection.details.provider.as_str();
    provider.map_or(stored, |known| known.name_at(Facade::Portkey)).to_owned()
}

/// Returns the display name, else the slug.
pub(super) fn name(connection: &Connection) -> String {
    let name = connection.details.display_name.as_ref().map(ledger_domain::Line::as_str);
    name.unwrap_or(connection.slug.as_str()).to_owned()
}

/// Returns the status in Portkey's words.
pub(super) fn status(connection: &Connection) -> &'static str {
    if connection.enabled { "active" } else { "archived" }
}

/// Returns a connection as lists show it.
pub(super) fn integration(
    ledger: LedgerId,
    connection: &Connection,
    provider: Option<&Provider>,
) -> IntegrationOut {
    let details = &connection.details;
    let workspace_id = workspace_id(connection);
    IntegrationOut {
        object: "integration",
        id: connection.id.to_string(),
        organisation_id: ids::organisation(ledger),
        r#type: if workspace_id.is_some() { "workspace" } else { "organisation" },
        workspace_id,
        ai_provider_id: provider_name(connection, provider),
        name: name(connection),
        slug: connection.slug.to_string(),
        description: details.description.as_ref().map(ToString::to_string),
        status: status(connection),
        owner_id: connection.created_by.as_str().to_owned(),
        created_at: time::format(connection.created_at),
        last_updated_at: time::format(connection.updated_at),
    }
}

/// Returns a connection with all fields.
pub(super) fn detail(
    request: &FacadeRequest,
    connection: &Connection,
    provider: &Provider,
) -> IntegrationDetail {
    let key = settings::main_secret(connection, Some(provider));
    let ledger = request.server.state.engine().ledger_id();
    let known = request.provider(connection.details.provider.as_str());
    let granted = connection.access.workspaces.values().filter(|grant| grant.allowed);
    let notes = connection.details.secret_references.iter();
    let notes = notes.map(|one| mappings::show(provider, one));
    let followed = mappings::followed(connection);
    let followed =
        followed.map(|(field, one)| mappings::show_followed(connection, provider, field, one));
    let is_followed =
        |field: &FieldName| mappings::followed(connection).any(|(one, _)| one == field);
    let key = key.filter(|(field, _)| !is_followed(field));
    IntegrationDetail {
        integration: integration(ledger, connection, known),
        masked_key: key.map(|(stored, secret)| configurations::mask(stored, secret)),
        configurations: configurations::show(connection, provider),
        global_workspace_access_settings: connection.access.everyone.as_ref().map(AccessOut::of),
        allow_all_models: connection.models.allow_all,
        workspace_count: 1 + granted.count(),
        secret_mappings: notes.chain(followed).collect(),
        pricing_adjustments: connection.pricing.as_ref().map(Adjustments::of),
    }
}
