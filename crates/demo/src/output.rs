//! The narration on standard output, other messages on standard error.

use std::fmt::Display;
use std::io::{self, Write as _};

use crate::error::DemoError;

/// Writes a line of the narration.
pub(crate) fn tell(text: impl Display) -> Result<(), DemoError> {
    // `println!` would panic on a closed pipe.
    writeln!(io::stdout().lock(), "{text}").map_err(DemoError::Output)
}

/// Writes a message to standard error. A closed standard error is ignored.
pub(crate) fn say(text: impl Display) {
    writeln!(io::stderr().lock(), "{text}").ok();
}
