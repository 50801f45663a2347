//! The command line and its help.

use clap::{Parser, Subcommand};

/// Sets up what is missing on this machine, then runs one task.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Build the release binary and run its demo
    Demo {
        /// Arguments for `connledger demo`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Check formatting, house rules, lints and docs, then run every test
    Test {
        /// Run only the tests whose name contains EXPR
        #[arg(long, value_name = "EXPR")]
        filter: Option<String>,
        /// Run only the stage that tests every route of the HTTP APIs against their descriptions
        #[arg(long, conflicts_with = "filter")]
        schemathesis: bool,
    },
    /// Build for release and measure every row of the benchmark table
    Bench {
        /// Arguments for `ledger-bench`, for example `--json` or `--row NAME`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Build for release and put a server under mixed load; fails if its memory or handles grow
    Soak {
        /// Arguments for `ledger-bench soak`, for example `--minutes 60`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Kill a server under load again and again, and check that nothing was lost or doubled
    Crash {
        /// How often it is killed; the test suite does it 50 times
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Kill, stop and cut off nodes and servers of a cluster under load, and check that nothing was
    /// lost or doubled
    ClusterFaults {
        /// How many faults; the test suite makes 10
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// Only these, in turn, such as WriterKilled,WriterPaused
        #[arg(long, value_name = "NAMES")]
        faults: Option<String>,
    },
    /// Make a cluster of one server, upgrade its nodes from an earlier program, and make one server
    /// of it again, under load; nothing may be lost or doubled
    ClusterMoves {
        /// How many connections the ledger has; in the test suite it has 500
        #[arg(
            long,
            default_value_t = 1_000_000,
            value_parser = clap::value_parser!(u32).range(1..)
        )]
        connections: u32,
        /// The revision in which the program is that is upgraded; in the test suite it is today's
        #[arg(long, default_value = "HEAD~1", value_name = "REVISION")]
        from: String,
    },
    /// Compare what is told of the past of 1,000 connections with what was remembered
    Moments {
        /// At how many moments, with ten random commands for each; the test suite does 250
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
    },
    /// Refresh tokens of 100 connections while the server is replaced; no grant may be lost
    Refreshes {
        /// How many tokens are got; the test suite gets 600
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
        count: u32,
    },
    /// Check licenses, bans, sources and advisories of all dependencies with cargo-deny
    Deny {
        /// Leave out advisories, which come from GitHub
        #[arg(long)]
        no_advisories: bool,
    },
    /// Print what the program is made of, as CycloneDX 1.5 in JSON
    Sbom,
    /// Only prepare this machine to build and test
    Setup,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask demo                    a guided tour of the ledger; needs only Rust
  cargo xtask test                    everything that must pass before a change is merged
  cargo xtask test --filter archive   the same checks, but only tests whose name contains `archive`
  cargo xtask test --schemathesis     only the stage that tests every route of the HTTP APIs
  cargo xtask bench --row replay      measure one row
  cargo xtask bench --json            one JSON object per row, on standard output
  cargo xtask soak --minutes 60       an hour of mixed load; the default is 10 minutes
  cargo xtask crash --rounds 1000     an hour of kills; the default is 200
  cargo xtask cluster-moves           a million connections into a cluster, an upgrade, and out again
  cargo xtask refreshes               10,000 refreshes of tokens while the server is replaced
  cargo xtask deny                    the rules of .cargo/deny.toml; installs cargo-deny if missing
  cargo xtask sbom > bom.json         a software bill of materials
  cargo xtask setup                   fetch and build what is missing, run nothing

Environment:
  CONNLEDGER_CACHE_DIR     folder for fetched tools and the built RocksDB; the default is
                           $XDG_CACHE_HOME/connection-ledger or ~/.cache/connection-ledger
  CONNLEDGER_CLIENTS_PYTHON, CONNLEDGER_CLIENTS_NODE_MODULES
                           a Python and a node_modules with the clients under test
  CONNLEDGER_RECEIVER_PYTHON  a Python of your own that has standardwebhooks and aiosmtpd
  CONNLEDGER_MARIADB_SERVER
                           a mariadbd of your own
  CONNLEDGER_MOTO_SERVER   a moto_server of your own, which speaks the protocol of S3
  CONNLEDGER_NATS_SERVER   a nats-server of your own, 2.11 or newer
  CONNLEDGER_NODE          a Node.js of your own, 20.19 or newer, with npm
  CONNLEDGER_OAUTH_PYTHON  a Python of your own that has authlib and flask
  CONNLEDGER_POSTGRES      a postgres of your own, with initdb beside it
  CONNLEDGER_PROMTOOL      a promtool of your own
  CONNLEDGER_PROOFS_PYTHON a Python of your own that has aics-tlog, aics-witness and pymerkle
  CONNLEDGER_PYTHON        a Python of your own that can import nats-py
  CONNLEDGER_REDIS_SERVER  a redis-server of your own
  CONNLEDGER_RSYSLOGD      an rsyslogd of your own, with its module for OpenSSL
  CONNLEDGER_SCHEMATHESIS  a schemathesis of your own
  CONNLEDGER_SERVERS_NODE_MODULES
                           a node_modules with azurite, which speaks the protocol of Azure Blob Storage
  CONNLEDGER_SHIP_PYTHON   a Python of your own that has kubernetes-validate, beside helm and hadolint
  LIBCLANG_PATH            the folder of a libclang of your own
  ROCKSDB_LIB_DIR          the folder of a librocksdb.a of your own, of the version in Cargo.lock";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Task {
        Cli::try_parse_from(line.split(' ')).expect("the line is valid").task
    }

    #[test]
    fn bench_arguments_pass_through_untouched() {
        match parse("xtask bench --json --row replay") {
            Task::Bench { args } => assert_eq!(args, ["--json", "--row", "replay"]),
            other => panic!("parsed as {other:?}"),
        }
    }

    #[test]
    fn soak_arguments_pass_through_untouched() {
        match parse("xtask soak --minutes 60") {
            Task::Soak { args } => assert_eq!(args, ["--minutes", "60"]),
            other => panic!("parsed as {other:?}"),
        }
    }

    #[test]
    fn demo_arguments_may_follow_two_dashes() {
        match parse("xtask demo -- --slow") {
            Task::Demo { args } => assert_eq!(args, ["--slow"]),
            other => panic!("parsed as {other:?}"),
        }
    }

    #[test]
    fn test_takes_one_name_filter() {
        match parse("xtask test --filter archive") {
            Task::Test { filter, .. } => assert_eq!(filter.as_deref(), Some("archive")),
            other => panic!("parsed as {other:?}"),
        }
    }
}
