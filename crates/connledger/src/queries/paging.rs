//! Flags and messages of queries that are answered in pages.

use clap::Args;
use ledger_contract::queries::{PAGE_SIZE, PageQuery};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;
use crate::table::Table;

/// Flags that choose what part of the answer is fetched.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// Rows per page, at most 500
    #[arg(long, value_name = "ROWS")]
    pub(crate) page_size: Option<u32>,
    /// Cursor printed with the previous page
    #[arg(long)]
    pub(crate) cursor: Option<String>,
    /// Fetch every page; so does --json, unless a page is chosen
    #[arg(long)]
    all: bool,
}

impl PageArgs {
    /// Returns how far to go. A program would take the first page for all.
    pub(crate) fn extent(&self, out: Output) -> Extent {
        let for_program = out.is_json() && self.page_size.is_none() && self.cursor.is_none();
        Extent {
            all: self.all || for_program,
            page_size: self.page_size,
            left: self.page_size.unwrap_or(PAGE_SIZE),
        }
    }

    /// Returns the parameters of a query that is sorted by name.
    pub(crate) fn query(self) -> PageQuery {
        PageQuery { page_size: self.page_size, cursor: self.cursor }
    }
}

/// How far to go through an answer in pages: to its end, or to the end of one page, which the
/// ledger may cut into several because of its size in bytes.
#[derive(Debug)]
pub(crate) struct Extent {
    all: bool,
    page_size: Option<u32>,
    /// Rows that the one page may still have.
    left: u32,
}

impl Extent {
    /// Limits it to one page.
    pub(crate) fn of_one_page(self) -> Self {
        Self { all: false, ..self }
    }

    /// Takes note of the rows of an answer and of its cursor, and returns what to fetch next.
    pub(crate) fn next(
        &mut self,
        rows: usize,
        was_cut: bool,
        cursor: Option<&str>,
    ) -> Option<PageQuery> {
        self.left = self.left.saturating_sub(u32::try_from(rows).unwrap_or(u32::MAX));
        let page_size = match (self.all, self.left) {
            (true, _) => self.page_size,
            (false, left) if was_cut && left > 0 => Some(left),
            (false, _) => return None,
        };
        cursor.map(|cursor| PageQuery { page_size, cursor: Some(cursor.to_owned()) })
    }
}

/// Rows of an answer in pages: JSON objects at once, a table at the end, when its column widths are
/// known.
pub(crate) struct Listing {
    out: Output,
    table: Table,
    shown: u64,
}

impl Listing {
    pub(crate) fn new(out: Output, headings: &[&'static str]) -> Self {
        Self { out, table: Table::new(headings), shown: 0 }
    }

    /// Adds a row: as it is in JSON, or its cells in a table.
    pub(crate) fn add<const N: usize>(
        &mut self,
        row: &impl Serialize,
        cells: impl FnOnce() -> [String; N],
    ) -> Result<(), Failure> {
        self.shown += 1;
        if self.out.is_json() {
            return self.out.object(row);
        }
        self.table.row(cells());
        Ok(())
    }

    /// Writes the table, and says how much of the answer was shown and how to get the rest.
    pub(crate) fn finish(
        self,
        total: impl Into<Option<u64>>,
        next_cursor: Option<&str>,
    ) -> Result<(), Failure> {
        if !self.out.is_json() {
            self.out.table(&self.table)?;
        }
        say_shown(self.out, self.shown, total, next_cursor);
        Ok(())
    }
}

/// Says how much of the answer was shown, and how to get the rest.
pub(crate) fn say_shown(
    out: Output,
    shown: u64,
    total: impl Into<Option<u64>>,
    next_cursor: Option<&str>,
) {
    out.say(match total.into() {
        Some(total) => format!("{shown} of {total} shown"),
        None => format!("{shown} shown"),
    });
    if let Some(cursor) = next_cursor {
        out.hint(format!("for the next page: --cursor {cursor}; for all pages: --all"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the size of the page to fetch after an answer.
    #[expect(clippy::option_option, reason = "no page, and a page of any size")]
    fn next(extent: &mut Extent, rows: usize, was_cut: bool) -> Option<Option<u32>> {
        extent.next(rows, was_cut, Some("x")).map(|query| query.page_size)
    }

    #[test]
    fn a_page_that_was_cut_is_completed_and_no_other_is_fetched() {
        let args = PageArgs { page_size: Some(50), cursor: None, all: false };
        let mut extent = args.extent(Output::new(false));
        assert_eq!(next(&mut extent, 30, true), Some(Some(20)));
        assert_eq!(next(&mut extent, 0, true), Some(Some(20)), "a cut page may be empty");
        assert_eq!(next(&mut extent, 20, true), None);
        assert_eq!(next(&mut args.extent(Output::new(false)), 50, false), None);
        assert!(args.extent(Output::new(false)).next(30, true, None).is_none(), "the last page");
    }

    #[test]
    fn programs_get_all_pages_unless_they_choose_one() {
        let mut args = PageArgs { page_size: None, cursor: None, all: false };
        assert_eq!(next(&mut args.extent(Output::new(true)), 50, false), Some(None));
        assert_eq!(next(&mut args.extent(Output::new(true)).of_one_page(), 50, false), None);
        args.cursor = Some("x".to_owned());
        assert_eq!(next(&mut args.extent(Output::new(true)), 50, false), None);
    }
}
