//! Why operations fail: one enum for each family of operations, in the engine's own terms.
//!
//! A *rejection* is a correct no, and its caller acts. A [`Fault`] is the ledger not doing its job,
//! and its operator acts. What a caller is told is a `Problem`, made of any of these at the doors;
//! `problem.rs` is the one place that says how.

mod authenticate;
mod execute;
mod fault;
mod open;
mod problem;
mod replay;
mod sealed;

pub use authenticate::{AuthenticateError, LiveCallerError};
pub use execute::{ConnectionUnknown, DeadlineExpired, ExecuteError, Forbidden, Unavailable};
pub use fault::Fault;
pub use open::OpenError;
pub use replay::ReplayError;
pub use sealed::SealedError;

pub(crate) use fault::chain;
