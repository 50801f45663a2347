//! Flags and messages of queries that are answered in pages.

use clap::Args;
use ledger_contract::queries::PageQuery;

use crate::output::say;

/// Flags that choose what part of the answer is fetched.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// Rows per page, at most 500
    #[arg(long, value_name = "ROWS")]
    pub(crate) page_size: Option<u32>,
    /// Cursor printed with the previous page
    #[arg(long)]
    pub(crate) cursor: Option<String>,
    /// Fetch every page
    #[arg(long)]
    pub(crate) all: bool,
}

impl PageArgs {
    /// Returns the parameters of a query that is sorted by name.
    pub(crate) fn query(self) -> PageQuery {
        PageQuery { page_size: self.page_size, cursor: self.cursor }
    }
}

/// Says how much of the answer was shown, and how to get the rest.
pub(crate) fn say_shown(shown: u64, total: u64, next_cursor: Option<&str>) {
    say(format!("{shown} of {total} shown"));
    if let Some(cursor) = next_cursor {
        say(format!("hint: for the next page: --cursor {cursor}; for all pages: --all"));
    }
}
