//! Principals: people, programs and gateways, with their API keys and grants.
//!
//! Deny by default: a principal may do only what one of its grants allows.

mod command;
mod decide;
mod event;
mod evolve;
mod grant;
mod key;
mod lifetime;
mod scope;
mod token;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use command::{PrincipalCommand, PrincipalDraft, PrincipalRevision};
pub use decide::{check_grants, decide_principal};
pub use event::PrincipalEvent;
pub use evolve::{PrincipalFacts, evolve_principal};
pub use grant::{Grant, Subject, Workspaces};
pub use key::{ApiKey, ApiKeyId, KeyDigest};
pub use lifetime::{KeyEnd, KeyLifetimes};
pub use scope::{Role, Scope};
pub use token::{TokenBlock, TokenRef};

use crate::connection::vocabulary;
use crate::ids::{Actor, Micros, Position, Version};
use crate::text::{Line, PrincipalName};

vocabulary!(
    /// The kind of a principal, which is also the first word of the actor in its events.
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
    /// Name, which is also its id and never changes.
    pub name: PrincipalName,
    /// Kind of caller; never changes.
    pub kind: PrincipalKind,
    /// Human-readable name.
    pub display_name: Option<Line>,
    /// Its grants.
    pub grants: Vec<Grant>,
    /// Whether its keys are accepted.
    pub enabled: bool,
    /// Its keys, including recently revoked ones.
    pub keys: BTreeMap<ApiKeyId, ApiKey>,
    /// The blocks of tokens; only [`PrincipalName::of_tokens`] has any.
    pub blocks: BTreeMap<TokenRef, TokenBlock>,
    /// Number of accepted changes.
    pub version: Version,
    /// Log position of the last change.
    pub position: Position,
    /// When it was created.
    pub created_at: Micros,
    /// Who created it.
    pub created_by: Actor,
    /// Time of the last change.
    pub updated_at: Micros,
    /// Actor of the last change.
    pub updated_by: Actor,
}

impl Principal {
    /// Returns the actor in its events, such as `gateway:eu-1`.
    pub fn actor(&self) -> Actor {
        Actor::new(format!("{}:{}", self.kind, self.name))
    }
}
