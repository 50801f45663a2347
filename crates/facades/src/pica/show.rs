//! Connections in Pica's format.

use ledger_contract::time;
use ledger_domain::Connection;
use ledger_domain::connection::{HealthState, IdentityKind};
use ledger_providers::Provider;

use super::key;
use super::shapes::ConnectionOut;

/// What every version begins with; the first is followed by 0.
const VERSION_PREFIX: &str = "1.0.";
/// The version of a connector if none was given.
const FIRST_VERSION: &str = "1.0.0";

/// Returns a connection in Pica's format.
pub(super) fn connection(connection: &Connection, provider: Option<&Provider>) -> ConnectionOut {
    let details = &connection.details;
    let own = details.description.as_ref().map(ledger_domain::Prose::as_str);
    let known = provider.and_then(|provider| provider.description.as_deref());
    ConnectionOut {
        id: connection.id.to_string(),
        key: key::of(connection),
        environment: details.environment.as_str(),
        platform: details.provider.to_string(),
        platform_version: platform_version(connection).to_owned(),
        version: format!("{VERSION_PREFIX}{}", connection.version.get().saturating_sub(1)),
        description: own.or(known).unwrap_or_default().to_owned(),
        name: details.display_name.as_ref().map(std::string::ToString::to_string),
        r#type: details.kind.as_str(),
        identity: identity(connection),
        identity_type: identity_type(connection).as_str(),
        state: state(connection),
        tags: details.tags.iter().map(ToString::to_string).collect(),
        active: connection.enabled,
        created_at: time::format(connection.created_at),
    }
}

/// Returns the version that a shown one stands for.
pub(super) fn version_of(shown: &str) -> Option<u64> {
    shown.strip_prefix(VERSION_PREFIX)?.parse::<u64>().ok()?.checked_add(1)
}

/// Returns the version of a connection's connector.
pub(super) fn platform_version(connection: &Connection) -> &str {
    let version = connection.details.provider_version.as_ref();
    version.map_or(FIRST_VERSION, |version| version.as_str())
}

/// Returns the owner of a connection; if none was given, a text derived from the connection's id.
pub(super) fn identity(connection: &Connection) -> String {
    match &connection.details.identity {
        Some(identity) => identity.value.to_string(),
        None => connection.id.uuid().simple().to_string(),
    }
}

/// Returns the type of the owner.
pub(super) fn identity_type(connection: &Connection) -> IdentityKind {
    connection.details.identity.as_ref().map_or(IdentityKind::User, |identity| identity.kind)
}

fn state(connection: &Connection) -> &'static str {
    match connection.health.state {
        _ if !connection.enabled => "failed",
        HealthState::Operational | HealthState::Unknown => "operational",
        HealthState::Degraded => "degraded",
        HealthState::Failed => "failed",
    }
}
