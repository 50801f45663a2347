//! Why a backup, a look at backups or a restore failed.

use std::io;

use ledger_contract::errors::{Code, Problem};
use ledger_engine::{Fault, OpenError, PortableError, RestoreError};

use crate::id::BackupId;
use crate::names;
use crate::target::{TargetError, TargetFault};

/// Why work on backups failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The target could not be used.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Another backup runs in this server.
    #[error("a backup is already running")]
    Running,
    /// The server stops.
    #[error("the server stops")]
    Stopped,
    /// The target has backups of another ledger.
    #[error("the target holds backups of another ledger, {found}, and this one is {own}")]
    Foreign {
        /// The ledger of the backups.
        found: String,
        /// The ledger to back up.
        own: String,
    },
    /// A newer program wrote the backup.
    #[error("the backup {backup} has form {form}, which is newer than this program")]
    Newer {
        /// The backup.
        backup: BackupId,
        /// Its form.
        form: u32,
    },
    /// An object is not as it was written, or is missing.
    #[error("{object} is damaged: {what}")]
    Damaged {
        /// The name of the object.
        object: String,
        /// What is wrong.
        what: String,
    },
    /// A manifest is not the ledger's own.
    #[error("{object} is damaged: {why}")]
    NotAuthentic {
        /// The name of the manifest.
        object: String,
        /// How that shows.
        why: &'static str,
    },
    /// There is no such backup.
    #[error("there is no backup {backup} at {target}")]
    Unknown {
        /// The backup.
        backup: BackupId,
        /// The target.
        target: String,
    },
    /// There is no backup, or none that is sound.
    #[error("there is no sound backup at {target}")]
    Nothing {
        /// The target.
        target: String,
    },
    /// The data directory could not be opened.
    #[error(transparent)]
    Open(OpenError),
    /// The ledger could not be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The ledger could not be written down.
    #[error(transparent)]
    Portable(#[from] PortableError),
    /// The lines of a backup could not be read or restored.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// A part of this program or of the machine failed.
    #[error("{what}: {source}")]
    Machine {
        /// What failed.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl BackupError {
    pub(crate) fn damaged(object: String, what: impl Into<String>) -> Self {
        Self::Damaged { object, what: what.into() }
    }

    pub(crate) fn not_authentic(backup: BackupId, why: &'static str) -> Self {
        Self::NotAuthentic { object: names::manifest(backup), why }
    }

    pub(crate) fn machine(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Machine { what, source }
    }

    /// Says what the failure to read an object of a manifest means: a missing one, or one of
    /// another size, is damage.
    pub(crate) fn of_part(name: &str, error: TargetError) -> Self {
        match error.fault {
            TargetFault::Missing => Self::damaged(name.to_owned(), "it is missing"),
            TargetFault::Size => Self::damaged(name.to_owned(), "it has another size"),
            _ => Self::Target(error),
        }
    }

    /// Returns the cause that a reader of this crate put into an error of a line reader, or the
    /// error itself.
    pub(crate) fn of_restore(error: RestoreError) -> Self {
        match error {
            RestoreError::Input(error) => match error.downcast::<Self>() {
                Ok(cause) => cause,
                Err(error) => Self::Restore(RestoreError::Input(error)),
            },
            other => Self::Restore(other),
        }
    }

    /// Says in which object a line is that cannot be taken.
    pub(crate) fn in_object(self, name: &str) -> Self {
        match self {
            Self::Restore(
                error @ (RestoreError::Input(_)
                | RestoreError::Foreign { .. }
                | RestoreError::Altered { .. }
                | RestoreError::OutOfPlace { .. }
                | RestoreError::LineCutOff { .. }
                | RestoreError::CutOff { .. }),
            ) => Self::damaged(name.to_owned(), error.to_string()),
            other => other,
        }
    }

    /// Returns whether a backup is unsound, and another may be looked at instead.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::NotAuthentic { .. })
    }
}

impl From<BackupError> for Problem {
    fn from(error: BackupError) -> Self {
        let code = match &error {
            BackupError::Target(error) => code_of(error.fault),
            BackupError::Running => Code::BackupRunning,
            BackupError::Stopped => Code::ShuttingDown,
            BackupError::Foreign { .. } => Code::BackupTargetForeign,
            BackupError::Newer { .. } => Code::BackupNewer,
            BackupError::Damaged { .. } | BackupError::NotAuthentic { .. } => Code::BackupDamaged,
            BackupError::Unknown { .. } | BackupError::Nothing { .. } => Code::BackupUnknown,
            BackupError::Open(_)
            | BackupError::Fault(_)
            | BackupError::Portable(_)
            | BackupError::Restore(_)
            | BackupError::Machine { .. } => Code::Internal,
        };
        match error {
            BackupError::Open(error) => error.into(),
            BackupError::Fault(fault) => fault.into(),
            BackupError::Portable(error) => error.into(),
            BackupError::Restore(error) => error.into(),
            BackupError::Machine { .. } => {
                Self { internal: Some(error.to_string().into()), ..Self::new(code) }
            }
            other => Self::because(code, other.to_string()),
        }
    }
}

fn code_of(fault: TargetFault) -> Code {
    match fault {
        TargetFault::Unavailable => Code::BackupTargetUnavailable,
        TargetFault::Slow => Code::BackupTargetSlow,
        TargetFault::ReadOnly => Code::BackupTargetReadOnly,
        TargetFault::Full => Code::BackupTargetFull,
        TargetFault::Refused => Code::BackupTargetRefused,
        TargetFault::Missing | TargetFault::Size => Code::BackupDamaged,
        TargetFault::Stopped => Code::ShuttingDown,
    }
}
