//! The connections that differ between two moments.
//!
//! Whatever differs has changed after the first moment, so the order of last changes names all that
//! can. It is walked from the first moment on; a connection that changes meanwhile moves on and is
//! met later.

use ledger_contract::errors::Code;
use ledger_contract::queries::{
    ChangesPage, ChangesQuery, ConnectionChange, PAGE_BYTES, QueryName,
};
use ledger_contract::{AsOf, ResumePoint, time};
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{Connection, InvalidField, Lifecycle, Position};
use ledger_store::tables::lists::{self, Order, Walk};

use super::diff::differing;
use super::{Reader, paging};
use crate::errors::QueryError;

/// The order of the cursors.
const ORDER: &str = "changes";
/// Connections that are looked at for one page.
const LOOKED_AT_MAX: usize = 2_048;

/// Which connections to walk through.
pub(super) struct Since<'a> {
    /// The position after which they changed last.
    pub(super) position: Position,
    /// The place at which the former page ended.
    pub(super) after: Option<&'a [u8]>,
}

/// A page of what was made of connections that changed.
pub(super) struct Walked<T> {
    pub(super) rows: Vec<T>,
    /// The place at which the page ended, if others follow.
    pub(super) next: Option<Vec<u8>>,
    pub(super) truncated: bool,
    /// The number of connections that are left out because something other than the ledger changed
    /// their rows.
    pub(super) altered: u64,
}

impl Reader<'_> {
    /// Returns a page of the connections that differ between two moments. Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `cursor_invalid`, `history_changed`,
    /// `position_unknown`, `rebuilding`.
    pub fn changes(&self, query: &ChangesQuery) -> Result<ChangesPage, QueryError> {
        self.require_audit(QueryName::Changes)?;
        let size = paging::size(query.page_size)?;
        let (from, to, after) = self.span(query)?;
        let walked =
            self.walk(size, &Since { position: from, after: after.as_deref() }, |now| {
                self.change(&now, from, to)
            })?;
        let cursors = paging::Cursors::new(self.engine, ORDER);
        let next =
            |place| cursors.write_at(from, &[to.get().to_be_bytes().to_vec(), place].concat());
        let own = |position| ResumePoint::new(position, self.engine.identity().incarnation);
        Ok(ChangesPage {
            connections: walked.rows,
            from: own(from),
            to: own(to),
            next_cursor: walked.next.map(next),
            truncated: walked.truncated,
            altered: walked.altered,
        })
    }

    /// Rejects callers who may not see the history of the workspace, or of the ledger, and records
    /// that the query read it.
    pub(super) fn require_audit(&self, query: QueryName) -> Result<(), QueryError> {
        let whole = self.workspace.map_or(Subject::Ledger, Subject::Workspace);
        self.caller.require(Scope::Audit, whole)?;
        if !self.reads_some() {
            self.caller.require(Scope::Read, whole)?;
        }
        self.engine.shared.rebuilding.expect_complete(lists::MODEL)?;
        self.note_reading(query.as_str(), None);
        Ok(())
    }

    /// Returns both positions, and the place at which the former page ended.
    fn span(
        &self,
        query: &ChangesQuery,
    ) -> Result<(Position, Position, Option<Vec<u8>>), QueryError> {
        if let Some(cursor) = &query.cursor {
            let (from, rest) = paging::Cursors::new(self.engine, ORDER).place_at(cursor)?;
            let (to, place) = rest.split_first_chunk().ok_or(QueryError::CursorInvalid)?;
            let to = Position::new(u64::from_be_bytes(*to));
            return Ok((from, to, Some(place.to_vec())));
        }
        let position = |field, text: &str| -> Result<Position, QueryError> {
            Ok(self.then(field, &AsOf::parse(field, text)?)?.position)
        };
        let from = position("from", &query.from)?;
        let to = match &query.to {
            Some(text) => position("to", text)?,
            None => self.engine.head(),
        };
        if to < from {
            return Err(InvalidField::new("to", "is before from").into());
        }
        Ok((from, to, None))
    }

    /// Walks through the home connections that changed after a position, in the order of their last
    /// change, until `size` rows are made of them.
    pub(super) fn walk<T: serde::Serialize>(
        &self,
        size: usize,
        since: &Since<'_>,
        mut row: impl FnMut(Connection) -> Result<Option<T>, QueryError>,
    ) -> Result<Walked<T>, QueryError> {
        let models = self.engine.shared.models.load();
        let first = lists::updated_place(since.position);
        let walk = Walk {
            order: Order::Updated,
            workspace: self.workspace,
            descending: false,
            after: Some(since.after.unwrap_or(&first)),
        };
        let mut budget = paging::Budget::new(Some(PAGE_BYTES));
        let mut walked = Walked { rows: Vec::new(), next: None, truncated: false, altered: 0 };
        let (mut last, mut looked_at) = (None, 0);
        for entry in walk.entries(&models.store, models.lists.table()) {
            let entry = entry?;
            let is_over = looked_at == LOOKED_AT_MAX;
            if is_over || walked.rows.len() == size {
                (walked.next, walked.truncated) = (last, is_over);
                break;
            }
            looked_at += 1;
            let found = models.authentic(entry.ordinal)?.map(|(now, _)| now);
            walked.altered += u64::from(found.is_none());
            let here = |now: &Connection| self.is_home(now);
            if let Some(now) = found.filter(here)
                && let Some(row) = row(now)?
            {
                let bytes = serde_json::to_vec(&row).map_or(0, |json| json.len());
                if !budget.takes(bytes) {
                    (walked.next, walked.truncated) = (last, true);
                    break;
                }
                walked.rows.push(row);
            }
            last = Some(entry.place);
        }
        self.note_altered(walked.altered);
        Ok(walked)
    }

    /// Counts rows that something other than the ledger changed.
    pub(super) fn note_altered(&self, rows: u64) {
        if rows > 0 {
            self.engine.count_refusal(Code::RecordAltered);
        }
    }

    /// Returns whether a connection belongs to the workspace of the queries, and is not only shared
    /// with it, and the caller may read it.
    pub(super) fn is_home(&self, connection: &Connection) -> bool {
        let is_here = self.workspace.is_none_or(|name| connection.workspace == *name);
        is_here && self.caller.may_with(Scope::Read, connection)
    }

    /// Returns how a connection differs between two positions, if it does.
    fn change(
        &self,
        now: &Connection,
        from: Position,
        to: Position,
    ) -> Result<Option<ConnectionChange>, QueryError> {
        let (first, second) = (self.version_at(now, from)?, self.version_at(now, to)?);
        if first == second {
            return Ok(None);
        }
        let told = |change: &str, state: &Connection, fields| ConnectionChange {
            connection: state.id.to_string(),
            workspace: state.workspace.as_str().to_owned(),
            slug: state.slug.to_string(),
            change: change.to_owned(),
            from_version: first.get(),
            to_version: second.get(),
            fields,
            updated_at: time::format(state.updated_at),
            updated_by: state.updated_by.as_str().to_owned(),
        };
        if now.lifecycle.is_erased() {
            return Ok(Some(told("erased", now, Vec::new())));
        }
        let before = self.state_of(now, first)?;
        let Some(after) = self.state_of(now, second)? else { return Ok(None) };
        let Some(before) = before else { return Ok(Some(told("created", &after, Vec::new()))) };
        let change = match (before.lifecycle, after.lifecycle) {
            (Lifecycle::Active, Lifecycle::Archived { .. }) => "archived",
            (Lifecycle::Archived { .. }, Lifecycle::Active) => "restored",
            _ => "changed",
        };
        let fields = differing(Some(&before), Some(&after))?.names();
        Ok(Some(told(change, &after, fields)))
    }
}
