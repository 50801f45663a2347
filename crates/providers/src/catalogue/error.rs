//! Errors in descriptions.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::limits::FILES;
use crate::rules::Fault;

/// A fault in a description file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// The file.
    pub path: PathBuf,
    /// The fault, with its place in the file.
    pub fault: Fault,
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fault)
    }
}

/// Errors in descriptions.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// The folder cannot be read.
    #[error("cannot read the provider folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The folder contains too many files.
    #[error("{} contains {files} provider files, at most {FILES} are allowed", path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
        /// Number of files.
        files: usize,
    },
    /// Files break rules. There is at least one fault.
    #[error("{}", lines(.0))]
    Faults(Vec<FileFault>),
}

fn lines(faults: &[FileFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
