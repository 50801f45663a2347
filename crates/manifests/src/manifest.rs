//! What manifests declare.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ledger_contract::Declared;
use ledger_vault::Plaintext;
use serde_json::{Map, Value};

use crate::place::Place;

/// All that some files declare together.
#[derive(Debug, Default)]
pub struct Manifest {
    /// Workspaces, in the order of the files.
    pub workspaces: Vec<WorkspaceItem>,
    /// Principals, in the same order.
    pub principals: Vec<PrincipalItem>,
    /// Connections, in the same order.
    pub connections: Vec<ConnectionItem>,
}

/// A workspace.
#[derive(Debug)]
pub struct WorkspaceItem {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// Its display name.
    pub display_name: Option<String>,
}

/// A principal.
#[derive(Debug)]
pub struct PrincipalItem {
    /// Where it is declared.
    pub place: Place,
    /// Its name.
    pub name: String,
    /// `user`, `service` or `gateway`.
    pub kind: String,
    /// Its display name.
    pub display_name: Option<String>,
    /// Whether its keys are accepted.
    pub enabled: bool,
    /// Its grants, in the form of a view.
    pub grants: Vec<Value>,
}

/// A connection. It is described whole: what is left out has its default, but for secrets, of
/// which those that are left out stay as they are.
#[derive(Debug)]
pub struct ConnectionItem {
    /// Where it is declared.
    pub place: Place,
    /// Its home workspace.
    pub workspace: String,
    /// Its slug.
    pub slug: String,
    /// What is declared of it, without secrets and defaults.
    pub fields: Declared,
    /// What its secret fields are given.
    pub secrets: BTreeMap<String, SecretSource>,
}

/// What a secret field is given.
#[derive(Debug)]
pub enum SecretSource {
    /// A reference, which the server follows.
    Reference(Map<String, Value>),
    /// The value of an environment variable of who applies the manifest.
    Environment(String),
    /// The content of a file of who applies it.
    File(PathBuf),
    /// A value that stands in the file.
    Clear(Plaintext),
    /// A value that was read from one of the former.
    Read(Plaintext),
    /// What it has.
    Keep,
    /// Nothing: the field is removed.
    Remove,
}

impl SecretSource {
    /// Returns the value, if there is one.
    pub const fn value(&self) -> Option<&Plaintext> {
        match self {
            Self::Clear(value) | Self::Read(value) => Some(value),
            Self::Reference(_)
            | Self::Environment(_)
            | Self::File(_)
            | Self::Keep
            | Self::Remove => None,
        }
    }
}

impl ConnectionItem {
    /// Returns its name for people: `workspace/slug`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.workspace, self.slug)
    }
}
