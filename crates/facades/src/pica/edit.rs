//! Translates Pica's bodies into commands.

use std::collections::BTreeMap;

use ledger_domain::connection::{Identity, IdentityKind};
use ledger_domain::limits::IDENTITY_CHARS;
use ledger_domain::{InvalidField, Line};
use serde_json::Value;

use super::shapes::{ConnectionIn, ConnectionOut, PatchIn};
use super::show;
use crate::defaults;
use crate::draft::{Changes, Draft};
use crate::request::FacadeRequest;

/// The annotation that stores fields that only Pica has.
const DEFINITION: &str = "pica.connectionDefinitionId";
const GROUP: &str = "pica.group";

/// Translates a body into a create command.
///
/// Errors: `field_invalid`.
pub(super) fn creation(request: &FacadeRequest, body: ConnectionIn) -> Result<Draft, InvalidField> {
    let definition = body.connection_definition_id;
    let platform = body.platform.unwrap_or_else(|| definition.clone());
    let mut annotations = BTreeMap::from([(DEFINITION.to_owned(), Value::String(definition))]);
    annotations.extend(body.group.map(|group| (GROUP.to_owned(), Value::String(group))));
    let kind = body.identity_type.as_deref().map_or(Ok(IdentityKind::User), IdentityKind::parse);
    let identity = body.identity.map(|value| -> Result<Identity, InvalidField> {
        Ok(Identity { kind: kind?, value: Line::parse("identity.value", &value, IDENTITY_CHARS)? })
    });
    Ok(Draft {
        display_name: body.name.filter(|name| !name.is_empty()),
        environment: request.key_environment,
        secrets: body.auth_form_data,
        tags: body.tags.unwrap_or_default(),
        annotations,
        identity: identity.transpose()?,
        enabled: body.active,
        ..defaults::of(request, platform)
    })
}

/// Refuses other values of what cannot be changed here. A client may send back what it has read.
///
/// Errors: `field_invalid`.
pub(super) fn refuse_fixed(shown: &ConnectionOut, body: &PatchIn) -> Result<(), InvalidField> {
    let fixed = [
        ("platform", &body.platform, shown.platform.as_str()),
        ("environment", &body.environment, shown.environment),
        ("state", &body.state, shown.state),
        ("identity", &body.identity, shown.identity.as_str()),
        ("identityType", &body.identity_type, shown.identity_type),
        ("description", &body.description, shown.description.as_str()),
    ];
    let other = fixed.iter().find(|(_, given, now)| given.as_ref().is_some_and(|it| it != now));
    match other {
        Some((field, ..)) => Err(InvalidField::new(*field, "cannot be changed here")),
        None => Ok(()),
    }
}

/// Returns the version that a body states.
///
/// Errors: `field_invalid`.
pub(super) fn version(body: &PatchIn) -> Result<Option<u64>, InvalidField> {
    let Some(text) = &body.version else { return Ok(None) };
    match show::version_of(text) {
        Some(version) => Ok(Some(version)),
        None => Err(InvalidField::new("version", "must be a version as it is shown")),
    }
}

/// Translates a body into an update command.
pub(super) fn revision(body: PatchIn) -> Changes {
    Changes {
        display_name: body.name.map(|name| Some(name).filter(|name| !name.is_empty())),
        tags: body.tags,
        ..Changes::default()
    }
}
