//! What is there: connections as the ledger shows them.

use std::collections::{BTreeMap, HashMap};

use ledger_contract::view::{ConnectionView, ReferenceView, SecretView};
use ledger_contract::{Declared, declared_in};
use serde_json::{Map, Value, json};

use crate::applied::{Applied, Shown, hash, shown};
use crate::form;

/// The secret field in which the ledger keeps a token that it got by itself.
const OWN_TOKEN: &str = "access_token";

/// A connection that is there.
#[derive(Clone, Debug)]
pub struct Live {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: u64,
    /// Its home workspace.
    pub workspace: String,
    /// Its slug.
    pub slug: String,
    /// What was declared of it, in the form of manifests.
    pub fields: Declared,
    /// Its secret fields, but for a token that the ledger itself keeps there.
    pub secrets: BTreeMap<String, LiveSecret>,
    /// What it remembers of the last run.
    pub applied: Option<Applied>,
    /// Who changed it last.
    pub updated_by: String,
    /// When.
    pub updated_at: String,
    /// When it was archived, if it is.
    pub archived_at: Option<String>,
}

/// A secret field that is there.
#[derive(Clone, Debug)]
pub struct LiveSecret {
    /// Number of values it has had.
    pub generation: u64,
    /// Its mask.
    pub masked: String,
    /// The reference in its place, as manifests have it.
    pub reference: Option<Map<String, Value>>,
}

/// How a connection differs from what the last run left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// Somebody changed it since.
    ByHand,
    /// The run was ended before it was done with it.
    Unfinished,
}

impl Live {
    /// Returns what a view shows.
    pub fn of(view: &ConnectionView<'_>) -> Self {
        let declared = declared_in(view);
        let applied = Applied::of(declared.get("annotations"));
        let secrets = view.secrets.iter().filter(|(field, _)| {
            // A manifest that declared it would undo each refresh.
            view.provider_token.is_none() || field.as_ref() != OWN_TOKEN
        });
        Self {
            id: view.id.clone(),
            version: view.version,
            workspace: view.workspace.to_string(),
            slug: view.slug.to_string(),
            fields: form::of(declared),
            secrets: secrets.map(|(field, view)| (field.to_string(), secret(view))).collect(),
            applied,
            updated_by: view.updated_by.to_string(),
            updated_at: view.updated_at.clone(),
            archived_at: view.archived_at.clone(),
        }
    }

    /// Returns the ids of the connections to which its secrets refer.
    pub fn referred(&self) -> impl Iterator<Item = &str> {
        let references = self.secrets.values().filter_map(|secret| secret.reference.as_ref());
        references.filter_map(|reference| Some(connection_of(reference)?.0))
    }

    /// Names the connections to which its secrets refer by their slugs, as manifests do.
    pub fn name_references(&mut self, slugs: &HashMap<String, String>) {
        let references = self.secrets.values_mut().filter_map(|secret| secret.reference.as_mut());
        for reference in references {
            let named = connection_of(reference)
                .and_then(|(id, field)| Some(format!("{}/{field}", slugs.get(id)?)));
            if let Some(name) = named {
                reference.insert("name".to_owned(), name.into());
            }
        }
    }

    /// Returns whether it differs from what the last run left.
    pub fn drift(&self) -> Option<Drift> {
        let applied = self.applied.as_ref()?;
        let shown: Shown =
            self.secrets.iter().map(|(field, secret)| (field.clone(), shown(secret))).collect();
        let is_other = applied.generations.iter().any(|(field, generation)| {
            self.secrets.get(field).is_none_or(|secret| secret.generation != *generation)
        });
        if hash(&self.fields, &shown) == applied.hash && !is_other {
            return None;
        }
        let is_done = self.version >= applied.version;
        Some(if is_done { Drift::ByHand } else { Drift::Unfinished })
    }
}

/// Returns the connection and the field that a reference names, if it is one to a connection.
fn connection_of(reference: &Map<String, Value>) -> Option<(&str, &str)> {
    if reference.get("kind")?.as_str()? != "connection" {
        return None;
    }
    reference.get("name")?.as_str()?.split_once('/')
}

fn secret(view: &SecretView<'_>) -> LiveSecret {
    LiveSecret {
        generation: view.generation,
        masked: view.masked.to_string(),
        reference: view.reference.as_ref().map(reference),
    }
}

/// Returns a reference as manifests have it.
fn reference(view: &ReferenceView<'_>) -> Map<String, Value> {
    let ReferenceView { kind, name, key, format } = view;
    let members = [
        ("kind", Some(kind)),
        ("name", Some(name)),
        ("key", key.as_ref()),
        ("format", Some(format).filter(|format| format.as_ref() != "string")),
    ];
    let members = members.into_iter().filter_map(|(member, text)| Some((member, text?)));
    members.map(|(member, text)| (member.to_owned(), json!(text))).collect()
}
