//! Who may ask, what for, and which connections a caller may see.

use ledger_contract::access::{
    AccessAnswer, AccessQuery, CallerView, PermissionView, PrincipalPage, PrincipalView,
};
use ledger_contract::commands::{self, ConnectionRef};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::time;
use ledger_domain::principal::{ApiKeyId, Grant, Scope, Subject, Workspaces};
use ledger_domain::{
    CheckedText, Connection, InvalidField, Principal, PrincipalName, WorkspaceName,
};
use ledger_store::{Selection, Term};

use super::to_json;
use crate::access::Caller;
use crate::engine::Engine;
use crate::models::Models;
use crate::projections::list::{self, Field};
use crate::{faults, ports};

impl Engine {
    pub(super) fn whoami(caller: &Caller) -> Vec<u8> {
        to_json(&CallerView {
            actor: caller.actor().as_str().to_owned(),
            grants: caller.grants().iter().map(PermissionView::of).collect(),
        })
    }

    pub(super) fn principals(&self, caller: &Caller) -> Result<Vec<u8>, Problem> {
        caller.require(Scope::Administer, Subject::Ledger)?;
        let principals = self.shared.book.principals();
        let principals = principals.iter().map(|principal| self.view(principal)).collect();
        Ok(to_json(&PrincipalPage { principals }))
    }

    fn view(&self, principal: &Principal) -> PrincipalView {
        let mut view = PrincipalView::of(principal);
        for (key, id) in view.keys.iter_mut().zip(principal.keys.keys()) {
            key.last_used_at = self.shared.book.last_used(id).map(time::format);
        }
        view
    }

    /// Explains whether a principal may do something. Everyone may ask about themselves.
    pub(super) fn access_check(
        &self,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
        query: &AccessQuery,
    ) -> Result<Vec<u8>, Problem> {
        let principal = self.named_principal(&query.who);
        let own = principal.as_ref().is_ok_and(|one| one.actor() == *caller.actor());
        if !own {
            caller.require(Scope::Administer, Subject::Ledger)?;
        }
        let (principal, key) = (principal?, ApiKeyId::parse("as", &query.who).ok());
        let wanted = needed(&query.what)?;
        let connection = match (&query.on, scope) {
            (None, _) => None,
            (Some(text), scope) => Some(self.target(scope, text)?),
        };
        // About themselves callers hear only of connections that they know.
        let all = caller.may(Scope::Administer, Subject::Ledger);
        if connection.as_ref().is_some_and(|connection| !all && !caller.knows(connection)) {
            return Err(Problem::new(Code::ConnectionUnknown));
        }
        let subject = match (&connection, scope) {
            (Some(connection), _) => {
                Subject::Connection(&connection.workspace, &connection.details)
            }
            (None, Some(workspace)) => Subject::Workspace(workspace),
            (None, None) => Subject::Ledger,
        };
        let (allowed, because) = explain(&principal, key.as_ref(), wanted, subject);
        Ok(to_json(&AccessAnswer { allowed, scope: wanted.as_str().to_owned(), because }))
    }

    fn named_principal(&self, text: &str) -> Result<std::sync::Arc<Principal>, Problem> {
        let by_name = PrincipalName::parse("as", text).ok();
        let by_name = by_name.and_then(|name| self.shared.book.principal(&name));
        let by_key =
            || ApiKeyId::parse("as", text).ok().and_then(|id| self.shared.book.holder(&id));
        by_name.or_else(by_key).ok_or_else(|| Problem::new(Code::PrincipalUnknown))
    }

    /// Returns the connection that a text names, whoever may see it.
    pub(super) fn target(
        &self,
        scope: Option<&WorkspaceName>,
        text: &str,
    ) -> Result<Connection, Problem> {
        let id = match (ConnectionRef::parse("on", text)?, scope) {
            (ConnectionRef::Id(id), _) => id,
            (slug, Some(workspace)) => self.resolve(workspace, &slug)?,
            (ConnectionRef::Slug(_), None) => {
                let problem = "must be an id when no workspace is named";
                return Err(InvalidField::new("on", problem).into());
            }
        };
        let row = self.shared.models.load().row(id)?;
        row.map(|row| row.connection).ok_or_else(|| Problem::new(Code::ConnectionUnknown))
    }

    /// Returns the connections of `scope` that a caller may read; nothing when these are all.
    pub(super) fn readable(
        models: &Models,
        caller: &Caller,
        scope: Option<&WorkspaceName>,
    ) -> Result<Option<Selection>, Problem> {
        let whole = scope.map_or(Subject::Ledger, Subject::Workspace);
        if caller.may(Scope::Read, whole) {
            return Ok(None);
        }
        let mut readable = Selection::default();
        for grant in caller.grants().iter().filter(|grant| grant.scopes.contains(&Scope::Read)) {
            let selected = models.lists.select(&terms_of(grant));
            match selected.map_err(|error| faults::from_read(&error))? {
                Some(selected) => readable.unite(selected),
                // Without any term the grant is about everything.
                None => return Ok(None),
            }
        }
        Ok(Some(readable))
    }
}

/// Tells whether a principal may, and by which grant or why not.
fn explain(
    principal: &Principal,
    key: Option<&ApiKeyId>,
    wanted: Scope,
    subject: Subject<'_>,
) -> (bool, String) {
    let name = &principal.name;
    if !principal.enabled {
        return (false, format!("{name} is disabled"));
    }
    if let Some((id, key)) = key.and_then(|id| principal.keys.get_key_value(id))
        && !key.is_live(ports::now())
    {
        return (false, format!("the key {id} of {name} is revoked or expired"));
    }
    let by = principal.grants.iter().position(|grant| grant.allows(wanted, subject));
    if let Some(index) = by {
        return (true, format!("grant {} of {name} allows {wanted}", index + 1));
    }
    let with_scope = principal.grants.iter().filter(|grant| grant.scopes.contains(&wanted));
    match with_scope.count() {
        0 => (false, format!("no grant of {name} has the scope {wanted}")),
        some => (false, format!("{name} has {wanted} by {some} grants, but none reaches this")),
    }
}

/// Returns the groups of terms that a grant's connections are found by.
fn terms_of(grant: &Grant) -> Vec<Vec<Term>> {
    let mut groups = Vec::new();
    if let Workspaces::Named(names) = &grant.workspaces {
        groups.push(names.iter().map(|name| Field::Workspace.term(name.as_str())).collect());
    }
    if !grant.providers.is_empty() {
        groups.push(grant.providers.iter().map(|name| list::provider(name.as_str())).collect());
    }
    let label = |(key, value): (&ledger_domain::Line, &ledger_domain::Prose)| {
        vec![list::label(key.text(), value.text())]
    };
    groups.extend(grant.labels.iter().map(label));
    groups
}

/// Returns the scope that a word stands for: a scope itself, or what a verb takes first.
fn needed(what: &str) -> Result<Scope, Problem> {
    if let Ok(scope) = Scope::parse(what) {
        return Ok(scope);
    }
    Ok(match what {
        "get" | "list" | "watch" => Scope::Read,
        "history" => Scope::Audit,
        "rotate-secret" => Scope::Rotate,
        commands::REVEAL => Scope::Reveal,
        "create-workspace" | "replay" | "principals" => Scope::Administer,
        verb if commands::PRINCIPAL_VERBS.contains(&verb) => Scope::Administer,
        verb if commands::VERBS.contains(&verb) => Scope::Write,
        _ => {
            let problem =
                "must be a scope (read, write, rotate, reveal, audit, administer) or a verb";
            return Err(InvalidField::new("may", problem).into());
        }
    })
}
