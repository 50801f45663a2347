//! Who asks.

use std::sync::Arc;

use ledger_domain::principal::{ApiKeyId, Grant, Scope, Subject, Workspaces};
use ledger_domain::{Actor, Connection, Micros, WorkspaceName};

use super::bootstrap::everything;

/// Someone whose credential was checked, and what they may do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Actor,
    grants: Arc<[Grant]>,
    key: Option<ApiKeyId>,
    ends_at: Option<Micros>,
}

impl Caller {
    /// Makes a caller whose credential something else has checked, as for tokens of an issuer.
    pub fn new(actor: Actor, grants: Vec<Grant>) -> Self {
        Self { actor, grants: grants.into(), key: None, ends_at: None }
    }

    /// The ledger itself, which may do everything. `name` is the actor its events name.
    pub fn system(name: &str) -> Self {
        Self::new(Actor::new(name), vec![everything()])
    }

    pub(super) fn of_key(actor: Actor, grants: Arc<[Grant]>, key: ApiKeyId) -> Self {
        Self { actor, grants, key: Some(key), ends_at: None }
    }

    /// Says from when on the credential opens nothing.
    #[must_use]
    pub fn until(mut self, end: Micros) -> Self {
        self.ends_at = Some(end);
        self
    }

    /// Returns from when on the credential opens nothing, when it has an end.
    pub fn ends_at(&self) -> Option<Micros> {
        self.ends_at
    }

    /// Returns the actor that events will name.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Returns what the caller may do.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Returns the key that was shown, when it was one of the ledger's own.
    pub fn key(&self) -> Option<&ApiKeyId> {
        self.key.as_ref()
    }

    /// Returns a text that no other caller has: of the key, or of whom a token stands for, which is
    /// the same for all its tokens.
    pub fn identity(&self) -> String {
        match &self.key {
            Some(key) => format!("key {}", key.as_str()),
            None => format!("actor {}", self.actor.as_str()),
        }
    }

    /// Tells whether the caller may do `scope` to `subject`.
    pub fn may(&self, scope: Scope, subject: Subject<'_>) -> bool {
        self.grants.iter().any(|grant| grant.allows(scope, subject))
    }

    /// Tells whether the caller may do `scope` to some connection, at least, of a workspace.
    pub fn may_somewhere_in(&self, scope: Scope, workspace: &WorkspaceName) -> bool {
        let inside = |grant: &Grant| grant.workspaces.contain(workspace);
        self.grants.iter().any(|grant| grant.scopes.contains(&scope) && inside(grant))
    }

    /// Tells whether the caller may do `scope` to a connection. What a connection's home grants to
    /// other workspaces, their callers may read and reveal as their own.
    pub fn may_with(&self, scope: Scope, connection: &Connection) -> bool {
        self.grants.iter().any(|grant| grant_allows(grant, scope, connection))
    }

    /// Tells whether the caller may do anything at all to a connection, and so know of it.
    pub fn knows(&self, connection: &Connection) -> bool {
        Scope::ALL.iter().any(|scope| self.may_with(*scope, connection))
    }
}

/// Tells whether one grant lets its holder do `scope` to a connection; see [`Caller::may_with`].
pub(crate) fn grant_allows(grant: &Grant, scope: Scope, connection: &Connection) -> bool {
    let home = Subject::Connection(&connection.workspace, &connection.details);
    let shared = matches!(scope, Scope::Read | Scope::Reveal);
    grant.allows(scope, home) || (shared && grant_reaches_shared(grant, scope, connection))
}

fn grant_reaches_shared(grant: &Grant, scope: Scope, connection: &Connection) -> bool {
    let Workspaces::Named(names) = &grant.workspaces else { return false };
    names.iter().any(|name| {
        connection.access.allows(name)
            && grant.allows(scope, Subject::Connection(name, &connection.details))
    })
}
