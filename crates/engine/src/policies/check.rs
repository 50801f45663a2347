//! Whether new values meet the policies of their fields.

use ledger_contract::commands::GivenSecret;
use ledger_contract::errors::shown;
use ledger_domain::{Connection, FieldName, InvalidField, SecretPolicy};
use ledger_providers::Pattern;
use ledger_vault::{Plaintext, Scope};
use std::sync::Arc;

use super::SecretFields;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};

/// A rule that a value does not meet. It names the rule, and shows nothing of the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violated {
    /// It is too short.
    #[error("must have at least {0} characters (min_length)")]
    MinLength(u32),
    /// It does not match.
    #[error("must match the pattern {0}")]
    Pattern(String),
    /// It is a value.
    #[error("must be a reference to where its value is, and no value (reference_required)")]
    ReferenceRequired,
}

impl Engine {
    /// Checks a pattern of a policy.
    pub(crate) fn check_pattern(&self, policy: &SecretPolicy) -> Result<(), InvalidField> {
        let Some(pattern) = &policy.pattern else { return Ok(()) };
        let compiled = self.shared.policies.pattern(pattern);
        compiled.map(drop).map_err(|problem| InvalidField::new("pattern", problem))
    }

    /// Checks new values.
    ///
    /// Errors: `policy_violated`, with the field and the rule.
    pub(crate) fn check_values<'v>(
        &self,
        fields: SecretFields<'_>,
        values: impl Iterator<Item = (&'v FieldName, &'v GivenSecret)>,
    ) -> Result<(), ExecuteError> {
        for (field, given) in values {
            // What a reference leads to is not the ledger's.
            if let GivenSecret::Value(value) = given {
                self.check_value(fields, field, value)?;
            }
        }
        Ok(())
    }

    fn check_value(
        &self,
        fields: SecretFields<'_>,
        field: &FieldName,
        value: &Plaintext,
    ) -> Result<(), ExecuteError> {
        let policies = self.shared.policies.now();
        let rules = fields.rules(field, &policies);
        if rules.reference_required {
            return Err(refusal(field, Violated::ReferenceRequired));
        }
        if !rules.concern_values() {
            return Ok(());
        }
        // Compiled before the value is looked at. One that was accepted by an earlier program and
        // cannot be compiled any more would let everything through, so nothing passes it.
        let patterns = rules.patterns.iter().map(|text| {
            let pattern = self.shared.policies.pattern(text).map_err(Fault::Damaged)?;
            Ok((text.as_str(), pattern))
        });
        let patterns = patterns.collect::<Result<Vec<_>, Fault>>()?;
        match violated(value, rules.min_chars, &patterns) {
            Some(rule) => Err(refusal(field, rule)),
            None => Ok(()),
        }
    }

    /// Checks the values that a revert to an earlier state sets again.
    ///
    /// Errors: as [`Self::check_values`].
    pub(crate) fn check_earlier(
        &self,
        now: &Connection,
        then: &Connection,
    ) -> Result<(), ExecuteError> {
        let policies = self.shared.policies.now();
        let provider = then.details.provider.as_str();
        let (id, workspace) = (now.id, &now.workspace);
        let fields = SecretFields::new(&self.shared.catalogue, workspace, id, provider);
        let scope = Scope { workspace, connection: id };
        for (field, old) in &then.secrets {
            // What a reference leads to is not the ledger's.
            let Some(sealed) = old.held.sealed() else { continue };
            let is_there = now.secrets.get(field).is_some_and(|secret| secret.held == old.held);
            let rules = fields.rules(field, &policies);
            if is_there || !rules.concern_values() {
                continue;
            }
            if rules.reference_required {
                return Err(refusal(field, Violated::ReferenceRequired));
            }
            // Lives longer than the value, which it permits to be in memory.
            let keys = self.shared.master_keys.enter()?;
            // An erasure is answered only after this is let go of.
            let _opening = self.shared.opening.read();
            let key = self.known_data_key(&keys, scope)?;
            let value = key.open(scope, field, sealed).map_err(Fault::from)?;
            self.check_value(fields, field, &value)?;
        }
        Ok(())
    }
}

fn refusal(field: &FieldName, rule: Violated) -> ExecuteError {
    ExecuteError::PolicyViolated { field: shown(field.as_str()).to_owned(), rule }
}

/// Returns the first rule that a value does not meet.
fn violated(
    value: &Plaintext,
    min_chars: u32,
    patterns: &[(&str, Arc<Pattern>)],
) -> Option<Violated> {
    let least = usize::try_from(min_chars).unwrap_or(usize::MAX);
    if !value.passes(&|text| text.chars().take(least).count() == least) {
        return Some(Violated::MinLength(min_chars));
    }
    let fails = |(_, pattern): &&(&str, Arc<Pattern>)| !value.passes(&|text| pattern.fits(text));
    let failed = patterns.iter().find(fails);
    failed.map(|(text, _)| Violated::Pattern((*text).to_owned()))
}
