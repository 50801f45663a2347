//! Entries of the audit journal, by any combination of filters.

use std::net::IpAddr;

use ledger_contract::journal::{self, JournalEntry};
use ledger_contract::queries::{AuditPage, AuditQuery, PAGE_BYTES, QueryName};
use ledger_contract::time;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{InvalidField, Micros, WorkspaceName};
use ledger_store::tables::journal as rows;
use serde_json::value::{RawValue, to_raw_value};

use super::{Reader, paging};
use crate::errors::{Fault, QueryError};
use crate::journal::Attempt;

/// Entries that are looked through for one page.
const LOOKED_THROUGH_MAX: usize = 20_000;

impl Reader<'_> {
    /// Returns a page of the entries that match every filter, and records that they were read.
    /// Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `cursor_invalid`, `history_changed`.
    pub fn audit(&self, query: &AuditQuery) -> Result<AuditPage, QueryError> {
        let whole = self.workspace.map_or(Subject::Ledger, Subject::Workspace);
        self.caller.require(Scope::Audit, whole)?;
        let filter = Filter::of(query, self.workspace)?;
        let size = paging::size(query.page_size)?;
        let order = if query.oldest_first { "audit+" } else { "audit-" };
        let cursors = paging::Cursors::new(self.engine, order);
        let after = query.cursor.as_ref().map(|cursor| cursors.number(cursor)).transpose()?;
        let shared = &self.engine.shared;
        shared.journal.store_all(&shared.store, self.engine.clock().now())?;
        let page = self.entries(&filter, size, cursors, after)?;
        self.note_reading(QueryName::Audit.as_str(), None);
        Ok(page)
    }

    fn entries(
        &self,
        filter: &Filter<'_>,
        size: usize,
        cursors: paging::Cursors<'_>,
        after: Option<u64>,
    ) -> Result<AuditPage, QueryError> {
        let store = &self.engine.shared.store;
        let found: Box<dyn Iterator<Item = _>> = if filter.query.oldest_first {
            Box::new(rows::scan(store, after.map_or(0, |last| last.saturating_add(1))))
        } else {
            Box::new(rows::scan_back(store, after.map_or(u64::MAX, |last| last.saturating_sub(1))))
        };
        let mut budget = paging::Budget::new(Some(PAGE_BYTES));
        let (mut entries, mut last): (Vec<Box<RawValue>>, _) = (Vec::new(), None);
        for (looked_through, row) in found.enumerate() {
            let (number, row) = row?;
            let entry: JournalEntry = serde_json::from_slice(&row)
                .map_err(|_| Fault::Damaged(format!("entry {number} of the audit journal")))?;
            let matches = filter.matches(&entry)?;
            let is_full = entries.len() == size || looked_through == LOOKED_THROUGH_MAX;
            if is_full || (matches && !budget.takes(row.len())) {
                let truncated = entries.len() < size;
                let next_cursor = last.map(|last: u64| cursors.write(&last.to_be_bytes()));
                return Ok(AuditPage { entries, next_cursor, truncated });
            }
            if matches {
                entries.push(to_raw_value(&entry).expect("an entry has a JSON form"));
            }
            last = Some(number);
        }
        Ok(AuditPage { entries, next_cursor: None, truncated: false })
    }

    /// Records that the caller reads the history here.
    pub(super) fn note_reading(&self, operation: &'static str, connection: Option<&str>) {
        let attempt = Attempt::of(&self.caller, operation).in_workspace(self.workspace.cloned());
        self.engine.note_reading(&attempt.on_id(connection));
    }
}

/// What entries are wanted.
struct Filter<'a> {
    query: &'a AuditQuery,
    workspace: Option<&'a WorkspaceName>,
    address: Option<IpAddr>,
    from: Option<Micros>,
    until: Option<Micros>,
}

impl<'a> Filter<'a> {
    fn of(
        query: &'a AuditQuery,
        workspace: Option<&'a WorkspaceName>,
    ) -> Result<Self, InvalidField> {
        let kinds = journal::kinds();
        if let Some(unknown) = query.kind.iter().find(|kind| !kinds.contains(&kind.as_str())) {
            let problem = format!("must be an error code or `reading`, not {unknown:?}");
            return Err(InvalidField::new("kind", problem));
        }
        let address = query.address.as_deref().map(str::parse).transpose();
        let address = address.map_err(|_| InvalidField::new("address", "must be an IP address"))?;
        let at = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| time::parse(name, text)).transpose()
        };
        let (from, until) = (at("from", &query.from)?, at("until", &query.until)?);
        Ok(Self { query, workspace, address, from, until })
    }

    fn matches(&self, entry: &JournalEntry) -> Result<bool, Fault> {
        let Self { query, workspace, address, from, until } = self;
        let is =
            |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let workspace = workspace.map(WorkspaceName::as_str);
        let named = (query.kind.is_empty() || query.kind.contains(&entry.kind))
            && is(&query.actor, &entry.actor)
            && is(&query.key, &entry.key)
            && is(&query.operation, &entry.operation)
            && (workspace.is_none() || workspace == entry.workspace.as_deref())
            && (address.is_none() || *address == entry.address);
        if !named || (from.is_none() && until.is_none()) {
            return Ok(named);
        }
        let damaged = |_| Fault::Damaged(format!("entry {} of the audit journal", entry.entry));
        let first = time::parse("first_at", &entry.first_at).map_err(damaged)?;
        let last = time::parse("last_at", &entry.last_at).map_err(damaged)?;
        Ok(from.is_none_or(|from| last >= from) && until.is_none_or(|until| first < until))
    }
}
