//! Translates Portkey's bodies into commands.

use std::collections::BTreeMap;

use ledger_contract::errors::Problem;
use ledger_domain::connection::{Access, Grant, Limits};
use ledger_domain::limits::{DISPLAY_NAME_CHARS, PROVIDER_CHARS, SLUG_CHARS};
use ledger_domain::{Command, Connection, InvalidField, Line};
use ledger_providers::Provider;

use super::check::Have;
use super::configurations;
use super::mappings::{self, Sources};
use super::pricing::Adjustments;
use super::shapes::{IntegrationChange, IntegrationIn};
use super::{ids, show};
use crate::draft::{Changes, Draft};
use crate::request::FacadeRequest;
use crate::{defaults, handles};

/// The checked changes of a body.
#[derive(Debug)]
pub(super) struct Change {
    /// Changes to the connection's fields, if any.
    pub(super) update: Option<Changes>,
    /// New price multipliers.
    pub(super) pricing: Option<Command>,
}

/// Translates a body into a create command.
///
/// Errors: `field_invalid`.
pub(super) async fn creation(
    request: &FacadeRequest,
    body: IntegrationIn,
) -> Result<Draft, Problem> {
    Line::parse("name", &body.name, DISPLAY_NAME_CHARS)?;
    Line::parse("ai_provider_id", &body.ai_provider_id, PROVIDER_CHARS)?;
    provider_slug(body.default_provider_slug.as_deref())?;
    body.slug.as_deref().map_or(Ok(()), |slug| handles::own_slug("slug", slug))?;
    let provider = request.catalogue().of(&body.ai_provider_id);
    let mut changes = configurations::Changes::default();
    if let Some(given) = body.configurations {
        changes = configurations::read(provider, None, given)?;
    }
    changes.take_key(provider, None, body.key)?;
    let references = body.secret_mappings.unwrap_or_default();
    let sources = mappings::sources(request, &references).await?;
    let mapped = mappings::read(provider, None, &sources, references)?;
    let mut have = Have::default();
    have.change(provider, &changes, true);
    have.refer(mapped.targets());
    have.check(None, provider)?;
    let (annotations, access) = match &body.workspace_id {
        None => (BTreeMap::new(), Access::default()),
        Some(text) => for_workspace(request, text).await?,
    };
    let mut create = defaults::of(request, body.ai_provider_id);
    // Without a description of authentication methods, none can be derived.
    if request.provider(&create.provider).is_some_and(|known| !known.auth_methods.is_empty()) {
        create.auth_method = have.auth_method(provider);
    }
    Ok(Draft {
        slug: body.slug.filter(|slug| !slug.is_empty()),
        display_name: Some(body.name),
        description: body.description.filter(|text| !text.is_empty()),
        config: given(changes.config).collect(),
        secrets: given(changes.secrets).collect(),
        referring: mapped.referring,
        secret_references: mapped.notes,
        annotations,
        access,
        pricing: body.pricing_adjustments.map_or(Ok(None), Adjustments::check)?,
        ..create
    })
}

fn given<V>(changes: BTreeMap<String, Option<V>>) -> impl Iterator<Item = (String, V)> {
    changes.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// Returns the changes that assign a connection to one workspace: an annotation and, unless it is
/// the connection's own workspace, a grant.
async fn for_workspace(
    request: &FacadeRequest,
    text: &str,
) -> Result<(BTreeMap<String, serde_json::Value>, Access), Problem> {
    let name = ids::workspace(request, "workspace_id", text, None).await?;
    let note = BTreeMap::from([(show::WORKSPACE_ID.to_owned(), name.as_str().into())]);
    let mut access = Access::default();
    if name != request.workspace {
        access.workspaces.insert(name, Grant { allowed: true, limits: Limits::default() });
    }
    Ok((note, access))
}

/// Translates a body into update commands. Omitted fields stay unchanged.
///
/// Errors: `field_invalid`.
pub(super) fn revision(
    connection: &Connection,
    provider: &Provider,
    sources: &Sources,
    body: IntegrationChange,
) -> Result<Change, InvalidField> {
    let named = body.name.is_some() || body.description.is_some() || body.key.is_some();
    let named = named || body.configurations.is_some() || body.secret_mappings.is_some();
    let slug = body.slug.filter(|slug| !slug.is_empty() && *slug != connection.slug.as_str());
    slug.as_deref().map_or(Ok(()), |slug| handles::own_slug("slug", slug))?;
    let named = named || slug.is_some();
    let whole = body.configurations.is_some();
    let mut changes = configurations::Changes::default();
    if let Some(given) = body.configurations {
        changes = configurations::read(provider, Some(connection), given)?;
    }
    if let Some(key) = body.key {
        changes.take_key(provider, Some(connection), key)?;
    }
    let mapped = body.secret_mappings;
    let read = |given| mappings::read(provider, Some(connection), sources, given);
    let mapped = mapped.map(read).transpose()?;
    if let Some(mapped) = &mapped {
        let gone = mappings::followed(connection).map(|(field, _)| field.to_string());
        let stays =
            |field: &String| mapped.referring.contains_key(field) || mapped.kept.contains(field);
        for field in gone.filter(|field| !stays(field)) {
            changes.secrets.entry(field).or_insert(None);
        }
    }
    let before = Have::of(connection, provider);
    let mut have = before.clone();
    have.change(provider, &changes, whole);
    if let Some(mapped) = &mapped {
        have.refer(mapped.targets());
    }
    have.check(Some(&before), provider)?;
    let (old, new) = (before.auth_method(provider), have.auth_method(provider));
    let name = body.name.filter(|name| !name.is_empty());
    if let Some(name) = &name {
        Line::parse("name", name, DISPLAY_NAME_CHARS)?;
    }
    let (secret_references, referring) = match mapped {
        None => (None, BTreeMap::new()),
        Some(mapped) => (Some(mapped.notes), mapped.referring),
    };
    let update = Changes {
        slug,
        display_name: name.map(Some),
        description: body.description.map(|text| text.filter(|text| !text.is_empty())),
        auth_method: (old != new).then_some(new),
        config: changes.config,
        secrets: changes.secrets,
        secret_references,
        referring,
        ..Changes::default()
    };
    let pricing = body
        .pricing_adjustments
        .map(|given| given.map_or(Ok(None), Adjustments::check).map(Command::SetPricing));
    Ok(Change { update: named.then_some(update), pricing: pricing.transpose()? })
}

/// Returns whether a status means that an integration may be used.
///
/// Errors: `field_invalid`.
pub(super) fn status(word: Option<&str>) -> Result<Option<bool>, InvalidField> {
    match word {
        None => Ok(None),
        Some("active") => Ok(Some(true)),
        Some("archived") => Ok(Some(false)),
        Some(_) => Err(InvalidField::new("status", "must be active or archived")),
    }
}

/// Checks the slug of a provider, which the ledger does not store.
///
/// Errors: `field_invalid`.
pub(super) fn provider_slug(slug: Option<&str>) -> Result<(), InvalidField> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let fits = |slug: &str| slug.len() <= SLUG_CHARS && slug.bytes().all(allowed);
    if slug.is_none_or(fits) {
        return Ok(());
    }
    let problem = format!("must be at most {SLUG_CHARS} letters, digits, `_` and `-`");
    Err(InvalidField::new("default_provider_slug", problem))
}
