//! Translates bodies of Umbraco.AI into commands.

use ledger_contract::errors::Problem;
use ledger_domain::{Connection, InvalidField};
use ledger_http::toolkit::Refusal;
use ledger_providers::Provider;

use super::shapes::{ConnectionIn, PatchIn};
use super::show::{self, ALIAS_CHARS};
use super::{refused, settings};
use crate::draft::{Changes, Draft};
use crate::request::FacadeRequest;
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
    if let Some(given) = body.settings {
        settings::set_first(&mut made, Some(provider), given);
    }
    Ok(made)
}

/// Translates a body into an update command.
pub(super) fn revision(
    connection: &Connection,
    provider: Option<&Provider>,
    body: PatchIn,
) -> Result<Changes, Problem> {
    let mut update = Changes { display_name: body.name.map(Some), ..Changes::default() };
    let alias = body.alias.filter(|alias| *alias != handles::handle(connection, show::is_alias));
    if let Some(alias) = alias {
        check_alias(&alias)?;
        update.slug = Some(alias);
    }
    match body.settings {
        None => {}
        Some(None) => settings::clear(&mut update, connection),
        Some(Some(given)) => settings::replace(&mut update, connection, provider, given),
    }
    Ok(update)
}

fn check_alias(alias: &str) -> Result<(), InvalidField> {
    if !show::is_alias(alias) {
        let problem = format!("must be at most {ALIAS_CHARS} characters, and not \"capabilities\"");
        return Err(InvalidField::new("alias", problem));
    }
    handles::own_slug("alias", alias)
}
