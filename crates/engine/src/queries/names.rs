//! Workspaces and principals, in pages sorted by name.

use std::collections::BTreeSet;

use ledger_contract::queries::{
    BlockedTokensAnswer, PAGE_BYTES, PagePart, PageQuery, PrincipalPage, PrincipalView,
    PrincipalsQuery, QueryName, WorkspacePage, WorkspaceView,
};
use ledger_contract::records::decode_workspace_row;
use ledger_contract::{AsOf, time};
use ledger_domain::principal::{Scope, Subject, Workspaces};
use ledger_domain::{CheckedText, Principal, PrincipalName, WorkspaceName};
use ledger_store::tables::connections;

use super::as_of::{self, Then};
use super::{Reader, paging};
use crate::errors::{Fault, QueryError};

/// The names of the orders in cursors.
const WORKSPACES: &str = "workspaces";
const PRINCIPALS: &str = "principals";
const PRINCIPALS_AS_OF: &str = "principals_as_of";

/// A row of a page: its name, the row as it is shown, and its size in bytes.
type Row<V> = (String, V, usize);

impl Reader<'_> {
    /// Returns a page of the workspaces in which the caller has any right. Blocks.
    ///
    /// Errors: `field_invalid`, `cursor_invalid`, `history_changed`.
    pub fn workspaces(&self, query: &PageQuery) -> Result<WorkspacePage, QueryError> {
        let size = paging::size(query.page_size)?;
        let cursors = paging::Cursors::new(self.engine, WORKSPACES);
        let after = after(cursors, query.cursor.as_deref())?.map(WorkspaceName::stored);
        let (store, models) = (&self.engine.shared.store, self.engine.shared.models.load());
        let table = &models.connections;
        let next = |name: &str| cursors.write(name.as_bytes());
        let (mut workspaces, part) = match self.named_workspaces() {
            None => {
                let total = connections::count_workspaces(store, table)?;
                let rows = connections::workspaces(store, table, after.as_ref());
                fill(next, size, total, rows.map(|row| workspace(row?)))?
            }
            Some(names) => {
                let mut existing = Vec::new();
                for name in names {
                    if let Some(row) = connections::workspace(store, table, name)? {
                        existing.push((name.clone(), row.into_boxed_slice()));
                    }
                }
                let total = u64::try_from(existing.len()).unwrap_or(u64::MAX);
                existing.retain(|(name, _)| after.as_ref().is_none_or(|after| name > after));
                fill(next, size, total, existing.into_iter().map(workspace))?
            }
        };
        self.add_usage(&mut workspaces);
        Ok(WorkspacePage { workspaces, part })
    }

    /// Returns the first workspace that fits and in which the caller has any right. Blocks.
    pub fn find_workspace(
        &self,
        fits: impl Fn(&WorkspaceName) -> bool,
    ) -> Result<Option<WorkspaceName>, QueryError> {
        let (store, models) = (&self.engine.shared.store, self.engine.shared.models.load());
        for row in connections::workspaces(store, &models.connections, None) {
            let (name, _) = row?;
            if fits(&name) && self.caller.require_foothold(&name).is_ok() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Returns the names of the workspaces in which the caller may have rights, or `None` if they
    /// have rights in all.
    fn named_workspaces(&self) -> Option<BTreeSet<&WorkspaceName>> {
        let mut all = BTreeSet::new();
        for grant in self.caller.grants().iter().filter(|grant| !grant.scopes.is_empty()) {
            match &grant.workspaces {
                Workspaces::All => return None,
                Workspaces::Named(names) => all.extend(names),
            }
        }
        Some(all)
    }

    /// Returns a page of the principals that the caller administers.
    ///
    /// Errors: `forbidden`, `field_invalid`, `cursor_invalid`, `history_changed`.
    pub fn principals(&self, query: &PrincipalsQuery) -> Result<PrincipalPage, QueryError> {
        self.caller.require_principals()?;
        let size = paging::size(query.page_size)?;
        if let Some(as_of) = as_of::parse("as_of", query.as_of.as_deref())? {
            return self.principals_as_of(query, size, &as_of);
        }
        let cursors = paging::Cursors::new(self.engine, PRINCIPALS);
        let after = after(cursors, query.cursor.as_deref())?.map(PrincipalName::stored);
        let directory = &self.engine.shared.directory;
        let administered = |principal: &Principal| self.is_administered(principal);
        let (found, total) = directory.page(after.as_ref(), size + 1, administered);
        let rows = found.iter().map(|principal| Ok(sized(self.view(principal))));
        let next = |name: &str| cursors.write(name.as_bytes());
        let (principals, part) = fill(next, size, total, rows)?;
        Ok(PrincipalPage { principals, part })
    }

    /// Returns a page of them as they were at a moment, for a caller who may audit. The total
    /// counts those that were created until then.
    fn principals_as_of(
        &self,
        query: &PrincipalsQuery,
        size: usize,
        as_of: &AsOf,
    ) -> Result<PrincipalPage, QueryError> {
        let whole = self.workspace.map_or(Subject::Ledger, Subject::Workspace);
        self.caller.require(Scope::Audit, whole)?;
        self.note_reading(QueryName::Principals.as_str(), None);
        let cursors = paging::Cursors::new(self.engine, PRINCIPALS_AS_OF);
        let (then, after) = match &query.cursor {
            Some(cursor) => {
                let (then, name) = Then::of_cursor(cursors, cursor)?;
                (then, Some(PrincipalName::stored(name)))
            }
            None => (self.then("as_of", as_of)?, None),
        };
        let existed = |principal: &Principal| {
            self.is_administered(principal) && principal.created_at <= then.at
        };
        let directory = &self.engine.shared.directory;
        let (found, total) = directory.page(after.as_ref(), usize::MAX, existed);
        // Only those of the page are looked up.
        let rows = found.into_iter().filter_map(|principal| {
            let was = self.principal_as_of(principal, then.position).transpose()?;
            let was = was.map(|was| self.caller.administers(&was).then_some(was)).transpose()?;
            Some(was.map(|was| sized(PrincipalView::of(&was, then.at))).map_err(QueryError::from))
        });
        let next = |name: &str| then.cursor(cursors, name);
        let (principals, part) = fill(next, size, total, rows)?;
        Ok(PrincipalPage { principals, part })
    }

    fn is_administered(&self, principal: &Principal) -> bool {
        !principal.name.is_reserved() && self.caller.administers(principal)
    }

    /// Returns the blocked tokens. Errors: `forbidden`.
    pub fn blocked_tokens(&self) -> Result<BlockedTokensAnswer, QueryError> {
        self.caller.require(Scope::Administer, Subject::Ledger)?;
        let tokens = self.engine.shared.directory.principal(&PrincipalName::of_tokens());
        Ok(BlockedTokensAnswer::of(tokens.as_deref()))
    }

    fn view(&self, principal: &Principal) -> PrincipalView {
        let mut view = PrincipalView::of(principal, self.engine.clock().now());
        for (key, id) in view.keys.iter_mut().zip(principal.keys.keys()) {
            key.last_used_at = self.engine.shared.directory.uses.last(id).map(time::format);
        }
        view
    }
}

/// Returns the name at which the previous page ended.
fn after(
    cursors: paging::Cursors<'_>,
    cursor: Option<&str>,
) -> Result<Option<Box<str>>, QueryError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let name = String::from_utf8(cursors.place(cursor)?);
    name.map(|name| Some(name.into())).map_err(|_| QueryError::CursorInvalid)
}

/// Returns a row with its name and its size.
fn sized(view: PrincipalView) -> Row<PrincipalView> {
    let bytes = serde_json::to_vec(&view).map_or(0, |json| json.len());
    (view.principal.clone(), view, bytes)
}

fn workspace((name, row): (WorkspaceName, Box<[u8]>)) -> Result<Row<WorkspaceView>, QueryError> {
    let workspace = decode_workspace_row(&row)
        .map_err(|source| Fault::Row { of: format!("workspace {name}"), source })?;
    Ok((name.as_str().to_owned(), WorkspaceView::of(&workspace), row.len()))
}

/// Takes rows until the page is full. The cursor for what follows a row is made of its name.
fn fill<V>(
    next: impl Fn(&str) -> String,
    size: usize,
    total: u64,
    rows: impl Iterator<Item = Result<Row<V>, QueryError>>,
) -> Result<(Vec<V>, PagePart), QueryError> {
    let mut budget = paging::Budget::new(Some(PAGE_BYTES));
    let (mut shown, mut last, mut more) = (Vec::new(), None, false);
    for row in rows {
        let (name, view, bytes) = row?;
        more = shown.len() == size || !budget.takes(bytes);
        if more {
            break;
        }
        shown.push(view);
        last = Some(name);
    }
    let next_cursor = last.filter(|_| more).map(|name| next(&name));
    Ok((shown, PagePart { total, next_cursor, truncated: budget.is_spent() }))
}
