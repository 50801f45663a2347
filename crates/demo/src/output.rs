//! The story on standard output, remarks on standard error.

use std::fmt::Display;
use std::io::{self, Write as _};

use crate::error::DemoError;

/// Writes a line of the story.
pub(crate) fn tell(text: impl Display) -> Result<(), DemoError> {
    // `println!` would panic on a closed pipe.
    writeln!(io::stdout().lock(), "{text}").map_err(DemoError::Output)
}

/// Writes a remark. A closed standard error is nobody's loss.
pub(crate) fn say(text: impl Display) {
    writeln!(io::stderr().lock(), "{text}").ok();
}
