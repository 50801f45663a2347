//! Reads the ordinals and rows of a list in its order.

use ledger_domain::{Connection, ConnectionId, Position, WorkspaceName};
use ledger_store::tables::connections;
use ledger_store::tables::lists::{self, Order, Walk};
use ledger_store::{ReadError, Selection};

use super::Keep;
use crate::errors::{Fault, QueryError};
use crate::models::Models;
use crate::projections::list;

/// Reading a row costs about as much as reading this many entries of an order.
const ENTRIES_PER_ROW: u64 = 16;

/// The connections that match, and where they come from.
pub(super) struct Matches<'a> {
    /// Their ordinals.
    pub(super) selected: Selection,
    /// The workspace that was searched, or `None` for the whole ledger.
    pub(super) workspace: Option<&'a WorkspaceName>,
    /// The number of all connections there.
    pub(super) population: u64,
}

/// The ordinals of a page.
pub(super) struct PageRows {
    /// Each with its place in the order, if the page asks for places.
    pub(super) entries: Vec<(u32, Vec<u8>)>,
    /// Whether others follow.
    pub(super) more: bool,
}

/// The requested page.
pub(super) struct Page<'a> {
    pub(super) order: &'a str,
    pub(super) descending: bool,
    pub(super) size: usize,
    pub(super) skip: u64,
    pub(super) after: Option<Vec<u8>>,
    /// Whether places are needed; for lists without end they would only take memory.
    pub(super) places: bool,
}

impl Page<'_> {
    /// Returns the name of the order with its direction, as stored in cursors.
    pub(super) fn order_name(&self) -> String {
        format!("{}{}", self.order, if self.descending { "-" } else { "+" })
    }

    fn entry(&self, ordinal: u32, place: Vec<u8>) -> (u32, Vec<u8>) {
        (ordinal, if self.places { place } else { Vec::new() })
    }
}

impl Matches<'_> {
    /// Returns whether reading the rows of all matches is cheaper than reading `entries` of an
    /// order.
    fn rows_are_cheaper_than(&self, entries: u64) -> bool {
        self.selected.len().saturating_mul(ENTRIES_PER_ROW) < entries
    }

    /// Returns how many entries of an order are expected before a page is full.
    fn entries_expected(&self, page: &Page<'_>) -> u64 {
        let size = u64::try_from(page.size).unwrap_or(u64::MAX);
        let wanted = page.skip.saturating_add(size).saturating_add(1);
        let wanted = wanted.saturating_mul(self.population) / self.selected.len().max(1);
        wanted.min(self.population)
    }
}

impl Models {
    /// Returns the number of all connections.
    pub(super) fn population(&self) -> Result<u64, QueryError> {
        Ok(connections::next_ordinal(&self.store, &self.connections)?.into())
    }

    /// Returns the row of an ordinal that a list or an index names, and its size in bytes.
    pub(super) fn by_ordinal(&self, ordinal: u32) -> Result<(Connection, usize), QueryError> {
        let id = connections::by_ordinal(&self.store, &self.connections, ordinal)?;
        let row = match id {
            Some(id) => self.row(id)?,
            None => None,
        };
        row.map(|row| (row.connection, row.bytes)).ok_or_else(|| {
            let what =
                format!("the connection with ordinal {ordinal} is listed but does not exist");
            Fault::Damaged(what).into()
        })
    }

    /// Returns the same, or `None` for a row that something other than the ledger has changed. A
    /// list does without it, so that the others can be used.
    pub(crate) fn authentic(
        &self,
        ordinal: u32,
    ) -> Result<Option<(Connection, usize)>, QueryError> {
        match self.by_ordinal(ordinal) {
            Err(QueryError::Fault(Fault::Read(altered @ ReadError::Altered { .. }))) => {
                tracing::error!(error = %altered, "a connection is left out of a list");
                Ok(None)
            }
            row => row.map(Some),
        }
    }

    /// Keeps the connections whose slug or name contains any of `texts`.
    pub(super) fn keep_with_text(
        &self,
        matches: &mut Matches<'_>,
        texts: &[String],
    ) -> Result<(), QueryError> {
        let mut with_text = Selection::default();
        if matches.rows_are_cheaper_than(matches.population) {
            for ordinal in all(&matches.selected) {
                let row = self.authentic(ordinal)?;
                if row.is_none_or(|(row, _)| list::has_text(&row, texts)) {
                    with_text.insert(u64::from(ordinal));
                }
            }
        } else {
            for entry in lists::words(&self.store, self.lists.table(), matches.workspace) {
                let (ordinal, words) = entry?;
                let number = u64::from(ordinal);
                if matches.selected.contains(number) && list::words_have(&words, texts) {
                    with_text.insert(u64::from(ordinal));
                }
            }
        }
        matches.selected.intersect(&with_text);
        Ok(())
    }

    /// Returns the ordinals of the existing connections among `ids`.
    pub(super) fn with_ids(&self, ids: &[ConnectionId]) -> Result<Selection, QueryError> {
        let mut found = Selection::default();
        for id in ids {
            if let Some(row) = self.row(*id)? {
                found.insert(u64::from(row.ordinal));
            }
        }
        Ok(found)
    }

    pub(super) fn keep_rows(
        &self,
        selected: &mut Selection,
        keep: &Keep,
    ) -> Result<(), QueryError> {
        let mut kept = Selection::default();
        for ordinal in all(selected) {
            if self.authentic(ordinal)?.is_none_or(|(row, _)| keep(&row)) {
                kept.insert(u64::from(ordinal));
            }
        }
        *selected = kept;
        Ok(())
    }

    pub(super) fn find(
        &self,
        matches: &Matches<'_>,
        page: &Page<'_>,
    ) -> Result<PageRows, QueryError> {
        match page.order {
            "name" => self.in_order(matches, page, Order::Name),
            "updated" => self.in_order(matches, page, Order::Updated),
            _ => by_creation(&matches.selected, page),
        }
    }

    fn in_order(
        &self,
        matches: &Matches<'_>,
        page: &Page<'_>,
        order: Order,
    ) -> Result<PageRows, QueryError> {
        if matches.rows_are_cheaper_than(matches.entries_expected(page)) {
            return self.sorted(&matches.selected, page, order);
        }
        let mut skip = page.skip;
        let mut found = PageRows { entries: Vec::new(), more: false };
        let walk = Walk {
            order,
            workspace: matches.workspace,
            descending: page.descending,
            after: page.after.as_deref(),
        };
        for entry in walk.entries(&self.store, self.lists.table()) {
            let entry = entry?;
            if !matches.selected.contains(u64::from(entry.ordinal)) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if found.entries.len() == page.size {
                found.more = true;
                return Ok(found);
            }
            found.entries.push(page.entry(entry.ordinal, entry.place));
        }
        Ok(found)
    }

    /// Sorts a few rows by the places that a walk of the order would meet.
    fn sorted(
        &self,
        selected: &Selection,
        page: &Page<'_>,
        order: Order,
    ) -> Result<PageRows, QueryError> {
        let mut places = Vec::new();
        for ordinal in all(selected) {
            // What cannot be read comes first, in some place of its own.
            let place = match (self.authentic(ordinal)?, order) {
                (Some((row, _)), Order::Name) => list::name_place(ordinal, &row),
                (Some((row, _)), Order::Updated) => lists::updated_place(row.position).to_vec(),
                (None, Order::Name) => lists::name_place("", ordinal),
                (None, Order::Updated) => lists::updated_place(Position::ZERO).to_vec(),
            };
            places.push((place, ordinal));
        }
        places.sort_unstable();
        if page.descending {
            places.reverse();
        }
        if let Some(after) = &page.after {
            places.retain(|(place, _)| if page.descending { place < after } else { place > after });
        }
        let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
        let more = places.len() > skip.saturating_add(page.size);
        let shown = places.into_iter().skip(skip).take(page.size);
        let entries = shown.map(|(place, ordinal)| page.entry(ordinal, place)).collect();
        Ok(PageRows { entries, more })
    }
}

pub(crate) fn all(selected: &Selection) -> impl Iterator<Item = u32> {
    let most = usize::try_from(selected.len()).unwrap_or(usize::MAX);
    ordinals(selected.page(0, most, false))
}

fn ordinals(numbers: Vec<u64>) -> impl Iterator<Item = u32> {
    numbers.into_iter().filter_map(|number| u32::try_from(number).ok())
}

pub(super) fn by_creation(selected: &Selection, page: &Page<'_>) -> Result<PageRows, QueryError> {
    let before = match &page.after {
        None => 0,
        Some(place) => {
            let place: [u8; 8] =
                place.as_slice().try_into().map_err(|_| QueryError::CursorInvalid)?;
            let last = u64::from_be_bytes(place);
            if page.descending {
                selected.len() - selected.rank(last)
            } else {
                selected.rank(last.saturating_add(1))
            }
        }
    };
    let skip = before.saturating_add(page.skip);
    let numbers = selected.page(skip, page.size, page.descending);
    let shown = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    let more = skip.saturating_add(shown) < selected.len();
    let place = |ordinal: u32| u64::from(ordinal).to_be_bytes().to_vec();
    let entries = ordinals(numbers).map(|ordinal| page.entry(ordinal, place(ordinal))).collect();
    Ok(PageRows { entries, more })
}
