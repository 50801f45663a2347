//! How large everything is.

use clap::ValueEnum;

use crate::row::Measured;

/// How large the ledgers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scale {
    /// A fiftieth, for a quick look; no row is judged
    Small,
    /// The sizes that the marks are meant for
    Full,
}

/// The numbers behind a scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    scale: Scale,
    /// Commands of a throughput row.
    pub(crate) commands: u64,
    /// Connections of the large ledger.
    pub(crate) connections: u64,
    /// Events of the large ledger when it is started or replayed.
    pub(crate) events: u64,
    /// Versions of a connection that changed often.
    pub(crate) versions: u64,
    /// Workspaces, and principals, of a ledger with many.
    pub(crate) tenants: u64,
    /// Events that wait in the rows about catching up.
    pub(crate) backlog: u64,
    /// Connections that are tested by a schedule.
    pub(crate) checked: u64,
    /// How often each of them is, in seconds.
    pub(crate) check_seconds: u64,
    /// How long refusals go on in the rows about floods, in seconds.
    pub(crate) flood_seconds: u64,
    /// Connections and events of the small ledger, at any scale.
    pub(crate) few: u64,
    /// Samples of a latency row, at any scale.
    pub(crate) samples: u64,
}

/// What a small run divides by.
const SMALL: u64 = 50;

impl Sizes {
    pub(crate) const fn new(scale: Scale) -> Self {
        let by = match scale {
            Scale::Small => SMALL,
            Scale::Full => 1,
        };
        Self {
            scale,
            commands: 500_000 / by,
            connections: 1_000_000 / by,
            events: 10_000_000 / by,
            versions: 100_000 / by,
            tenants: 100_000 / by,
            backlog: 200_000 / by,
            checked: 5_000 / by,
            check_seconds: match scale {
                Scale::Small => 10,
                Scale::Full => 60,
            },
            flood_seconds: match scale {
                Scale::Small => 5,
                Scale::Full => 60,
            },
            few: 10_000,
            samples: 2_000,
        }
    }

    /// Takes back the judgment of a run that is too small for one, and says so.
    pub(crate) fn qualify(&self, mut row: Measured) -> Measured {
        if self.scale == Scale::Small {
            row.met = None;
            row.note = format!("small scale, sizes divided by {SMALL}; {}", row.note);
        }
        row
    }
}
