//! Page sizes and cursors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_contract::ResumePoint;
use ledger_contract::queries::{PAGE_SIZE, PAGE_SIZE_MAX};
use ledger_domain::{Incarnation, InvalidField, Position};

use crate::engine::Engine;
use crate::errors::QueryError;

/// Checks a page size.
pub(crate) fn size(asked: Option<u32>) -> Result<usize, InvalidField> {
    match asked.unwrap_or(PAGE_SIZE) {
        size @ 1..=PAGE_SIZE_MAX => Ok(usize::try_from(size).unwrap_or(usize::MAX)),
        _ => Err(InvalidField::new("page_size", "must be 1 to 500")),
    }
}

/// Bytes of rows that a page may have. It always takes one row.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
    empty: bool,
    spent: bool,
}

impl Budget {
    /// Returns a budget, without a limit if there is none.
    pub(crate) fn new(bytes: Option<usize>) -> Self {
        Self { left: bytes.unwrap_or(usize::MAX), empty: true, spent: false }
    }

    /// Returns whether the page takes a row of this size. If not, it ends before it.
    pub(crate) fn takes(&mut self, bytes: usize) -> bool {
        self.spent = bytes > self.left && !self.empty;
        self.left = self.left.saturating_sub(bytes);
        self.empty = false;
        !self.spent
    }

    /// Returns whether the page ended because of its size.
    pub(crate) fn is_spent(&self) -> bool {
        self.spent
    }
}

/// The cursors of one order of rows. A cursor has the history from which its page came, because
/// the rows of another one may stand elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursors<'a> {
    order: &'a str,
    incarnation: Incarnation,
    end: ResumePoint,
}

impl<'a> Cursors<'a> {
    /// Returns the cursors of an order in the history of this ledger.
    pub(crate) fn new(engine: &Engine, order: &'a str) -> Self {
        Self { order, incarnation: engine.identity().incarnation, end: engine.end() }
    }

    /// Returns a cursor with the key at which a page ended.
    pub(crate) fn write(self, place: &[u8]) -> String {
        let incarnation = self.incarnation.to_bytes();
        URL_SAFE_NO_PAD.encode([&self.head()[..], &incarnation, place].concat())
    }

    /// Returns the key in a cursor.
    ///
    /// Errors: `cursor_invalid`, `history_changed`.
    pub(crate) fn place(self, cursor: &str) -> Result<Vec<u8>, QueryError> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| QueryError::CursorInvalid)?;
        let rest = bytes.strip_prefix(&self.head()[..]).and_then(<[u8]>::split_first_chunk::<16>);
        match rest {
            None => Err(QueryError::CursorInvalid),
            Some((incarnation, place)) if *incarnation == self.incarnation.to_bytes() => {
                Ok(place.to_vec())
            }
            Some(_) => Err(QueryError::HistoryChanged(self.end)),
        }
    }

    /// Returns a cursor with a position that all pages share, and the key at which a page ended.
    pub(crate) fn write_at(self, position: Position, place: &[u8]) -> String {
        self.write(&[&position.get().to_be_bytes()[..], place].concat())
    }

    /// Returns the position and the key in a cursor that has both.
    ///
    /// Errors: as [`Self::place`].
    pub(crate) fn place_at(self, cursor: &str) -> Result<(Position, Vec<u8>), QueryError> {
        let bytes = self.place(cursor)?;
        let (position, place) = bytes.split_first_chunk().ok_or(QueryError::CursorInvalid)?;
        Ok((Position::new(u64::from_be_bytes(*position)), place.to_vec()))
    }

    /// Returns the number in a cursor whose key is a number.
    pub(crate) fn number(self, cursor: &str) -> Result<u64, QueryError> {
        let bytes = self.place(cursor)?;
        let bytes = bytes.try_into().map_err(|_| QueryError::CursorInvalid)?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// Returns the order and its end.
    fn head(self) -> Vec<u8> {
        [self.order.as_bytes(), &[0]].concat()
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::errors::Code;

    use super::*;

    fn cursors(order: &str, history: u8) -> Cursors<'_> {
        let incarnation = Incarnation::from_bytes([history; 16]);
        let end = ResumePoint::new(Position::new(7), incarnation);
        Cursors { order, incarnation, end }
    }

    #[test]
    fn a_cursor_belongs_to_its_order_and_its_history() {
        let cursor = cursors("history-", 1).write(&9_u64.to_be_bytes());
        assert_eq!(cursors("history-", 1).number(&cursor).unwrap(), 9);
        let refused = |order, history, cursor: &str| {
            cursors(order, history).number(cursor).unwrap_err().code()
        };
        assert_eq!(refused("history-", 2, &cursor), Code::HistoryChanged);
        assert_eq!(refused("history+", 1, &cursor), Code::CursorInvalid);
        assert_eq!(refused("history", 1, &cursor), Code::CursorInvalid);
        let short = URL_SAFE_NO_PAD.encode(b"history-\0too short");
        assert_eq!(refused("history-", 1, &short), Code::CursorInvalid);
        assert_eq!(refused("history-", 1, "???"), Code::CursorInvalid);
    }

    #[test]
    fn a_page_takes_one_row_of_any_size_and_then_what_fits() {
        let mut budget = Budget::new(Some(10));
        assert!(budget.takes(4) && budget.takes(6) && !budget.is_spent());
        assert!(!budget.takes(1) && budget.is_spent());
        let mut budget = Budget::new(Some(10));
        assert!(budget.takes(11) && !budget.is_spent());
        assert!(!budget.takes(1) && budget.is_spent());
        let mut unlimited = Budget::new(None);
        assert!(unlimited.takes(usize::MAX) && unlimited.takes(0));
    }
}
