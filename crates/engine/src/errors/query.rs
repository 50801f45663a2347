//! Errors of queries.

use ledger_contract::{ResumePoint, time};
use ledger_domain::{FieldName, InvalidField, Micros, Version, WorkspaceName};
use ledger_store::ReadError;

use crate::shares::NoPlace;
use crate::transparency::LogFault;

use super::{AuthenticateError, ConnectionUnknown, DeadlineExpired, Fault, Forbidden, Unavailable};

/// Why a query was not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A field of the query breaks a rule.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
    /// The cursor is not one of this query and order.
    #[error("the cursor does not belong to this query")]
    CursorInvalid,
    /// The cursor comes from another history of the ledger; this one ends there.
    #[error("the cursor comes from another history than the one that ends at {0}")]
    HistoryChanged(ResumePoint),
    /// The credential has expired or been revoked since it was verified.
    #[error(transparent)]
    Credential(#[from] AuthenticateError),
    /// The caller lacks a right.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The caller knows the connection, but may not read it.
    #[error("the caller may not read this connection")]
    ReadForbidden,
    /// The connection does not exist, or the caller may not see it.
    #[error(transparent)]
    ConnectionUnknown(#[from] ConnectionUnknown),
    /// The connection has no such version.
    #[error("the connection has no such version; its latest is {latest}")]
    VersionUnknown {
        /// The latest version.
        latest: Version,
    },
    /// The connection was created after the moment that is asked about.
    #[error("the connection was created later, at {}", time::format(*created_at))]
    NotYet {
        /// When it was created.
        created_at: Micros,
    },
    /// The connection is erased, so that nothing is told of its earlier states.
    #[error("the connection is erased, and its earlier states with it")]
    Erased,
    /// The position is beyond the end of the log, which is there.
    #[error("the position is beyond the end of the log, which is at {0}")]
    PositionUnknown(ResumePoint),
    /// The connection has no such secret field.
    #[error("the connection has no secret field {0}")]
    SecretFieldUnknown(FieldName),
    /// The secret field never had this generation.
    #[error("the secret never had this generation")]
    GenerationUnknown,
    /// The workspace does not exist.
    #[error("there is no workspace {0}")]
    WorkspaceUnknown(WorkspaceName),
    /// The principal does not exist.
    #[error("there is no such principal")]
    PrincipalUnknown,
    /// There is no such event.
    #[error("there is no such event in the log")]
    EventUnknown,
    /// The log's tree does not answer.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// There is no such alert.
    #[error("there is no such alert")]
    AlertUnknown,
    /// The query needs a read model that is being rebuilt.
    #[error("{model} is being rebuilt; {done} of {total} events are done")]
    Rebuilding {
        /// The read model.
        model: &'static str,
        /// Events read so far.
        done: u64,
        /// Events to read.
        total: u64,
    },
    /// Too many queries that read much are waiting, in total or of this caller.
    #[error("too many queries are waiting")]
    Busy(NoPlace),
    /// The query was to be answered before.
    #[error(transparent)]
    DeadlineExpired(#[from] DeadlineExpired),
    /// The ledger has stopped answering.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The ledger failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<ReadError> for QueryError {
    fn from(error: ReadError) -> Self {
        Self::Fault(error.into())
    }
}
