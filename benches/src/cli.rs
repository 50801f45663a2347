//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::row::RowName;
use crate::scale::Scale;

/// Measures the rows of the performance table and prints each with its reference.
#[derive(Debug, Parser)]
#[command(
    name = "ledger-bench",
    version,
    after_help = "\
Examples:
  ledger-bench                                  every row at full size; takes long
  ledger-bench --scale small                    a quick look
  ledger-bench --row replay --dir /tmp/b --keep one row; its ledger is used again next time
  ledger-bench soak --minutes 60                mixed load for an hour; fails when memory grows"
)]
pub(crate) struct Cli {
    /// One JSON object a row on standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// Only this row; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) row: Vec<RowName>,
    /// How large the ledgers are; small divides by 50 and judges nothing
    #[arg(long, default_value = "full", value_name = "SIZE")]
    pub(crate) scale: Scale,
    /// Folder to work in, on the disk to be measured [default: a temporary one]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Leave the ledgers there, for the next run with the same --dir
    #[arg(long, requires = "dir")]
    pub(crate) keep: bool,
    /// The server program [default: connledger beside this program]
    #[arg(long, global = true, env = "CONNLEDGER_BIN", value_name = "FILE")]
    pub(crate) connledger: Option<PathBuf>,
    /// The example gateway [default: examples/gateway beside this program]
    #[arg(long, global = true, env = "CONNLEDGER_GATEWAY", value_name = "FILE")]
    pub(crate) gateway: Option<PathBuf>,
    /// The nats-server that the server program starts [default: the one in PATH]
    #[arg(long, global = true, env = "CONNLEDGER_NATS_SERVER", value_name = "FILE")]
    pub(crate) nats_server: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) task: Option<Task>,
}

/// What else this program can be.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Answers every message with itself, until standard input ends
    #[command(hide = true)]
    Echo,
    /// Puts a server under mixed load and fails when its memory, handles or threads grow
    Soak {
        /// How long, after a warm-up
        #[arg(
            long,
            default_value_t = 10,
            value_parser = clap::value_parser!(u64).range(1..),
            value_name = "NUMBER"
        )]
        minutes: u64,
    },
}

impl Cli {
    /// Returns the rows to measure, in the order of the table.
    pub(crate) fn rows(&self) -> Vec<RowName> {
        let wanted = |name: &RowName| self.row.is_empty() || self.row.contains(name);
        RowName::ALL.into_iter().filter(wanted).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn rows_come_in_the_order_of_the_table_however_they_are_asked_for() {
        let cli = Cli::parse_from(["ledger-bench", "--row", "start", "--row", "replay"]);
        assert_eq!(cli.rows(), [RowName::Replay, RowName::Start]);
        assert_eq!(Cli::parse_from(["ledger-bench"]).rows(), RowName::ALL);
    }
}
