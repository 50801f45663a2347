//! Translates Pica's bodies into commands.

use std::collections::BTreeMap;

use ledger_domain::connection::{Identity, IdentityKind};
use ledger_domain::limits::IDENTITY_CHARS;
use ledger_domain::{InvalidField, Line};
use serde_json::Value;

use super::shapes::{ConnectionIn, PatchIn};
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

/// Translates a body into an update command.
pub(super) fn revision(body: PatchIn) -> Changes {
    Changes {
        display_name: body.name.map(|name| Some(name).filter(|name| !name.is_empty())),
        tags: body.tags,
        ..Changes::default()
    }
}
