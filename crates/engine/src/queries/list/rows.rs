//! Reads the ordinals and rows of a list in its order.

use ledger_domain::{Connection, ConnectionId};
use ledger_store::Selection;
use ledger_store::tables::connections;
use ledger_store::tables::lists::{self, Order};

use super::Keep;
use crate::errors::{Fault, QueryError};
use crate::models::Models;
use crate::projections::list;

/// Up to this many matches are fetched and sorted; for more, the order is walked.
const SORTED_ROWS_MAX: u64 = 512;

/// The ordinals of a page and the start of the next one.
pub(super) struct PageRows {
    ordinals: Vec<u32>,
    pub(super) next: Option<Vec<u8>>,
}

/// The requested page.
pub(super) struct Page<'a> {
    pub(super) order: &'a str,
    pub(super) descending: bool,
    pub(super) size: usize,
    pub(super) skip: u64,
    pub(super) after: Option<Vec<u8>>,
}

impl Page<'_> {
    /// Returns the name of the order with its direction, as stored in cursors.
    pub(super) fn order_name(&self) -> String {
        format!("{}{}", self.order, if self.descending { "-" } else { "+" })
    }
}

impl Models {
    /// Returns every existing ordinal.
    pub(super) fn every(&self) -> Result<Selection, QueryError> {
        let next = connections::next_ordinal(&self.store, &self.connections)?;
        let mut all = Selection::default();
        for ordinal in 0..next {
            all.insert(u64::from(ordinal));
        }
        Ok(all)
    }

    fn by_ordinal(&self, ordinal: u32) -> Result<Connection, QueryError> {
        let id = connections::by_ordinal(&self.store, &self.connections, ordinal)?;
        let row = match id {
            Some(id) => self.row(id)?,
            None => None,
        };
        row.map(|row| row.connection).ok_or_else(|| {
            let what =
                format!("the connection with ordinal {ordinal} is listed but does not exist");
            Fault::Damaged(what).into()
        })
    }

    /// Keeps the connections whose slug or name contains `text`.
    pub(super) fn keep_with_text(
        &self,
        selected: &mut Selection,
        text: &str,
    ) -> Result<(), QueryError> {
        let mut with_text = Selection::default();
        if selected.len() <= SORTED_ROWS_MAX {
            for ordinal in all(selected) {
                if list::has_text(&self.by_ordinal(ordinal)?, text) {
                    with_text.insert(u64::from(ordinal));
                }
            }
        } else {
            let table = self.lists.table();
            for entry in lists::walk(&self.store, table, Order::Name, false, None) {
                let entry = entry?;
                if list::words_have(&entry.words, text) {
                    with_text.insert(u64::from(entry.ordinal));
                }
            }
        }
        selected.intersect(&with_text);
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
            if keep(&self.by_ordinal(ordinal)?) {
                kept.insert(u64::from(ordinal));
            }
        }
        *selected = kept;
        Ok(())
    }

    pub(super) fn rows(&self, found: &PageRows) -> Result<Vec<Connection>, QueryError> {
        found.ordinals.iter().map(|ordinal| self.by_ordinal(*ordinal)).collect()
    }

    pub(super) fn find(
        &self,
        selected: &Selection,
        page: &Page<'_>,
    ) -> Result<PageRows, QueryError> {
        match page.order {
            "name" => self.in_order(selected, page, Order::Name),
            "updated" => self.in_order(selected, page, Order::Updated),
            _ => by_creation(selected, page),
        }
    }

    fn in_order(
        &self,
        selected: &Selection,
        page: &Page<'_>,
        order: Order,
    ) -> Result<PageRows, QueryError> {
        if selected.len() <= SORTED_ROWS_MAX {
            return self.sorted(selected, page, order);
        }
        let mut skip = page.skip;
        let mut found = PageRows { ordinals: Vec::new(), next: None };
        let (table, after) = (self.lists.table(), page.after.as_deref());
        for entry in lists::walk(&self.store, table, order, page.descending, after) {
            let entry = entry?;
            if !selected.contains(u64::from(entry.ordinal)) {
                continue;
            }
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if found.ordinals.len() == page.size {
                return Ok(found);
            }
            found.ordinals.push(entry.ordinal);
            found.next = Some(entry.key.into_vec());
        }
        found.next = None;
        Ok(found)
    }

    /// Sorts a few rows by the keys that a walk of the order would use.
    fn sorted(
        &self,
        selected: &Selection,
        page: &Page<'_>,
        order: Order,
    ) -> Result<PageRows, QueryError> {
        let mut keys = Vec::new();
        for ordinal in all(selected) {
            let connection = self.by_ordinal(ordinal)?;
            let key = match order {
                Order::Name => list::name_key(ordinal, &connection),
                Order::Updated => lists::updated_key(connection.position).to_vec(),
            };
            keys.push((key, ordinal));
        }
        keys.sort_unstable();
        if page.descending {
            keys.reverse();
        }
        if let Some(after) = &page.after {
            keys.retain(|(key, _)| if page.descending { key < after } else { key > after });
        }
        let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
        let more = keys.len() > skip.saturating_add(page.size);
        let shown: Vec<_> = keys.into_iter().skip(skip).take(page.size).collect();
        let next = shown.last().filter(|_| more).map(|(key, _)| key.clone());
        Ok(PageRows { ordinals: shown.into_iter().map(|(_, ordinal)| ordinal).collect(), next })
    }
}

fn all(selected: &Selection) -> Vec<u32> {
    let most = usize::try_from(selected.len()).unwrap_or(usize::MAX);
    ordinals(selected.page(0, most, false))
}

fn ordinals(numbers: Vec<u64>) -> Vec<u32> {
    numbers.into_iter().filter_map(|number| u32::try_from(number).ok()).collect()
}

fn by_creation(selected: &Selection, page: &Page<'_>) -> Result<PageRows, QueryError> {
    let skip = match &page.after {
        None => page.skip,
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
    let numbers = selected.page(skip, page.size, page.descending);
    let shown = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    let more = skip.saturating_add(shown) < selected.len();
    let next = numbers.last().filter(|_| more).map(|last| last.to_be_bytes().to_vec());
    Ok(PageRows { ordinals: ordinals(numbers), next })
}
