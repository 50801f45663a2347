//! Authenticated callers.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ledger_contract::records::Via;
use ledger_domain::principal::{ApiKeyId, Grant, Scope, Subject, TokenRef, Workspaces};
use ledger_domain::{Actor, CheckedText as _, Connection, HandoverId, Line, Micros, WorkspaceName};
use ledger_vault::TokenKey;

use super::bootstrap::everything;
use crate::errors::AuthenticateError;

/// What a credential that was not accepted claims to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// The id of the API key, if the ledger issued such a key.
    pub key: Option<ApiKeyId>,
    /// The holder, if the whole key was presented.
    pub actor: Option<Actor>,
}

/// An authenticated caller and their grants. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    actor: Actor,
    grants: Arc<[Grant]>,
    key: Option<ApiKeyId>,
    /// The handover whose token is the credential, and the key that follows from the token.
    handover: Option<(HandoverId, Arc<TokenKey>)>,
    credential: Option<Line>,
    via: Via,
    /// What a token can be blocked by.
    token: Arc<[TokenRef]>,
    address: Option<IpAddr>,
    ends_at: Option<Micros>,
    /// The number of changes to principals when the key was looked up.
    seen: u64,
}

impl Caller {
    /// Creates a caller whose credential was verified elsewhere, such as the token of an issuer.
    pub fn new(actor: Actor, grants: Vec<Grant>) -> Self {
        Self {
            actor,
            grants: grants.into(),
            key: None,
            handover: None,
            credential: None,
            token: [].into(),
            via: Via::System,
            address: None,
            ends_at: None,
            seen: 0,
        }
    }

    /// Creates the caller that stands for the ledger itself and has every right. `name` is the
    /// actor in its events.
    pub fn system(name: &str) -> Self {
        Self::new(Actor::new(name), vec![everything()])
    }

    /// Creates the caller of a key. `seen` is the number of changes to principals so far.
    pub(super) fn of_key(actor: Actor, grants: Arc<[Grant]>, key: ApiKeyId, seen: u64) -> Self {
        let credential = Some(Line::stored(key.as_str().into()));
        let caller = Self::new(actor, Vec::new());
        Self { grants, key: Some(key), credential, seen, ..caller }
    }

    /// Creates the caller of a handover's token, who has no right but to use it.
    pub(super) fn of_handover(id: HandoverId, token: &str) -> Self {
        let caller = Self::new(Actor::new(format!("handover:{}", id.as_str())), Vec::new());
        Self { handover: Some((id, Arc::new(TokenKey::of(token)))), ..caller }
    }

    /// Returns the handover whose token was presented, if it was one.
    pub fn handover(&self) -> Option<&HandoverId> {
        self.handover.as_ref().map(|(id, _)| id)
    }

    /// Returns the key that follows from the token of that handover.
    pub(crate) fn token_key(&self) -> Option<Arc<TokenKey>> {
        self.handover.as_ref().map(|(_, key)| Arc::clone(key))
    }

    /// Takes over the present rights of the credential. Returns whether they may have changed since
    /// they were taken over last, which costs two comparisons while no principal changes.
    /// `changes` is the number of changes to principals, and `again` looks up the credential.
    ///
    /// Errors: those of a credential that has expired, or been revoked or blocked, meanwhile.
    pub(crate) fn renew(
        &mut self,
        now: Micros,
        changes: u64,
        again: impl FnOnce(&Self) -> Result<Self, AuthenticateError>,
    ) -> Result<bool, AuthenticateError> {
        if self.ends_at.is_some_and(|end| now >= end) {
            let is_key = self.key.is_some();
            let expired =
                if is_key { AuthenticateError::Expired } else { AuthenticateError::TokenExpired };
            return Err(expired);
        }
        let is_the_ledger = self.key.is_none() && self.token.is_empty();
        if is_the_ledger || self.seen == changes {
            return Ok(false);
        }
        let renewed = again(self)?;
        *self = Self { seen: changes, via: self.via, address: self.address, ..renewed };
        Ok(true)
    }

    /// Sets the name under which events record the credential, such as the issuer and id of a
    /// token.
    #[must_use]
    pub fn with_credential(mut self, name: Line) -> Self {
        self.credential = Some(name);
        self
    }

    /// Sets what the token can be blocked by: its subject, and its id if it has one.
    #[must_use]
    pub fn with_token(mut self, subject: Line, id: Option<Line>) -> Self {
        let names = std::iter::once(TokenRef::Subject(subject)).chain(id.map(TokenRef::Id));
        self.token = names.collect();
        self
    }

    /// Returns what the token can be blocked by; nothing if the credential is no token.
    pub(crate) fn token(&self) -> &[TokenRef] {
        &self.token
    }

    /// Sets how the request came in, and from which address.
    #[must_use]
    pub fn through(mut self, via: Via, address: Option<IpAddr>) -> Self {
        self.via = via;
        self.address = address;
        self
    }

    /// Returns how the request came in.
    pub fn via(&self) -> Via {
        self.via
    }

    /// Returns the name under which events record the credential.
    pub fn credential(&self) -> Option<&Line> {
        self.credential.as_ref()
    }

    /// Returns the address from which the request came, if it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Sets the time at which the credential expires.
    #[must_use]
    pub fn until(mut self, end: Micros) -> Self {
        self.ends_at = Some(end);
        self
    }

    /// Returns the time at which the credential expires, if it does.
    pub fn ends_at(&self) -> Option<Micros> {
        self.ends_at
    }

    /// Returns the actor to record in events.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Returns the caller's grants.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Returns the id of the API key that was presented, if it was one.
    pub fn key(&self) -> Option<&ApiKeyId> {
        self.key.as_ref()
    }

    /// Returns a string unique to the caller: the key, or the actor of a token, which is the same
    /// for all tokens of that actor.
    pub fn identity(&self) -> String {
        match &self.key {
            Some(key) => format!("key {}", key.as_str()),
            None => format!("actor {}", self.actor.as_str()),
        }
    }

    /// Returns whether the caller has `scope` for `subject`.
    pub fn may(&self, scope: Scope, subject: Subject<'_>) -> bool {
        self.grants.iter().any(|grant| grant.allows(scope, subject))
    }

    /// Returns whether the caller has `scope` for at least some connections of a workspace.
    pub fn may_somewhere_in(&self, scope: Scope, workspace: &WorkspaceName) -> bool {
        let inside = |grant: &Grant| grant.workspaces.contain(workspace);
        self.grants.iter().any(|grant| grant.scopes.contains(&scope) && inside(grant))
    }

    /// Returns whether the caller has `scope` for a connection. Callers of a workspace with which a
    /// connection is shared may read and reveal it as if it were their own.
    pub fn may_with(&self, scope: Scope, connection: &Connection) -> bool {
        self.grants.iter().any(|grant| grant_allows(grant, scope, connection))
    }

    /// Returns whether the caller has any right to a connection and may therefore know that it
    /// exists.
    pub fn knows(&self, connection: &Connection) -> bool {
        Scope::ALL.iter().any(|scope| self.may_with(*scope, connection))
    }

    /// Returns a connection that the caller may read as it is shown to them: whole, unless they
    /// have rights to it only because it is shared; see [`Connection::for_guest`].
    pub(crate) fn shown(&self, connection: Connection) -> Connection {
        let home = Subject::Connection(&connection.workspace, &connection.details);
        if Scope::ALL.iter().any(|scope| self.may(*scope, home)) {
            return connection;
        }
        let reached = |grant: &&Grant, name: &WorkspaceName| {
            connection.access.allows(name)
                && grant.allows(Scope::Read, Subject::Connection(name, &connection.details))
        };
        let mut own = BTreeSet::new();
        for grant in self.grants.iter() {
            if let Workspaces::Named(names) = &grant.workspaces {
                own.extend(names.iter().filter(|name| reached(&grant, name)));
            }
        }
        connection.for_guest(&own)
    }
}

/// Returns whether a grant gives its holder `scope` for a connection; see [`Caller::may_with`].
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
