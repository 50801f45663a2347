//! Why descriptions could not be taken.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::limits::FILES;
use crate::rules::Fault;

/// A fault in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The file.
    pub path: PathBuf,
    /// Where in it, and what.
    pub fault: Fault,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fault)
    }
}

/// Why descriptions could not be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The folder cannot be read.
    #[error("cannot read the folder of providers {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There are too many files in the folder.
    #[error("{} has {files} files of providers, at most {FILES} are read", path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        files: usize,
    },
    /// Files break rules; there is one fault at least.
    #[error("{}", lines(.0))]
    Faults(Vec<FileFault>),
}

fn lines(faults: &[FileFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
