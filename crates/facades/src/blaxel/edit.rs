//! Translates Blaxel's bodies into commands.

use std::collections::BTreeMap;

use ledger_contract::commands::SecretValue;
use ledger_domain::connection::Environment;
use ledger_domain::{Connection, InvalidField};
use serde_json::Value;

use super::shapes::{ConnectionIn, MetadataIn};
use super::show::{self, EXTERNAL_ID, NAME_CHARS};
use crate::draft::{Changes, Draft};
use crate::masks::{self, STARS};
use crate::request::FacadeRequest;
use crate::{defaults, handles};

/// The provider of connections that name none.
const NO_PROVIDER: &str = "custom";

/// Longest display name, in characters.
const DISPLAY_NAME_CHARS: usize = 63;
/// Longest external id, in characters.
const EXTERNAL_ID_CHARS: usize = 64;

/// Translates a body into a create command.
pub(super) fn creation(request: &FacadeRequest, body: ConnectionIn) -> Result<Draft, InvalidField> {
    let ConnectionIn { metadata, spec } = body;
    check(&metadata)?;
    if !show::is_name(&metadata.name) {
        let problem = format!("must be 1 to {NAME_CHARS} of a-z, 0-9 and hyphens");
        return Err(InvalidField::new("metadata.name", problem));
    }
    handles::own_slug("metadata.name", &metadata.name)?;
    let masked = |value: &SecretValue| masks::is_echo(STARS, &value.0);
    if spec.secret.iter().flat_map(BTreeMap::values).any(masked) {
        return Err(a_mask());
    }
    let external_id = metadata.external_id.flatten();
    let config = spec.config.unwrap_or_default();
    let provider = spec.integration.unwrap_or_else(|| NO_PROVIDER.to_owned());
    Ok(Draft {
        slug: Some(metadata.name),
        display_name: metadata.display_name.flatten().filter(|name| !name.is_empty()),
        environment: environment(spec.sandbox.unwrap_or(false)),
        config: config.into_iter().map(|(key, text)| (key, text.into())).collect(),
        secrets: spec.secret.unwrap_or_default(),
        labels: metadata.labels.unwrap_or_default(),
        annotations: external_id
            .map(|id| (EXTERNAL_ID.to_owned(), Value::String(id)))
            .into_iter()
            .collect(),
        ..defaults::of(request, provider)
    })
}

/// Translates a body into an update command. Omitted fields stay unchanged; a given map replaces
/// the whole map.
pub(super) fn revision(
    connection: &Connection,
    body: ConnectionIn,
) -> Result<Changes, InvalidField> {
    let ConnectionIn { mut metadata, spec } = body;
    let shown = show::connection(connection).metadata;
    // Values echoed back unchanged are ignored, even if invalid.
    metadata.display_name = metadata.display_name.filter(|name| *name != shown.display_name);
    metadata.external_id = metadata.external_id.filter(|id| *id != shown.external_id);
    check(&metadata)?;
    if metadata.name != shown.name {
        return Err(InvalidField::new("metadata.name", "must be the name in the path"));
    }
    let mut update = Changes {
        display_name: metadata.display_name.map(|name| name.filter(|name| !name.is_empty())),
        provider: spec.integration,
        environment: spec.sandbox.map(environment),
        ..Changes::default()
    };
    if let Some(id) = metadata.external_id {
        update.annotations.insert(EXTERNAL_ID.to_owned(), id.map(Value::String));
    }
    let details = &connection.details;
    if let Some(labels) = metadata.labels {
        update.labels = replaced(details.labels.keys(), labels);
    }
    if let Some(config) = spec.config {
        let shown = |key: &str| details.config.get(key).map(show::text);
        let changed = config.iter().filter(|(key, text)| shown(key).as_ref() != Some(*text));
        let changed = changed.map(|(key, text)| (key.clone(), Some(text.clone().into())));
        update.config = changed.collect();
        update.config.extend(gone(details.config.keys(), &config));
    }
    if let Some(secrets) = spec.secret {
        update.secrets = gone(connection.secrets.keys(), &secrets).collect();
        let is_echo = |key: &str, value: &SecretValue| {
            connection.secrets.contains_key(key) && masks::is_echo(STARS, &value.0)
        };
        let new: Vec<_> = secrets.into_iter().filter(|(key, value)| !is_echo(key, value)).collect();
        if new.iter().any(|(_, value)| masks::is_echo(STARS, &value.0)) {
            return Err(a_mask());
        }
        let new = new.into_iter();
        update.secrets.extend(new.map(|(key, value)| (key, Some(value))));
    }
    Ok(update)
}

/// Returns the error for a mask where no secret is stored.
fn a_mask() -> InvalidField {
    InvalidField::new("spec.secret", "must hold the secret itself, not the mask that is shown")
}

fn environment(sandbox: bool) -> Environment {
    if sandbox { Environment::Test } else { Environment::Live }
}

fn check(metadata: &MetadataIn) -> Result<(), InvalidField> {
    let longer = |text: &Option<Option<String>>, most| {
        text.iter().flatten().any(|text| text.chars().count() > most)
    };
    if longer(&metadata.display_name, DISPLAY_NAME_CHARS) {
        let problem = format!("must be at most {DISPLAY_NAME_CHARS} characters");
        return Err(InvalidField::new("metadata.displayName", problem));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let fits = |id: &String| !id.is_empty() && id.bytes().all(allowed);
    let id = &metadata.external_id;
    if longer(id, EXTERNAL_ID_CHARS) || !id.iter().flatten().all(fits) {
        let problem = format!("must be 1 to {EXTERNAL_ID_CHARS} letters, digits and hyphens");
        return Err(InvalidField::new("metadata.externalId", problem));
    }
    Ok(())
}

/// Returns the changes that turn the old map into the new one.
fn replaced<V>(
    old: impl Iterator<Item = impl ToString>,
    new: BTreeMap<String, V>,
) -> BTreeMap<String, Option<V>> {
    let mut changes: BTreeMap<_, _> = gone(old, &new).collect();
    changes.extend(new.into_iter().map(|(key, value)| (key, Some(value))));
    changes
}

/// Returns the removals of keys that the new map lacks.
fn gone<V, W>(
    old: impl Iterator<Item = impl ToString>,
    new: &BTreeMap<String, V>,
) -> impl Iterator<Item = (String, Option<W>)> {
    let old = old.map(|key| key.to_string());
    old.filter(|key| !new.contains_key(key)).map(|key| (key, None))
}
