//! Refuses settings that contain a secret in the clear.

use ledger_domain::connection::Details;
use ledger_domain::{Connection, Event};
use ledger_providers::Catalogue;

use crate::destination::value;
use crate::errors::ExecuteError;
use crate::redaction;

/// Checks the settings that an event changes, which leads to `after`. What an earlier program
/// accepted may stay.
///
/// Errors: `secret_exposed`, with the place and never the value.
pub(crate) fn check(
    catalogue: &Catalogue,
    before: &Connection,
    event: &Event,
    after: &Details,
) -> Result<(), ExecuteError> {
    if let Event::Reverted(reverted) = event
        && let Some(name) = redaction::hidden_again(before, reverted.to, after)
    {
        let why = "was hidden since that version, and would be shown again".to_owned();
        return Err(ExecuteError::SecretExposed { field: format!("config.{name}"), why });
    }
    check_settings(catalogue, Some(&before.details), after)
}

/// Checks the settings of a connection that differ from those before. Errors: as [`check`].
pub(crate) fn check_settings(
    catalogue: &Catalogue,
    before: Option<&Details>,
    after: &Details,
) -> Result<(), ExecuteError> {
    let provider = catalogue.of(after.provider.as_str());
    // What another provider keeps in the clear may be a secret of this one.
    let before = before.filter(|before| before.provider == after.provider);
    let old = |name: &str| before.and_then(|before| before.config.get(name));
    let changed = after.config.iter().filter(|(name, new)| old(name.as_str()) != Some(new));
    for (name, new) in changed {
        if let Some(exposed) = provider.exposed(name.as_str(), &value(Some(new))) {
            let field = format!("config.{}", exposed.path);
            return Err(ExecuteError::SecretExposed { field, why: exposed.why.to_string() });
        }
    }
    Ok(())
}
