//! Changes that send secrets elsewhere: what stays attached, and how it is detached.
//!
//! Which fields decide where a secret is sent is not for the domain to know; the engine asks the
//! catalogue of providers.

use std::collections::BTreeSet;

use super::Connection;
use super::draft::{Details, Revision, SecretReference};
use super::event::Event;
use crate::secret::Secret;
use crate::text::{FieldName, Line};

/// What stays attached to a connection after a change without being a part of the command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// Secret fields that keep a value, or get back an earlier one.
    pub secrets: BTreeSet<FieldName>,
    /// References that stay, or come back.
    pub references: Vec<SecretReference>,
}

impl Attached {
    /// Returns whether nothing stays attached.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty() && self.references.is_empty()
    }
}

impl Event {
    /// Returns the details after the event, if it can change several of them.
    pub fn details_after(&self, before: &Connection) -> Option<Details> {
        match self {
            Self::Updated(revision) => Some(before.details.revised(revision)),
            Self::Reverted(reverted) => Some(reverted.details.clone()),
            _ => None,
        }
    }

    /// Returns what stays attached after the event. `given` are the secret fields of which the
    /// command has the values.
    pub fn attached(&self, before: &Connection, given: &BTreeSet<FieldName>) -> Attached {
        match self {
            Self::Updated(revision) => {
                // A former value stays beside a current one that the command knows and repeats.
                let stays = |(field, secret): &(&FieldName, &Secret)| {
                    !revision.secrets.contains_key(*field)
                        && (!given.contains(*field) || secret.former.is_some())
                };
                let secrets = before.secrets.iter().filter(stays);
                Attached {
                    secrets: secrets.map(|(field, _)| field.clone()).collect(),
                    references: kept_references(before, revision),
                }
            }
            Self::Reverted(reverted) => Attached {
                secrets: reverted.secrets.keys().cloned().collect(),
                references: reverted.details.secret_references.clone(),
            },
            _ => Attached::default(),
        }
    }

    /// Returns the event with everything that stays attached removed.
    #[must_use]
    pub fn detaching(mut self, attached: &Attached) -> Self {
        match &mut self {
            Self::Updated(revision) => detach_from_revision(revision, attached),
            Self::Reverted(reverted) => {
                reverted.secrets.clear();
                reverted.details.secret_references.clear();
            }
            _ => {}
        }
        self
    }

    /// Returns the event with the fields by which it sends secrets elsewhere.
    #[must_use]
    pub fn redirecting_by(mut self, fields: Vec<Line>) -> Self {
        match &mut self {
            Self::Updated(revision) => revision.destination = fields,
            Self::Reverted(reverted) => reverted.destination = fields,
            _ => {}
        }
        self
    }
}

/// Returns the references that lead to the same secrets as before, whatever else they say.
fn kept_references(before: &Connection, revision: &Revision) -> Vec<SecretReference> {
    let old = &before.details.secret_references;
    let Some(new) = &revision.secret_references else { return old.clone() };
    let is_kept = |new: &&SecretReference| old.iter().any(|old| old.reference == new.reference);
    new.iter().filter(is_kept).cloned().collect()
}

fn detach_from_revision(revision: &mut Revision, attached: &Attached) {
    revision.secrets.extend(attached.secrets.iter().cloned().map(|field| (field, None)));
    if attached.references.is_empty() {
        return;
    }
    let new = revision.secret_references.take().unwrap_or_default();
    let is_new = |reference: &SecretReference| !attached.references.contains(reference);
    revision.secret_references = Some(new.into_iter().filter(is_new).collect());
}
