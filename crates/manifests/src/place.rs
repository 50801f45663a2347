//! Places in files, and what is wrong there.

use std::fmt;
use std::sync::Arc;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name of the file, as people gave it.
    pub file: Arc<str>,
    /// The line, from 1; 0 if it is the file as a whole.
    pub line: u32,
    /// The column, from 1; 0 if it is the line as a whole.
    pub column: u32,
}

impl Place {
    /// Returns a file as a whole.
    pub fn file(name: &str) -> Self {
        Self { file: name.into(), line: 0, column: 0 }
    }

    /// Returns a line of a file as a whole.
    pub fn line(name: &str, line: usize) -> Self {
        Self { line: u32::try_from(line).unwrap_or(u32::MAX), ..Self::file(name) }
    }
}

/// As compilers write it: `fleet.yaml:12:5`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        for number in [self.line, self.column].into_iter().take_while(|number| *number > 0) {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}

/// What is wrong at a place. It never repeats a value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Complaint {
    /// Creates a complaint.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}
