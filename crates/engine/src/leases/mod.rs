//! Leases on secrets: the right of one identity to read secret fields again without an event for
//! each read. What is leased is decided by the writer ([`ledger_domain::SecretLeases`]); here is
//! what reads need: the leases that are durable, what was read under them, and the end of all
//! reading when a lease has ended.

mod in_flight;
mod live;
mod read;
mod watch;

pub(crate) use live::{LeasesChanged, LiveLease, LiveLeases};
pub(crate) use read::ends_leases;
pub use read::{SecretsAnswer, SecretsInFlight};
pub(crate) use watch::{ACTOR, LeaseWatch};
