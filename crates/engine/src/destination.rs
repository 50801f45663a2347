//! Changes that send secrets elsewhere, which take the right to reveal them.
//!
//! Whoever decides where a secret is sent can have it sent to themselves. The decider judges every
//! event by the states before and after it, so no command bypasses the rule.

use std::collections::BTreeSet;

use ledger_domain::connection::{Details, SecretReference};
use ledger_domain::{
    CheckedText as _, Command, Connection, Event, FieldName, Json, Line, NewSecret,
};
use ledger_providers::Catalogue;
use serde_json::Value;

use crate::access::Permit;
use crate::errors::ExecuteError;

/// What a command says about its secrets, before it is decided.
#[derive(Debug, Default)]
pub(crate) struct SecretsGiven {
    /// The fields of which it has the values.
    fields: BTreeSet<FieldName>,
    /// Whether it detaches the others.
    detach: bool,
    /// The size of their sealed values.
    bytes: usize,
}

impl SecretsGiven {
    pub(crate) fn of(command: &Command) -> Self {
        match command {
            Command::Update { revision, detach_secrets } => {
                let set = revision.secrets.iter();
                let set = set.filter_map(|(field, new)| Some((field, new.as_ref()?)));
                Self { detach: *detach_secrets, ..Self::with(set) }
            }
            Command::RotateSecret { secrets, .. } => Self::with(secrets.iter()),
            Command::Revert { detach_secrets, .. } => {
                Self { detach: *detach_secrets, ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// Returns how many bytes of the sealed values are not in the event, because they are stored
    /// already. They count towards the size of the record: otherwise, whether a command is too
    /// large would tell whether a guess was right.
    pub(crate) fn bytes_left_out(&self, event: &Event) -> usize {
        let recorded = match event {
            Event::Updated(revision) => sum(revision.secrets.values().flatten()),
            Event::SecretRotated { secrets, .. } => sum(secrets.values()),
            _ => self.bytes,
        };
        self.bytes.saturating_sub(recorded)
    }

    fn with<'a>(secrets: impl Iterator<Item = (&'a FieldName, &'a NewSecret)>) -> Self {
        let mut given = Self::default();
        for (field, secret) in secrets {
            given.fields.insert(field.clone());
            given.bytes += secret.held.bytes();
        }
        given
    }
}

fn sum<'a>(secrets: impl Iterator<Item = &'a NewSecret>) -> usize {
    secrets.map(|secret| secret.held.bytes()).sum()
}

/// Returns the event, which leads to `after`, as it may be recorded: with the fields by which it
/// sends secrets elsewhere, and without those secrets if the command detaches them.
///
/// Errors: `destination_forbidden`.
pub(crate) fn settle(
    catalogue: &Catalogue,
    permit: &Permit,
    before: &Connection,
    given: &SecretsGiven,
    after: &Details,
    event: Event,
) -> Result<Event, ExecuteError> {
    let attached = event.attached(before, &given.fields);
    if attached.is_empty() {
        return Ok(event);
    }
    let fields = redirected(catalogue, &before.details, after);
    if fields.is_empty() {
        return Ok(event);
    }
    if given.detach {
        return Ok(event.detaching(&attached).redirecting_by(fields));
    }
    if permit.may_redirect(before) {
        return Ok(event.redirecting_by(fields));
    }
    Err(ExecuteError::DestinationForbidden(fields))
}

/// Returns the fields that differ and decide where, or as whom, secrets are sent.
pub(crate) fn redirected(catalogue: &Catalogue, before: &Details, after: &Details) -> Vec<Line> {
    let mut fields = Vec::new();
    if !is_same_provider(catalogue, before, after) {
        fields.push(line("provider"));
    }
    if before.auth_method != after.auth_method {
        fields.push(line("auth_method"));
    }
    if !are_same(&before.secret_references, &after.secret_references) {
        fields.push(line("secret_references"));
    }
    let names: BTreeSet<&FieldName> = before.config.keys().chain(after.config.keys()).collect();
    for name in names {
        let (old, new) = (before.config.get(name), after.config.get(name));
        if old == new {
            continue;
        }
        let (old, new) = (value(old), value(new));
        let redirects = |details: &Details| {
            catalogue.of(details.provider.as_str()).redirects(name.as_str(), &old, &new)
        };
        if redirects(before) || redirects(after) {
            fields.push(line(&format!("config.{name}")));
        }
    }
    fields
}

/// Returns whether two names mean the same provider.
fn is_same_provider(catalogue: &Catalogue, before: &Details, after: &Details) -> bool {
    let (before, after) = (before.provider.as_str(), after.provider.as_str());
    let known = |name| catalogue.find(name).map(|provider| &provider.id);
    before.eq_ignore_ascii_case(after) || (known(before).is_some() && known(before) == known(after))
}

/// Returns whether two lists have the same references, in any order.
fn are_same(before: &[SecretReference], after: &[SecretReference]) -> bool {
    before.len() == after.len() && before.iter().all(|reference| after.contains(reference))
}

/// Returns a stored setting as a value; null if it is absent.
pub(crate) fn value(stored: Option<&Json>) -> Value {
    stored.and_then(|json| serde_json::from_str(json.text()).ok()).unwrap_or_default()
}

fn line(text: &str) -> Line {
    Line::stored(text.into())
}
