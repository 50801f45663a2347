//! The flags for the quotas of workspaces.

use clap::Args;
use ledger_engine::Quotas;

/// A number, or no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(Option<u64>);

/// The quotas of each workspace.
#[derive(Debug, Args)]
#[command(next_help_heading = "Quotas of each workspace")]
pub(crate) struct QuotaArgs {
    /// Connections that are not archived, or unlimited
    #[arg(
        long = "quota-connections",
        id = "quota_connections",
        env = "CONNLEDGER_QUOTA_CONNECTIONS",
        default_value = "1000000",
        value_parser = limit,
        value_name = "NUMBER"
    )]
    connections: Limit,
    /// Valid API keys of principals whose grants name the workspace, or unlimited
    #[arg(
        long = "quota-keys",
        id = "quota_keys",
        env = "CONNLEDGER_QUOTA_KEYS",
        default_value = "10000",
        value_parser = limit,
        value_name = "NUMBER"
    )]
    keys: Limit,
    /// Changes in a day (UTC), or unlimited. To disable, to archive, to take back a share, and to
    /// rotate or remove secrets is always permitted
    #[arg(
        long = "quota-changes",
        id = "quota_changes",
        env = "CONNLEDGER_QUOTA_CHANGES",
        default_value = "5000000",
        value_parser = limit,
        value_name = "NUMBER"
    )]
    changes: Limit,
    /// Reveals of secrets in a day (UTC) by callers of the workspace, or unlimited
    #[arg(
        long = "quota-reveals",
        id = "quota_reveals",
        env = "CONNLEDGER_QUOTA_REVEALS",
        default_value = "5000000",
        value_parser = limit,
        value_name = "NUMBER"
    )]
    reveals: Limit,
}

impl QuotaArgs {
    pub(super) fn quotas(&self) -> Quotas {
        Quotas {
            connections: self.connections.0,
            keys: self.keys.0,
            events_per_day: self.changes.0,
            reveals_per_day: self.reveals.0,
        }
    }
}

fn limit(text: &str) -> Result<Limit, String> {
    if text == "unlimited" {
        return Ok(Limit(None));
    }
    let number = text.parse().ok().filter(|number| *number > 0);
    number.map(|number| Limit(Some(number))).ok_or_else(|| "must be 1 or more, or unlimited".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        quotas: QuotaArgs,
    }

    #[test]
    fn the_flags_have_the_defaults_of_the_engine() {
        let quotas = Command::parse_from(["connledger"]).quotas.quotas();
        assert_eq!(quotas, Quotas::default());
    }

    #[test]
    fn no_limit_is_a_word_and_zero_is_refused() {
        assert_eq!(limit("unlimited"), Ok(Limit(None)));
        assert_eq!(limit("12"), Ok(Limit(Some(12))));
        for bad in ["0", "-1", "", "never"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }
}
