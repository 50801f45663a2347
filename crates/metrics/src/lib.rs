//! What a server counts and measures of itself, and the page on which Prometheus reads it.
//!
//! [`table`] lists every metric: its name, kind, labels and meaning. [`Counters`] are what the path
//! of commands counts with: atomics that are found by an index, without a lock or a hash. All else
//! is asked when a page is made: each part of the server that has something to tell implements
//! [`Measure`] and is added to [`Metrics`].
//!
//! Not here: what the numbers mean for the ledger (`ledger-engine`), and the route that serves the
//! page (`ledger-http`).
//!
//! Read first: [`table::ALL`], [`Metrics`], [`Page`].
//!
//! # Invariants
//!
//! - A page has no metric that is not in the table
//!   (test: `the_page_is_one_that_prometheus_takes_and_has_what_the_table_says`), and the handbook
//!   has all of them (test: `the_page_of_the_handbook_is_that_of_the_table`).
//! - A page does not grow with workspaces or connections
//!   (test: `a_page_is_as_long_with_many_workspaces`).

mod counters;
pub mod handbook;
mod metrics;
mod page;
mod process;
pub mod table;

pub use counters::{CommandOutcome, Counters, Refresh};
pub use metrics::{Measure, Metrics};
pub use page::{CONTENT_TYPE, Page};
pub use table::{Kind, Metric};
