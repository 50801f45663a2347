//! Why a command is not executed.

use std::sync::Arc;

use ledger_domain::principal::Scope;
use ledger_domain::{Rejection, Slug, WorkspaceName};
use ledger_store::AppendError;

use super::Fault;

/// Why a command was not executed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The rules of the domain say no.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The caller lacks a right.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such connection, or the caller may not know of it.
    #[error(transparent)]
    ConnectionUnknown(#[from] ConnectionUnknown),
    /// The command names a workspace that does not exist.
    #[error("there is no workspace {0}")]
    WorkspaceUnknown(WorkspaceName),
    /// The workspace to be made exists.
    #[error("the workspace exists already")]
    WorkspaceTaken,
    /// The command expects a version of a workspace that it is to make.
    #[error("a workspace that is to be made has no version")]
    WorkspaceVersion,
    /// Another active connection has the slug.
    #[error("the slug {0} is taken in this workspace")]
    SlugTaken(Slug),
    /// The command id was used for another command.
    #[error("the command id was used for another command")]
    CommandIdReused,
    /// The command came after its deadline.
    #[error(transparent)]
    DeadlineExpired(#[from] DeadlineExpired),
    /// The event would be larger than a record may be.
    #[error("the record would be too large")]
    RecordTooLarge,
    /// Reading secrets is not executed, and nothing else is revealed.
    #[error("the command is not one of this operation")]
    VerbUnknown,
    /// Too many commands wait.
    #[error("too many commands wait")]
    Busy,
    /// Nothing is written any more. Whether the command was, is not known.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The ledger failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A right that the caller lacks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Forbidden {
    /// What is asked takes a scope.
    #[error("this takes the scope `{0}` here, which the credential does not have")]
    Scope(Scope),
    /// The caller may do nothing at all in the workspace.
    #[error("the credential has no rights in this workspace")]
    Workspace,
    /// Only who administers a connection lets other workspaces use it.
    #[error(
        "to let other workspaces use a connection takes the scope `administer` here, which the \
         credential does not have"
    )]
    Sharing,
    /// The change would give the caller a scope.
    #[error(
        "by this change the credential would gain the scope `{0}` to the connection; that takes \
         somebody who has it"
    )]
    Gain(Scope),
}

/// A connection that is missing, or hidden from the caller. Both read the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionUnknown {
    /// It was named by its id.
    #[error("there is no such connection")]
    Id,
    /// It was named by its slug.
    #[error("there is no active connection {slug} in workspace {workspace}")]
    Slug {
        /// The slug.
        slug: Slug,
        /// Where it was looked for.
        workspace: WorkspaceName,
    },
}

/// The time after which a request must not run has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline has passed")]
pub struct DeadlineExpired;

/// Why nothing is written any more.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The engine is stopping.
    #[error("the ledger is stopping")]
    ShuttingDown,
    /// A write failed earlier.
    #[error("a write failed, and the log accepts no more until a restart")]
    Poisoned,
    /// The write that this belonged to failed.
    #[error("cannot write the log, which accepts no more until a restart")]
    WriteFailed(#[source] Arc<AppendError>),
}
