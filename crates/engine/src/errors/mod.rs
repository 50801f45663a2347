//! Errors of the engine, one enum for each family of operations.
//!
//! A *rejection* is a correct refusal, on which the caller can act. A [`Fault`] is a failure of the
//! ledger, on which the operator can act. `problem.rs` converts each of them to the `Problem` that
//! callers receive, and `log.rs` logs the fault behind one.

mod authenticate;
mod execute;
mod fault;
mod log;
mod open;
mod portable;
mod problem;
mod query;
mod replay;
mod sealed;

pub use authenticate::{AuthenticateError, LiveCallerError};
pub use execute::{
    ConnectionUnknown, DeadlineExpired, ExecuteError, Forbidden, MasterKeysError, ReferenceError,
    Unavailable,
};
pub use fault::Fault;
pub use log::log_fault;
pub use open::OpenError;
pub use portable::{PortableError, RestoreError};
pub use query::QueryError;
pub use replay::ReplayError;
pub use sealed::SealedError;

pub(crate) use fault::chain;
