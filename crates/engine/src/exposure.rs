//! Refuses secrets in the clear: in settings, and in labels, annotations and rules of models if
//! their form leaves no doubt.

use ledger_domain::connection::{Details, ModelPolicy};
use ledger_domain::{Connection, Event};
use ledger_providers::{Catalogue, Exposed, Provider};
use serde_json::Value;

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
    if let Event::Reverted(reverted) = event {
        if let Some(name) = redaction::hidden_again(before, reverted.to, after) {
            let why = "was hidden since that version, and would be shown again".to_owned();
            return Err(ExecuteError::SecretExposed { field: format!("config.{name}"), why });
        }
        check_models(Some(&before.models), &reverted.models)?;
    }
    check_settings(catalogue, Some(&before.details), after)
}

/// Checks the settings of a connection that differ from those before. Errors: as [`check`].
pub(crate) fn check_settings(
    catalogue: &Catalogue,
    before: Option<&Details>,
    after: &Details,
) -> Result<(), ExecuteError> {
    check_texts(before, after)?;
    let provider = catalogue.of(after.provider.as_str());
    // What another provider keeps in the clear may be a secret of this one.
    let before = before.filter(|before| before.provider == after.provider);
    let old = |name: &str| before.and_then(|before| before.config.get(name));
    let changed = after.config.iter().filter(|(name, new)| old(name.as_str()) != Some(new));
    for (name, new) in changed {
        if let Some(exposed) = provider.exposed(name.as_str(), &value(Some(new))) {
            let path = format!("config.{}", exposed.path);
            return refuse(Some(Exposed { path, ..exposed }));
        }
    }
    Ok(())
}

/// Checks the labels and annotations that differ from those before. Errors: as [`check`].
fn check_texts(before: Option<&Details>, after: &Details) -> Result<(), ExecuteError> {
    for (name, label) in &after.labels {
        if before.and_then(|before| before.labels.get(name)) != Some(label) {
            let label = Value::String(label.as_str().to_owned());
            refuse(Provider::exposed_in_text(&format!("labels.{name}"), &label))?;
        }
    }
    for (name, annotation) in &after.annotations {
        if before.and_then(|before| before.annotations.get(name)) != Some(annotation) {
            let path = format!("annotations.{name}");
            refuse(Provider::exposed_in_text(&path, &value(Some(annotation))))?;
        }
    }
    Ok(())
}

/// Checks the rules of models that differ from those before. Errors: as [`check`].
pub(crate) fn check_models(
    before: Option<&ModelPolicy>,
    after: &ModelPolicy,
) -> Result<(), ExecuteError> {
    for (name, rule) in &after.models {
        if before.and_then(|before| before.models.get(name)) != Some(rule) {
            let path = format!("policy.models.{name}.settings");
            refuse(Provider::exposed_in_text(&path, &value(rule.settings.as_ref())))?;
        }
    }
    Ok(())
}

fn refuse(exposed: Option<Exposed>) -> Result<(), ExecuteError> {
    match exposed {
        None => Ok(()),
        Some(Exposed { path: field, why }) => {
            Err(ExecuteError::SecretExposed { field, why: why.to_string() })
        }
    }
}
