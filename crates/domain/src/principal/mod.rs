//! Who may ask: people, programs and gateways, their API keys, and what each may do.
//!
//! Deny by default: a principal may do what one of its grants names, and nothing else.

mod command;
mod decide;
mod event;
mod evolve;
mod grant;
mod key;
mod scope;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use command::{PrincipalCommand, PrincipalDraft, PrincipalRevision};
pub use decide::{check_grants, decide_principal};
pub use event::PrincipalEvent;
pub use evolve::{PrincipalFacts, evolve_principal};
pub use grant::{Grant, Subject, Workspaces};
pub use key::{ApiKey, ApiKeyId, KeyDigest};
pub use scope::{Role, Scope};

use crate::connection::vocabulary;
use crate::ids::{Actor, Micros, Position, Version};
use crate::text::{Line, PrincipalName};

vocabulary!(
    /// What sort of caller a principal is. Decides the first word of its events' actor.
    PrincipalKind, "kind", {
        /// A person.
        User = "user",
        /// A program that manages connections.
        Service = "service",
        /// A program that uses connections.
        Gateway = "gateway",
    }
);

/// One principal after some number of accepted changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its name, which is its identity; never changes.
    pub name: PrincipalName,
    /// What sort of caller it is; never changes.
    pub kind: PrincipalKind,
    /// Human-readable name.
    pub display_name: Option<Line>,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// Whether its keys open anything.
    pub enabled: bool,
    /// Its keys, also those revoked lately.
    pub keys: BTreeMap<ApiKeyId, ApiKey>,
    /// Number of accepted changes.
    pub version: Version,
    /// Log position of the last change.
    pub position: Position,
    /// When it was created.
    pub created_at: Micros,
    /// Who created it.
    pub created_by: Actor,
    /// When the last change was recorded.
    pub updated_at: Micros,
    /// Who made the last change.
    pub updated_by: Actor,
}

impl Principal {
    /// Returns the actor its events name: `gateway:eu-1`.
    pub fn actor(&self) -> Actor {
        Actor::new(format!("{}:{}", self.kind, self.name))
    }
}
