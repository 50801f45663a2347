//! Translates bodies of Umbraco.AI into commands.

use std::borrow::Cow;

use ledger_contract::errors::Problem;
use ledger_domain::{Connection, InvalidField, Reference};
use ledger_http::toolkit::Refusal;
use ledger_providers::{Complaint, Facade, Field, Given, Provider, Wrong};
use serde_json::Value;

use super::shapes::{ConnectionIn, PatchIn, Settings};
use super::show::{self, ALIAS_CHARS};
use super::{refused, settings};
use crate::draft::{Changes, Draft};
use crate::request::FacadeRequest;
use crate::settings::same;
use crate::{defaults, handles};

/// Translates a body into a create command.
pub(super) fn creation(request: &FacadeRequest, body: ConnectionIn) -> Result<Draft, Refusal> {
    check_alias(&body.alias)?;
    let Some(provider) = request.provider(&body.provider_id) else {
        let detail = "There is no such provider. GET .../providers lists all providers.";
        return Err(refused(400, "Invalid provider", detail));
    };
    let mut made = Draft {
        slug: Some(body.alias),
        display_name: Some(body.name),
        enabled: body.is_active.unwrap_or(true),
        ..defaults::of(request, body.provider_id)
    };
    let given = body.settings.unwrap_or_default();
    refuse_missing(provider, &given)?;
    settings::set_first(&mut made, Some(provider), &|it| request.permits(it), given);
    Ok(made)
}

/// Translates a body into an update command.
pub(super) fn revision(
    request: &FacadeRequest,
    connection: &Connection,
    provider: Option<&Provider>,
    body: PatchIn,
) -> Result<Changes, Problem> {
    let shown = show::item(connection, provider).provider_id;
    if body.provider_id.is_some_and(|given| given != shown) {
        return Err(InvalidField::new("providerId", "cannot be changed").into());
    }
    let mut update = Changes { display_name: body.name.map(Some), ..Changes::default() };
    let alias = body.alias.filter(|alias| *alias != handles::handle(connection, show::is_alias));
    if let Some(alias) = alias {
        check_alias(&alias)?;
        update.slug = Some(alias);
    }
    match body.settings {
        None => {}
        Some(None) => settings::clear(&mut update, connection),
        Some(Some(given)) => {
            let permits = |it: &Reference| request.permits(it);
            settings::replace(&mut update, connection, provider, &permits, given);
        }
    }
    Ok(update)
}

/// Refuses a new connection without a setting that its provider requires.
///
/// Errors: `field_invalid`, by the product's name of the setting.
fn refuse_missing(provider: &Provider, settings: &Settings) -> Result<(), InvalidField> {
    let given = |field: &Field| {
        let mut all = settings.iter();
        let (_, value) = all.find(|(name, _)| same(Some(provider), name, &field.name))?;
        match value {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            _ if field.secret => Some(Given::Hidden),
            value => Some(Given::Json(Cow::Borrowed(value))),
        }
    };
    let is_missing = |wrong: &Wrong| {
        matches!(wrong, Wrong::Missing | Wrong::MissingFor { .. } | Wrong::MissingWithout { .. })
    };
    let complaints = provider.check(Some(Facade::Umbraco), &given);
    match complaints.into_iter().find(|complaint| is_missing(&complaint.wrong)) {
        Some(Complaint { field, wrong }) => {
            Err(InvalidField::new(format!("settings.{field}"), wrong.to_string()))
        }
        None => Ok(()),
    }
}

fn check_alias(alias: &str) -> Result<(), InvalidField> {
    if !show::is_alias(alias) {
        let problem = format!("must be at most {ALIAS_CHARS} characters, and not \"capabilities\"");
        return Err(InvalidField::new("alias", problem));
    }
    handles::own_slug("alias", alias)
}
