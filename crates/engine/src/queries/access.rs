//! Queries about principals and their rights.

use std::sync::Arc;

use ledger_contract::commands::{Condition, ConnectionRef, Verb};
use ledger_contract::queries::{
    AccessAnswer, AccessQuery, CallerView, ConditionalAccess, PermissionView, QueryName,
    access_check,
};
use ledger_contract::{AsOf, time};
use ledger_domain::principal::{ApiKeyId, Grant, Scope, Subject, Workspaces};
use ledger_domain::{
    CheckedText, Connection, InvalidField, Micros, Principal, PrincipalName, WorkspaceName,
};
use ledger_store::{Selection, Term};

use super::Reader;
use super::as_of::{self, Then};
use crate::access::grant_allows;
use crate::errors::QueryError;
use crate::models::Models;
use crate::projections::filters::{self, Field};

impl Reader<'_> {
    /// Describes the caller.
    pub fn whoami(&self) -> CallerView {
        let now = self.engine.clock().now();
        let holder =
            self.caller.key().and_then(|id| Some((id, self.engine.shared.directory.holder(id)?)));
        let key = holder.as_ref().and_then(|(id, holder)| holder.keys.get(*id));
        CallerView {
            expires_at: self.caller.ends_at().map(time::format),
            ends_soon: key.is_some_and(|key| key.ends_soon(now)),
            actor: self.caller.actor().as_str().to_owned(),
            grants: self.caller.grants().iter().map(PermissionView::of).collect(),
        }
    }

    /// Explains whether a principal has a right. Callers may always ask about themselves. Blocks.
    ///
    /// Errors: `forbidden`, `principal_unknown`, `field_invalid`, `connection_unknown`.
    pub fn access_check(&self, query: &AccessQuery) -> Result<AccessAnswer, QueryError> {
        let principal = self.named_principal(&query.who);
        let own = principal.as_ref().is_ok_and(|one| one.actor() == *self.caller.actor());
        if !own {
            self.caller.require_principals()?;
        }
        let shown = |principal: &Arc<Principal>| own || self.caller.administers(principal);
        let principal = principal?;
        if !shown(&principal) {
            return Err(QueryError::PrincipalUnknown);
        }
        let key = ApiKeyId::parse("as", &query.who).ok();
        let wanted = AccessNeeds::of(&query.what)?;
        let on = query.on.as_deref();
        let target = on.map(|text| ConnectionRef::parse("on", text)).transpose()?;
        let connection = target.map(|target| self.known("on", &target)).transpose()?;
        let now = Then { position: self.engine.head(), at: self.engine.clock().now() };
        let (principal, connection, then) = match as_of::parse("as_of", query.as_of.as_deref())? {
            None => (principal, connection, now),
            Some(as_of) => self.checked_as_of(principal, connection, &as_of)?,
        };
        let place = match (&connection, self.workspace, wanted.about) {
            (Some(connection), _, About::Connections) => Place::Connection(connection),
            (_, Some(workspace), About::Connections | About::Principals) => {
                Place::Whole(Subject::Workspace(workspace))
            }
            _ => Place::Whole(Subject::Ledger),
        };
        // An operation that requires several scopes is denied because of the first missing one.
        let missing = wanted.always.iter().find(|scope| !place.open_to(&principal, **scope));
        let scope = missing.or(wanted.always.first()).copied().unwrap_or(Scope::Administer);
        let (allowed, because) = explain(&principal, key.as_ref(), scope, &place, then.at);
        let ledger = Place::Whole(Subject::Ledger);
        let place_of =
            |condition: Condition| if condition.is_on_ledger() { &ledger } else { &place };
        let conditional = |(condition, scope): &(Condition, Scope)| ConditionalAccess {
            when: condition.as_clause().to_owned(),
            scope: scope.as_str().to_owned(),
            allowed: explain(&principal, key.as_ref(), *scope, place_of(*condition), then.at).0,
        };
        let conditions = wanted.conditional.iter().map(conditional).collect();
        Ok(AccessAnswer { allowed, scope: scope.as_str().to_owned(), because, conditions })
    }

    /// Returns both sides of an access check as they were at a moment, for a caller who may see the
    /// history.
    fn checked_as_of(
        &self,
        principal: Arc<Principal>,
        connection: Option<Connection>,
        as_of: &AsOf,
    ) -> Result<(Arc<Principal>, Option<Connection>, Then), QueryError> {
        let subject = match (&connection, self.workspace) {
            (Some(connection), _) => {
                Subject::Connection(&connection.workspace, &connection.details)
            }
            (None, Some(workspace)) => Subject::Workspace(workspace),
            (None, None) => Subject::Ledger,
        };
        self.caller.require(Scope::Audit, subject)?;
        let about = connection.as_ref().map(|connection| connection.id.to_string());
        self.note_reading(QueryName::AccessCheck.as_str(), about.as_deref());
        let then = self.then_of(connection.as_ref(), as_of)?;
        let version = |now: &Connection| self.version_at(now, then.position);
        let connection = connection.map(|now| self.existing(&now, version(&now)?)).transpose()?;
        let principal = self.principal_as_of(principal, then.position)?;
        let principal = principal.filter(|was| self.caller.administers(was));
        Ok((principal.ok_or(QueryError::PrincipalUnknown)?, connection, then))
    }

    fn named_principal(&self, text: &str) -> Result<Arc<Principal>, QueryError> {
        let directory = &self.engine.shared.directory;
        let by_name =
            PrincipalName::parse("as", text).ok().and_then(|name| directory.principal(&name));
        let by_key = || ApiKeyId::parse("as", text).ok().and_then(|id| directory.holder(&id));
        by_name.or_else(by_key).ok_or(QueryError::PrincipalUnknown)
    }

    /// Returns whether there may be connections here that the caller may read.
    pub(super) fn reads_some(&self) -> bool {
        self.caller.grants().iter().any(|grant| {
            let reaches = self.workspace.is_none_or(|name| grant.workspaces.contain(name));
            reaches && grant.scopes.contains(&Scope::Read)
        })
    }

    /// Keeps the connections that the caller may read.
    pub(super) fn keep_readable(
        &self,
        models: &Models,
        selected: &mut Selection,
    ) -> Result<(), QueryError> {
        let whole = self.workspace.map_or(Subject::Ledger, Subject::Workspace);
        if self.caller.may(Scope::Read, whole) {
            return Ok(());
        }
        let mut readable = Selection::default();
        for grant in self.caller.grants() {
            let reaches = self.workspace.is_none_or(|name| grant.workspaces.contain(name));
            if reaches && grant.scopes.contains(&Scope::Read) {
                let groups = terms_of(grant, self.workspace);
                let frozen = models.lists.freeze(groups.iter().flatten());
                let within = frozen.select(Some(selected.clone()), &groups)?;
                readable.unite(within.unwrap_or_default());
            }
        }
        *selected = readable;
        Ok(())
    }
}

/// The object of an access check.
pub(super) enum Place<'a> {
    /// The ledger or a workspace.
    Whole(Subject<'a>),
    /// One connection.
    Connection(&'a Connection),
}

impl Place<'_> {
    /// Returns whether a grant gives its holder `scope` here.
    fn is_open_by(&self, grant: &Grant, scope: Scope) -> bool {
        match self {
            Self::Whole(subject) => grant.allows(scope, *subject),
            Self::Connection(connection) => grant_allows(grant, scope, connection),
        }
    }

    pub(super) fn open_to(&self, principal: &Principal, scope: Scope) -> bool {
        principal.grants.iter().any(|grant| self.is_open_by(grant, scope))
    }

    /// Returns whether a grant that is limited to some connections may include some here.
    fn holds_some_of(&self, grant: &Grant) -> bool {
        match self {
            Self::Whole(Subject::Workspace(name)) => {
                grant.is_selective() && grant.workspaces.contain(name)
            }
            Self::Whole(_) | Self::Connection(_) => false,
        }
    }
}

/// Returns whether a principal has a right, and why.
pub(super) fn explain(
    principal: &Principal,
    key: Option<&ApiKeyId>,
    wanted: Scope,
    place: &Place<'_>,
    now: Micros,
) -> (bool, String) {
    let name = &principal.name;
    if !principal.enabled {
        return (false, format!("{name} is disabled"));
    }
    match key.map(|id| (id, principal.keys.get(id))) {
        Some((id, None)) => return (false, format!("{name} did not have the key {id}")),
        Some((id, Some(key))) if !key.is_live(now) => {
            return (false, format!("the key {id} of {name} is revoked or expired"));
        }
        Some((_, Some(_))) | None => {}
    }
    let by = principal.grants.iter().position(|grant| place.is_open_by(grant, wanted));
    if let Some(index) = by {
        return (true, format!("grant {} of {name} allows {wanted}", index + 1));
    }
    let with_scope: Vec<&Grant> =
        principal.grants.iter().filter(|grant| grant.scopes.contains(&wanted)).collect();
    let because = match with_scope.as_slice() {
        [] => format!("no grant of {name} has the scope {wanted}"),
        some if some.iter().any(|grant| place.holds_some_of(grant)) => {
            format!("{name} has {wanted} on some connections there only; ask about one of them")
        }
        [_] => format!("one grant of {name} has the scope {wanted}, but does not reach this"),
        some => {
            format!(
                "{} grants of {name} have the scope {wanted}, but none reaches this",
                some.len()
            )
        }
    };
    (false, because)
}

/// Returns the groups of terms that match a grant's connections, among those of one workspace that
/// it reaches or of all.
fn terms_of(grant: &Grant, workspace: Option<&WorkspaceName>) -> Vec<Vec<Term>> {
    let mut groups = Vec::new();
    if let (Workspaces::Named(names), None) = (&grant.workspaces, workspace) {
        groups.push(names.iter().map(|name| Field::Workspace.term(name.as_str())).collect());
    }
    if !grant.providers.is_empty() {
        groups.push(grant.providers.iter().map(|name| filters::provider(name.as_str())).collect());
    }
    let label = |(key, value): (&ledger_domain::Line, &ledger_domain::Prose)| {
        vec![filters::label(key.text(), value.text())]
    };
    groups.extend(grant.labels.iter().map(label));
    groups
}

/// What scopes are required for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// A connection, or a workspace with all its connections.
    Connections,
    /// The principals of a workspace, or all of them.
    Principals,
    /// The ledger as a whole, whatever is asked about.
    Ledger,
}

/// What a word of `access-check` stands for.
pub(super) struct AccessNeeds {
    /// What the scopes are required for.
    about: About,
    /// The scopes that are always required.
    pub(super) always: Vec<Scope>,
    /// The scopes that depend on what a command says.
    pub(super) conditional: Vec<(Condition, Scope)>,
}

impl AccessNeeds {
    /// Reads what can be done with a connection.
    pub(super) fn of_connections(word: &str) -> Result<Self, InvalidField> {
        let needs = Self::of(word)?;
        match needs.about {
            About::Connections => Ok(needs),
            About::Principals | About::Ledger => {
                Err(InvalidField::new("may", "must be something that is done with a connection"))
            }
        }
    }

    /// Reads a scope, a verb, or the name of a query or an operation.
    pub(super) fn of(word: &str) -> Result<Self, InvalidField> {
        if let Some(scope) = Scope::ALL.iter().find(|scope| scope.as_str() == word) {
            let about = About::Connections;
            return Ok(Self { about, always: vec![*scope], conditional: Vec::new() });
        }
        // One that requires no scope is not asked about: whoever has the token may use it.
        if let Some(verb) = Verb::find(word).filter(|verb| !verb.spec().requires.is_empty()) {
            let spec = verb.spec();
            let required: Vec<_> = spec.required(|_| true).collect();
            let (always, conditional): (Vec<_>, Vec<_>) =
                required.into_iter().partition(|(condition, _)| *condition == Condition::Always);
            let always = always.into_iter().map(|(_, scope)| scope).collect();
            let principals = spec.target.is_ledger();
            let about = if principals { About::Principals } else { About::Connections };
            return Ok(Self { about, always, conditional });
        }
        let Some((on_ledger, scopes)) = access_check::required_by(word) else {
            let problem =
                "must be a scope (read, write, rotate, reveal, audit, administer) or a verb";
            return Err(InvalidField::new("may", problem));
        };
        let about = match on_ledger {
            _ if word == QueryName::Principals.as_str() => About::Principals,
            true => About::Ledger,
            false => About::Connections,
        };
        Ok(Self { about, always: scopes.to_vec(), conditional: Vec::new() })
    }
}
