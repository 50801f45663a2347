//! The lease of the ledger's names on a NATS server: one instance at a time owns them.
//!
//! The lease is the only key of a KV bucket. It is taken and renewed by compare-and-set on the
//! revision, so that of two instances one succeeds. No decision depends on a clock that two
//! machines would have to agree on: the holder's right ends some time after it *sent* its last
//! successful renewal, and a challenger takes over only after it has *seen* the lease unchanged for
//! longer than that, each by its own clock, which also runs while the machine is suspended.
//!
//! The order is: take the lease, let the relay find that the event stream is a copy of the log,
//! then accept commands. `keeper.rs` takes and renews, `claim.rs` decides when another's lease may
//! be taken over, `bucket.rs` reads and writes, and `ownership.rs` says what follows: whether
//! commands are accepted, events published and requests received.

mod bucket;
mod claim;
mod ended;
mod keeper;
mod listening;
mod moment;
mod ownership;

use std::time::Duration;

pub(crate) use ended::HISTORY_BEGUN;
pub(crate) use keeper::{Keeper, KeeperOptions};
pub(crate) use listening::Listening;
pub(crate) use ownership::{Ownership, State};

/// What keeps a second instance from writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FencedBy {
    /// The lease: commands are accepted only while this instance holds it.
    #[default]
    Lease,
    /// The lease, but while the NATS server cannot be reached, commands are accepted without it,
    /// unless another holder has been seen. Only for a data directory that exists once.
    LeaseIfReachable,
    /// The lock of the data directory, in which the NATS server itself is: commands are accepted
    /// unless another instance holds the lease.
    DataDir,
}

/// The times of a lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseTime(Duration);

impl LeaseTime {
    pub(crate) fn new(whole: Duration) -> Self {
        Self(whole)
    }

    /// How long a challenger waits.
    pub(crate) fn whole(self) -> Duration {
        self.0
    }

    /// How long the holder relies on the lease: less than a challenger waits, so that their clocks
    /// may run at slightly different rates.
    pub(crate) fn right(self) -> Duration {
        self.0 * 9 / 10
    }

    /// How long after a renewal the next one is due.
    pub(crate) fn renewal(self) -> Duration {
        self.0 / 3
    }

    /// How long to wait for an answer of the server.
    pub(crate) fn patience(self) -> Duration {
        self.0 / 4
    }
}
