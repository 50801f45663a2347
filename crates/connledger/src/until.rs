//! Up to where a ledger is restored, as flags.

use clap::Args;
use ledger_contract::time;
use ledger_domain::{Micros, Position};
use ledger_engine::Until;

/// Up to where a ledger is restored; to its end if omitted.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct UntilArgs {
    /// Restore up to this position, and nothing later
    #[arg(long, value_name = "POSITION")]
    to_position: Option<u64>,
    /// Restore up to the last event that was recorded at or before this time
    #[arg(long, value_parser = moment, conflicts_with = "to_position", value_name = "TIME")]
    to_time: Option<Micros>,
}

fn moment(text: &str) -> Result<Micros, String> {
    time::parse("to-time", text).map_err(|invalid| invalid.problem)
}

impl From<UntilArgs> for Until {
    fn from(UntilArgs { to_position, to_time }: UntilArgs) -> Self {
        match (to_position, to_time) {
            (Some(position), _) => Self::Position(Position::new(position)),
            (None, Some(time)) => Self::Time(time),
            (None, None) => Self::End,
        }
    }
}
