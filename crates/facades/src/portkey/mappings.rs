//! Fields filled from an external secret store.

use ledger_contract::commands::SecretReferenceBody;
use ledger_domain::connection::SecretReference;
use ledger_domain::{Connection, InvalidField};
use ledger_providers::{Facade, Provider};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::settings;

/// The target that stands for the provider's key.
pub(super) const KEY: &str = "key";

/// The prefix of targets that are settings.
const CONFIGURATIONS: &str = "configurations.";

/// A field filled from an external secret store.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "SecretMappingInput")]
pub(super) struct MappingIn {
    /// `key`, or `configurations.` and the name of a setting.
    target_field: String,
    /// The secret in the store.
    secret_reference_id: String,
    /// The part of the secret.
    secret_key: Option<String>,
    /// `json` or `string`.
    value_format: Option<String>,
}

/// A field filled from an external secret store.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SecretMapping")]
pub(super) struct MappingOut {
    /// `key`, or `configurations.` and the name of a setting.
    target_field: String,
    /// The secret in the store.
    secret_reference_id: String,
    /// The part of the secret.
    secret_key: Option<String>,
    /// `json` or `string`.
    value_format: Option<String>,
}

/// Translates mappings into the ledger's references. A field that already has a name in the ledger
/// keeps it.
///
/// Errors: `field_invalid`.
pub(super) fn read(
    provider: &Provider,
    stored: Option<&Connection>,
    given: Vec<MappingIn>,
) -> Result<Vec<SecretReferenceBody>, InvalidField> {
    let mut references = Vec::with_capacity(given.len());
    let mut targets: Vec<String> = Vec::with_capacity(given.len());
    for mapping in given {
        let name = match mapping.target_field.strip_prefix(CONFIGURATIONS) {
            Some(name) if !name.is_empty() => name,
            None if mapping.target_field == KEY => KEY,
            _ => {
                let problem = "must be `key`, or `configurations.` and the name of a setting";
                return Err(InvalidField::new("secret_mappings.target_field", problem));
            }
        };
        if targets.iter().any(|other| settings::same(Some(provider), other, name)) {
            let problem = "must not be repeated";
            return Err(InvalidField::new("secret_mappings.target_field", problem));
        }
        let known = stored.and_then(|stored| stored_target(stored, provider, name));
        let target = known.unwrap_or(name).to_owned();
        targets.push(target.clone());
        references.push(SecretReferenceBody {
            target: target.into(),
            reference: mapping.secret_reference_id.into(),
            key: mapping.secret_key.map(Into::into),
            format: mapping.value_format.map(Into::into),
        });
    }
    Ok(references)
}

/// Returns the name under which the ledger already stores a field.
fn stored_target<'a>(stored: &'a Connection, provider: &Provider, name: &str) -> Option<&'a str> {
    let references = stored.details.secret_references.iter();
    let mut references = references.map(|reference| reference.target.as_str());
    references.find(|target| settings::same(Some(provider), target, name)).or_else(|| {
        settings::secret(stored, Some(provider), name).map(|(stored, _)| stored.as_str())
    })
}

/// Returns a reference in Portkey's format.
pub(super) fn show(provider: &Provider, reference: &SecretReference) -> MappingOut {
    let target = reference.target.as_str();
    let target = target.strip_prefix(CONFIGURATIONS).unwrap_or(target);
    let name = settings::spelled(Some(provider), Facade::Portkey, target);
    MappingOut {
        target_field: match name {
            KEY => KEY.to_owned(),
            name => format!("{CONFIGURATIONS}{name}"),
        },
        secret_reference_id: reference.reference.to_string(),
        secret_key: reference.key.as_ref().map(ToString::to_string),
        value_format: reference.format.as_ref().map(ToString::to_string),
    }
}
