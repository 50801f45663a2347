//! Events of the ledger in forms that other systems read, and their delivery there: to files, over
//! HTTP, and to syslog.
//!
//! Start with [`Destination`]. It is given events in their order, page by page; how far it came is
//! kept in a [`Cursor`], so that a forwarder that was stopped or killed goes on there.
//!
//! # Invariants
//!
//! - A cursor moves only after the destination took a page, so that nothing is missed, and what
//!   repeats after a kill is at most one page
//!   (test: `a_killed_forwarder_misses_nothing_and_repeats_at_most_a_page`). Syslog does not say
//!   what it took: there, what was written to a receiver that died may be lost with this process.
//! - A file of another program is never cut (test: `a_file_of_another_program_is_left_as_it_is`).
//! - Two forwarders never share a cursor (test: `a_cursor_has_one_user`).
//! - A cell of a table never begins a formula (test: `no_cell_begins_a_formula`).

mod cursor;
mod destination;
mod event;
mod format;

pub use cursor::{Cursor, CursorError};
pub use destination::{
    Authorization, Destination, DestinationOptions, ForwardError, Rotation, Target, TargetError,
};
pub use event::{Event, EventError};
pub use format::{Format, Source};
