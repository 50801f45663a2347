//! The lease of a ledger's names on NATS: who answers commands under them.

use serde::{Deserialize, Serialize};

/// The value of the key `owner` in the bucket of the lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Id of the holder's ledger.
    pub ledger: String,
    /// Incarnation of the holder's ledger.
    pub incarnation: String,
    /// Epoch of the holder's ledger.
    pub epoch: u64,
    /// Name of the holding instance, for people.
    pub holder: String,
    /// Name of the lock that the holder has on its data directory. Another process with the lock
    /// of this name proves that the holder has ended.
    pub lock: String,
    /// How long the holder may rely on the lease after a renewal, in seconds.
    pub seconds: u64,
    /// Time of the last renewal by the holder's clock, for people. No decision depends on it.
    pub renewed_at: String,
}
