//! Fields filled from elsewhere. A mapping to a connection of the workspace is a reference to its
//! secret, which the ledger follows. A mapping to anything else is kept as a note.

use std::collections::{BTreeMap, BTreeSet};

use ledger_contract::commands::{ConnectionRef, SecretReferenceBody};
use ledger_contract::errors::{Code, Problem};
use ledger_domain::connection::SecretReference;
use ledger_domain::{
    Connection, FieldName, InvalidField, Reference, ReferenceFormat, ReferenceKind,
};
use ledger_providers::{Facade, Provider};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request::FacadeRequest;
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
    /// The secret: a connection of the workspace, by id or slug, whose secret the ledger then uses;
    /// or one in a store that the ledger does not know.
    secret_reference_id: String,
    /// The part of the secret: a secret field of the connection, or a key in its main secret.
    secret_key: Option<String>,
    /// `json` or `string`.
    value_format: Option<String>,
}

impl MappingIn {
    /// Returns whether it is what was shown.
    fn repeats(&self, shown: &MappingOut) -> bool {
        self.secret_reference_id == shown.secret_reference_id
            && self.secret_key == shown.secret_key
            && self.value_format == shown.value_format
    }
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

/// The connections of the workspace to which mappings lead, by the name that mappings have for
/// them.
pub(super) type Sources = BTreeMap<String, Connection>;

/// Finds the connections to which mappings lead.
pub(super) async fn sources(
    request: &FacadeRequest,
    given: &[MappingIn],
) -> Result<Sources, Problem> {
    let mut sources = Sources::new();
    for mapping in given {
        let name = &mapping.secret_reference_id;
        let Ok(target) = ConnectionRef::parse("secret_reference_id", name) else { continue };
        match request.find(target).await {
            Ok(found) if found.workspace == request.workspace => {
                sources.insert(name.clone(), found);
            }
            Ok(_) => {}
            // What cannot be seen is not there.
            Err(problem) if matches!(problem.code, Code::ConnectionUnknown | Code::Forbidden) => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(sources)
}

/// Translated mappings.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    /// Those that are only notes.
    pub(super) notes: Vec<SecretReferenceBody>,
    /// Those to connections of the workspace, by field.
    pub(super) referring: BTreeMap<String, Reference>,
    /// The fields whose reference stays as it is, because the caller sent it back as it was shown.
    pub(super) kept: BTreeSet<String>,
}

impl Mapped {
    /// Returns the names of all fields.
    pub(super) fn targets(&self) -> Vec<String> {
        let notes = self.notes.iter().map(|note| note.target.as_sent().clone());
        let followed = self.referring.keys().chain(&self.kept);
        notes.chain(followed.cloned()).collect()
    }
}

/// Returns the fields of a connection that hold references to other connections.
pub(super) fn followed(connection: &Connection) -> impl Iterator<Item = (&FieldName, &Reference)> {
    let held = connection.secrets.iter();
    let held = held.filter_map(|(field, secret)| Some((field, secret.held.reference()?)));
    held.filter(|(_, reference)| reference.kind == ReferenceKind::Connection)
}

/// Returns the reference to the secret of a connection that a mapping means: the field that its key
/// names, else the key within the main secret.
fn leading_to(source: &Connection, mapping: &MappingIn) -> Result<Option<Reference>, InvalidField> {
    let key = mapping.secret_key.as_deref();
    let named = key.and_then(|key| source.secrets.get_key_value(key));
    let (field, key) = match (named, settings::main_secret(source, None)) {
        (Some((field, _)), _) => (field, None),
        (None, Some((field, _))) => (field, key),
        (None, None) => return Ok(None),
    };
    let format = match mapping.value_format.as_deref() {
        None | Some("string") => ReferenceFormat::String,
        Some("json") => ReferenceFormat::Json,
        Some(_) => {
            let problem = "must be json or string";
            return Err(InvalidField::new("secret_mappings.value_format", problem));
        }
    };
    let name = format!("{}/{field}", source.id);
    let kind = ReferenceKind::Connection;
    Reference::parse("secret_mappings", kind, &name, key, format).map(Some)
}

/// Translates mappings into the ledger's references. A field that already has a name in the ledger
/// keeps it.
///
/// Errors: `field_invalid`.
pub(super) fn read(
    provider: &Provider,
    stored: Option<&Connection>,
    sources: &Sources,
    given: Vec<MappingIn>,
) -> Result<Mapped, InvalidField> {
    let mut mapped = Mapped::default();
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
        let shown = stored.and_then(|stored| shown(stored, provider, &target));
        if shown.is_some_and(|shown| mapping.repeats(&shown)) {
            mapped.kept.insert(target);
            continue;
        }
        let source = sources.get(&mapping.secret_reference_id);
        let reference = source.map(|source| leading_to(source, &mapping)).transpose()?.flatten();
        if let Some(reference) = reference {
            mapped.referring.insert(target, reference);
            continue;
        }
        mapped.notes.push(SecretReferenceBody {
            target: target.into(),
            reference: mapping.secret_reference_id.into(),
            key: mapping.secret_key.map(Into::into),
            format: mapping.value_format.map(Into::into),
        });
    }
    Ok(mapped)
}

/// Returns the name under which the ledger already stores a field.
fn stored_target<'a>(stored: &'a Connection, provider: &Provider, name: &str) -> Option<&'a str> {
    let references = stored.details.secret_references.iter();
    let mut references = references.map(|reference| reference.target.as_str());
    references.find(|target| settings::same(Some(provider), target, name)).or_else(|| {
        settings::secret(stored, Some(provider), name).map(|(stored, _)| stored.as_str())
    })
}

/// Returns the reference that a field holds in Portkey's format, if it holds one.
fn shown(connection: &Connection, provider: &Provider, target: &str) -> Option<MappingOut> {
    let (field, reference) = followed(connection).find(|(field, _)| field.as_str() == target)?;
    Some(show_followed(connection, provider, field, reference))
}

/// Returns the reference that a secret field holds in Portkey's format.
pub(super) fn show_followed(
    connection: &Connection,
    provider: &Provider,
    field: &FieldName,
    reference: &Reference,
) -> MappingOut {
    let main = settings::main_secret(connection, Some(provider)).map(|(main, _)| main);
    let name = settings::spelled(Some(provider), Facade::Portkey, field.as_str());
    let (source, source_field) = reference.name.as_str().split_once('/').unwrap_or_default();
    let key = reference.key.as_ref().map_or(source_field, |key| key.as_str());
    MappingOut {
        target_field: match name {
            _ if main == Some(field) => KEY.to_owned(),
            KEY => KEY.to_owned(),
            name => format!("{CONFIGURATIONS}{name}"),
        },
        secret_reference_id: source.to_owned(),
        secret_key: Some(key.to_owned()),
        value_format: Some(reference.format.as_str().to_owned()),
    }
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
