//! What callers declare of a connection, in one form: of a body of `create`, and of a view. What
//! the ledger adds by itself, and secrets, are apart.

use serde_json::{Map, Value, json};

use crate::commands::NewConnection;
use crate::view::{self, ConnectionView};

/// Members of a connection by name, each in the form of a view.
pub type Declared = Map<String, Value>;

/// Returns what a parsed body of `create` declares, in every field.
pub fn declared_by(new: &NewConnection) -> Declared {
    let details = &new.details;
    members(json!({
        "display_name": view::optional(details.display_name.as_ref()),
        "description": view::optional(details.description.as_ref()),
        "provider": view::text(&details.provider),
        "provider_version": view::optional(details.provider_version.as_ref()),
        "kind": details.kind.as_str(),
        "environment": details.environment.as_str(),
        "auth_method": details.auth_method.as_str(),
        "config": view::map(&details.config, view::raw),
        "secret_references": details
            .secret_references.iter().map(view::secret_reference).collect::<Vec<_>>(),
        "labels": view::map(&details.labels, view::text),
        "tags": details.tags.iter().map(view::text).collect::<Vec<_>>(),
        "annotations": view::map(&details.annotations, view::raw),
        "identity": details.identity.as_ref().map(view::identity),
        "enabled": new.enabled,
        "access": view::access(&new.access),
        "models": view::models(&new.models),
        "pricing": new.pricing.as_ref().map(view::pricing),
    }))
}

/// Returns what was declared of a connection that a view shows, in every field.
pub fn declared_in(view: &ConnectionView<'_>) -> Declared {
    members(json!({
        "display_name": view.display_name,
        "description": view.description,
        "provider": view.provider,
        "provider_version": view.provider_version,
        "kind": view.kind,
        "environment": view.environment,
        "auth_method": view.auth_method,
        "config": view.config,
        "secret_references": view.secret_references,
        "labels": view.labels,
        "tags": view.tags,
        "annotations": view.annotations,
        "identity": view.identity,
        "enabled": view.enabled,
        "access": view.access,
        "models": view.models,
        "pricing": view.pricing,
    }))
}

fn members(value: Value) -> Declared {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
