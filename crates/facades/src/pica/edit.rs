//! Pica's bodies as the ledger's commands.

use std::collections::BTreeMap;

use ledger_contract::commands::{CreateBody, IdentityBody, SecretValue, UpdateBody};
use ledger_domain::connection::IdentityKind;
use serde_json::Value;

use super::shapes::{ConnectionIn, PatchIn};
use crate::defaults;
use crate::request::FacadeRequest;

/// Where fields are kept that only Pica has.
const DEFINITION: &str = "pica.connectionDefinitionId";
const GROUP: &str = "pica.group";

/// Returns the command that makes what a body describes.
pub(super) fn creation(request: &FacadeRequest, body: ConnectionIn) -> CreateBody {
    let definition = body.connection_definition_id;
    let platform = body.platform.unwrap_or_else(|| definition.clone());
    let mut annotations = BTreeMap::from([(DEFINITION.to_owned(), Value::String(definition))]);
    annotations.extend(body.group.map(|group| (GROUP.to_owned(), Value::String(group))));
    let kind = body.identity_type.unwrap_or_else(|| IdentityKind::User.as_str().to_owned());
    CreateBody {
        display_name: body.name.filter(|name| !name.is_empty()),
        environment: Some(request.key_environment.as_str().to_owned()),
        secrets: body.auth_form_data.into_iter().collect::<BTreeMap<String, SecretValue>>(),
        tags: body.tags.unwrap_or_default(),
        annotations,
        identity: body.identity.map(|value| IdentityBody { r#type: kind, value }),
        enabled: Some(body.active),
        ..defaults::of(request, platform)
    }
}

/// Returns the command that changes a connection as a body says.
pub(super) fn revision(body: PatchIn) -> UpdateBody {
    UpdateBody {
        display_name: body.name.map(|name| Some(name).filter(|name| !name.is_empty())),
        tags: body.tags,
        ..UpdateBody::default()
    }
}
