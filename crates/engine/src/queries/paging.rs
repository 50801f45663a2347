//! Page sizes and cursors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_contract::queries::{PAGE_SIZE, PAGE_SIZE_MAX};
use ledger_domain::InvalidField;

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

/// Returns a cursor with its order and the key at which the page ended.
pub(crate) fn cursor(order: &str, place: &[u8]) -> String {
    let mut bytes = order.as_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(place);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the key in a cursor of the given order.
pub(crate) fn place(order: &str, cursor: &str) -> Result<Vec<u8>, QueryError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .as_deref()
        .and_then(|bytes| bytes.strip_prefix(order.as_bytes())?.strip_prefix(&[0]))
        .map(<[u8]>::to_vec)
        .ok_or(QueryError::CursorInvalid)
}

/// Returns the number in a cursor whose key is a number.
pub(crate) fn number(order: &str, cursor: &str) -> Result<u64, QueryError> {
    let bytes = place(order, cursor)?;
    let bytes = bytes.try_into().map_err(|_| QueryError::CursorInvalid)?;
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

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
