//! Errors of opening a ledger.

use ledger_store::UpgradeError;
use ledger_vault::OpenError as UnsealError;

use super::Fault;

/// Why a data directory was not opened as a ledger.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data directory cannot be used.
    #[error("cannot open the data directory")]
    DataDir(#[from] ledger_store::OpenError),
    /// A required part is missing.
    #[error("the ledger has no {0}")]
    Incomplete(String),
    /// An earlier version of the program wrote the directory, and it is to be read as it is.
    #[error(
        "an earlier version wrote this directory: its rows have no authentication codes, which the \
         next start adds"
    )]
    NotUpgraded,
    /// A newer version of the program wrote a read model.
    #[error("{name} has version {found}; this program knows versions up to {known}")]
    NewerModel {
        /// What it wrote.
        name: String,
        /// Its version.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// The disk has no room for an upgrade, and nothing was changed.
    #[error("an upgrade copies the log and needs {needed_bytes} free bytes; {free_bytes} are free")]
    NoRoom {
        /// Bytes that are free.
        free_bytes: u64,
        /// Bytes that must be free.
        needed_bytes: u64,
    },
    /// A master key is missing under which something is wrapped, or those given are another
    /// ledger's.
    #[error("the given master keys lack one that this ledger needs")]
    MasterKey(#[source] UnsealError),
    /// The directory is that of a node of a cluster.
    #[error(
        "this directory belongs to a node of a cluster, whose log it shares; serve it with \
         --cluster, or once with --leave-cluster to go on alone"
    )]
    InCluster,
    /// The ledger failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<UpgradeError> for OpenError {
    fn from(error: UpgradeError) -> Self {
        match error {
            UpgradeError::Open(error) => error.into(),
            UpgradeError::Read(error) => Fault::from(error).into(),
            UpgradeError::Append(error) => Fault::from(error).into(),
        }
    }
}
