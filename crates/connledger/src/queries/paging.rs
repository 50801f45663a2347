//! Flags and messages of queries that are answered in pages.

use clap::Args;
use ledger_contract::queries::PageQuery;
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
    /// Returns whether every page is to be fetched. A program would take the first page for all.
    pub(crate) fn wants_all(&self, out: Output) -> bool {
        self.all || (out.is_json() && self.page_size.is_none() && self.cursor.is_none())
    }

    /// Returns the parameters of a query that is sorted by name.
    pub(crate) fn query(self) -> PageQuery {
        PageQuery { page_size: self.page_size, cursor: self.cursor }
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
            self.table.lines().iter().try_for_each(|line| self.out.line(line))?;
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
