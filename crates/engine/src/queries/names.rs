//! Workspaces and principals, in pages sorted by name.

use std::collections::BTreeSet;
use std::sync::Arc;

use ledger_contract::queries::{
    BlockedTokensAnswer, PAGE_BYTES, PagePart, PageQuery, PrincipalPage, PrincipalView,
    PrincipalsQuery, WorkspacePage, WorkspaceView,
};
use ledger_contract::records::decode_workspace_row;
use ledger_contract::time;
use ledger_domain::principal::{Scope, Subject, Workspaces};
use ledger_domain::{CheckedText, Principal, PrincipalName, WorkspaceName};
use ledger_store::tables::connections;

use super::as_of::{self, Then};
use super::{Reader, paging};
use crate::errors::{Fault, QueryError};

/// The names of the two orders in cursors.
const WORKSPACES: &str = "workspaces";
const PRINCIPALS: &str = "principals";

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
        let (mut workspaces, part) = match self.named_workspaces() {
            None => {
                let total = connections::count_workspaces(store, table)?;
                let rows = connections::workspaces(store, table, after.as_ref());
                fill(cursors, size, total, rows.map(|row| workspace(row?)))?
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
                fill(cursors, size, total, existing.into_iter().map(workspace))?
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
        let then = as_of::parse("as_of", query.as_of.as_deref())?;
        let then = then.map(|as_of| self.then("as_of", &as_of)).transpose()?;
        let cursors = paging::Cursors::new(self.engine, PRINCIPALS);
        let after = after(cursors, query.cursor.as_deref())?.map(PrincipalName::stored);
        let administered = |principal: &Principal| {
            !principal.name.is_reserved()
                && self.caller.administers(principal)
                && then.is_none_or(|then| principal.created_at <= then.at)
        };
        let directory = &self.engine.shared.directory;
        let (found, total) = directory.page(after.as_ref(), size + 1, administered);
        let rows = found.iter().filter_map(|principal| {
            let view = match then {
                Some(then) => self.view_as_of(principal, then).transpose()?,
                None => Ok(self.view(principal)),
            };
            Some(view.map(|view| {
                let bytes = serde_json::to_vec(&view).map_or(0, |json| json.len());
                (principal.name.as_str().to_owned(), view, bytes)
            }))
        });
        let (principals, part) = fill(cursors, size, total, rows)?;
        Ok(PrincipalPage { principals, part })
    }

    /// Returns the blocked tokens. Errors: `forbidden`.
    pub fn blocked_tokens(&self) -> Result<BlockedTokensAnswer, QueryError> {
        self.caller.require(Scope::Administer, Subject::Ledger)?;
        let tokens = self.engine.shared.directory.principal(&PrincipalName::of_tokens());
        Ok(BlockedTokensAnswer::of(tokens.as_deref()))
    }

    /// Returns a principal as it was at a moment, if it existed.
    fn view_as_of(
        &self,
        principal: &Arc<Principal>,
        then: Then,
    ) -> Result<Option<PrincipalView>, QueryError> {
        let was = self.principal_as_of(principal.clone(), then.position)?;
        Ok(was.map(|was| PrincipalView::of(&was, then.at)))
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
pub(super) fn after(
    cursors: paging::Cursors<'_>,
    cursor: Option<&str>,
) -> Result<Option<Box<str>>, QueryError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let name = String::from_utf8(cursors.place(cursor)?);
    name.map(|name| Some(name.into())).map_err(|_| QueryError::CursorInvalid)
}

fn workspace((name, row): (WorkspaceName, Box<[u8]>)) -> Result<Row<WorkspaceView>, QueryError> {
    let workspace = decode_workspace_row(&row)
        .map_err(|source| Fault::Row { of: format!("workspace {name}"), source })?;
    Ok((name.as_str().to_owned(), WorkspaceView::of(&workspace), row.len()))
}

/// Takes rows until the page is full.
fn fill<V>(
    cursors: paging::Cursors<'_>,
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
    let next_cursor = last.filter(|_| more).map(|name| cursors.write(name.as_bytes()));
    Ok((shown, PagePart { total, next_cursor, truncated: budget.is_spent() }))
}
