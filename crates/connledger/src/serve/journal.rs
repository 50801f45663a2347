//! The flags of the audit journal.

use std::time::Duration;

use clap::Args;
use ledger_engine::JournalOptions;

const MIB: u64 = 1024 * 1024;

/// The flags of the audit journal.
#[derive(Debug, Args)]
#[command(next_help_heading = "Audit journal")]
pub(crate) struct JournalArgs {
    /// Days after which an entry about a refusal or a reading is removed
    #[arg(
        long,
        env = "CONNLEDGER_AUDIT_KEEP",
        default_value_t = 90,
        value_parser = clap::value_parser!(u64).range(1..=3_650),
        value_name = "DAYS"
    )]
    audit_keep: u64,
    /// Size of all entries in MiB; the oldest are removed when they take more
    #[arg(
        long,
        env = "CONNLEDGER_AUDIT_SIZE",
        default_value_t = 64,
        value_parser = clap::value_parser!(u64).range(1..=16_384),
        value_name = "MIB"
    )]
    audit_size: u64,
}

impl JournalArgs {
    pub(super) fn options(&self) -> JournalOptions {
        JournalOptions {
            keep: Duration::from_hours(self.audit_keep.saturating_mul(24)),
            bytes_max: self.audit_size.saturating_mul(MIB),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        journal: JournalArgs,
    }

    #[test]
    fn the_flags_have_the_defaults_of_the_engine() {
        let options = Command::parse_from(["connledger"]).journal.options();
        assert_eq!(options, JournalOptions::default());
    }
}
