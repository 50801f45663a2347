//! The leases on secrets that have not ended.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{LeaseView, LeasesPage, LeasesQuery, QueryName};
use ledger_contract::time;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{CheckedText as _, LeaseId, Micros};

use super::{Reader, paging};
use crate::errors::QueryError;
use crate::leases::LiveLease;

impl Reader<'_> {
    /// Returns a page of the leases that have not ended, and records that they were read. Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `connection_unknown`, `cursor_invalid`,
    /// `history_changed`.
    pub fn leases(&self, query: &LeasesQuery) -> Result<LeasesPage, QueryError> {
        let connection = if let Some(text) = &query.connection {
            let target = ConnectionRef::parse("connection", text)?;
            Some(self.audited(&target, QueryName::Leases)?.id)
        } else {
            let whole = self.workspace.map_or(Subject::Ledger, Subject::Workspace);
            self.caller.require(Scope::Audit, whole)?;
            self.note_reading(QueryName::Leases.as_str(), None);
            None
        };
        let size = paging::size(query.page_size)?;
        let cursors = paging::Cursors::new(self.engine, "leases");
        let after = query.cursor.as_ref().map(|cursor| after(cursors, cursor)).transpose()?;
        let now = self.engine.clock().now();
        let is_shown = |lease: &LiveLease| {
            // A connection that is shared with this workspace has its home elsewhere.
            (connection.is_some() || self.workspace.is_none_or(|name| *name == lease.workspace))
                && query.holder.as_ref().is_none_or(|holder| holder == lease.holder.as_str())
                && lease.until(now).is_some()
        };
        let live = &self.engine.shared.leases;
        let mut found = live.page(connection, after, size + 1, is_shown);
        let is_full = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| is_full);
        let next_cursor = last.map(|last| cursors.write(&last.id.to_bytes()));
        let leases = found.iter().filter_map(|lease| view(lease, now)).collect();
        Ok(LeasesPage { leases, next_cursor })
    }
}

fn after(cursors: paging::Cursors<'_>, cursor: &str) -> Result<LeaseId, QueryError> {
    let id = <[u8; 16]>::try_from(cursors.place(cursor)?);
    id.map(LeaseId::from_bytes).map_err(|_| QueryError::CursorInvalid)
}

fn view(lease: &LiveLease, now: Micros) -> Option<LeaseView> {
    let generations = lease.generations().into_iter();
    Some(LeaseView {
        lease: lease.id.to_string(),
        connection: lease.connection.to_string(),
        holder: lease.holder.as_str().to_owned(),
        generations: generations
            .map(|(field, generation)| (field.text().to_owned(), generation.get()))
            .collect(),
        taken_at: time::format(lease.taken_at),
        until: time::format(lease.until(now)?),
        reason: lease.reason.text().to_owned(),
        position: lease.position.get(),
    })
}
