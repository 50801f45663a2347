//! The command line: the list of all commands.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::backup::BackupArgs;
use crate::cluster::ClusterCommand;
use crate::common::Common;
use crate::config::{ConfigCommand, Layered};
use crate::declarative::ApplyArgs;
use crate::demo::DemoArgs;
use crate::doctor::DoctorArgs;
use crate::explain::ExplainArgs;
use crate::forward::ForwardArgs;
use crate::init::InitArgs;
use crate::install::{CompletionsArgs, ManArgs};
use crate::keys::KeysCommand;
use crate::load::LoadArgs;
use crate::portable::{ExportArgs, ImportArgs};
use crate::proofs::{LogCommand, ProveArgs, VerifyCommand};
use crate::providers::ProviderCommand;
use crate::queries::Query;
use crate::replay::ReplayArgs;
use crate::rights::{AccessCommand, KeyCommand, PrincipalCommand, TokenCommand};
use crate::rotate_curve_key::RotateCurveKeyArgs;
use crate::serve::ServeArgs;
use crate::settings::without_empty_variables;
use crate::undo::UndoArgs;
use crate::usage::improve;
use crate::verbs::{Verb, with_summaries};
use crate::watch::WatchArgs;

/// An event-sourced ledger of connections: credentials and settings for external services
#[derive(Debug, Parser)]
#[command(
    name = "connledger",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  connledger demo                                       a guided tour in half a minute
  connledger serve --data-dir /tmp/ledger --dev         a ledger to experiment with
  connledger --data-dir /tmp/ledger create --provider openai --slug openai-prod --secret api_key
  connledger --data-dir /tmp/ledger watch               what a gateway sees

Exit codes: 0 done, 1 refused, 2 usage, 3 unavailable, 4 internal, 130 interrupted.";

impl Cli {
    /// Returns the description of all commands.
    pub(crate) fn described() -> clap::Command {
        with_summaries(Self::command())
    }

    /// Parses a command line.
    pub(crate) fn read<I, T>(line: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let mut command = without_empty_variables(Self::described());
        let line = line.into_iter().map(Into::into).collect();
        let layered = Layered::read(&mut command, line).map_err(improve)?;
        let mut cli =
            Self::from_arg_matches(&layered.matches).map_err(|error| error.format(&mut command))?;
        cli.common.workspace_given = layered.is_on_line("workspace");
        cli.common.key_given = layered.is_on_line("key");
        Ok(cli)
    }
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a ledger
    Serve(Box<ServeArgs>),
    /// Create a new ledger
    Init(InitArgs),
    /// Check and show the settings of a server
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look for what is wrong with a ledger, its machine and its settings
    Doctor(Box<DoctorArgs>),
    /// Demonstrate the whole product in a temporary folder
    Demo(DemoArgs),
    #[command(flatten)]
    Write(Verb),
    #[command(flatten)]
    Ask(Query),
    /// Make a ledger what manifests declare
    Apply(Box<ApplyArgs>),
    /// Bring the connections of a workspace back to an earlier moment, by a plan shown first
    Undo(UndoArgs),
    /// Manage users, services and gateways, and what each may do
    #[command(subcommand)]
    Principal(PrincipalCommand),
    /// Manage API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Block tokens of the identity provider before they expire
    #[command(subcommand)]
    Token(TokenCommand),
    /// Keep and rotate the master keys, under which everything secret is wrapped
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Check who may do what
    #[command(subcommand)]
    Access(AccessCommand),
    /// Show whose key is in use, and what it may do
    #[command(
        after_help = "Examples:\n  connledger whoami\n  connledger whoami --key-file eu-1.key"
    )]
    Whoami,
    /// Show the descriptions of external services, and check your own
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Create many connections from a file with one JSON object per line
    Load(LoadArgs),
    /// Follow connections as a gateway does: the current state, then each change
    Watch(WatchArgs),
    /// Hand events on to a file, a URL or a receiver of syslog, from a durable cursor
    Forward(Box<ForwardArgs>),
    /// Rebuild read models from the log, or compare them with it
    Replay(ReplayArgs),
    /// Make backups, check and remove them, and restore a ledger from one
    Backup(Box<BackupArgs>),
    /// Show the nodes of a cluster, have another one write, or make a further one
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Show what is signed of the log: its public key and a checkpoint
    #[command(subcommand)]
    Log(LogCommand),
    /// Write a proof that an event is in the log
    Prove(ProveArgs),
    /// Check proofs, and that a log is the one that was signed before
    #[command(subcommand)]
    Verify(VerifyCommand),
    /// Write a whole ledger as lines of JSON, or what it holds as a manifest
    Export(ExportArgs),
    /// Make a data directory of an export, or connections of the files of other products
    Import(Box<ImportArgs>),
    /// Replace the key to which clients seal requests, while the ledger is not served
    RotateCurveKey(RotateCurveKeyArgs),
    /// Explain an error code and its remedy
    Explain(ExplainArgs),
    /// Write the script by which a shell completes commands and flags
    Completions(CompletionsArgs),
    /// Write the manual pages
    Man(ManArgs),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn debug_output_of_a_command_line_shows_no_key_and_no_password() {
        let line = "connledger whoami --key sk_test_canary --nats-url nats://me:canary@host:4222";
        let shown = format!("{:?}", Cli::read(line.split(' ')).unwrap());
        assert!(shown.contains("nats://host:4222") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn every_command_shows_an_example() {
        let mut left = vec![Cli::command()];
        while let Some(command) = left.pop() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let nested = command.get_subcommands().next().is_some();
            assert!(nested || help.contains("connledger"), "{}", command.get_name());
            left.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn a_workspace_on_the_command_line_is_distinguished_from_the_default() {
        let read = |line: &str| Cli::read(line.split(' ')).unwrap().common;
        assert_eq!(read("connledger -w a whoami").workspaces_given(), ["a"]);
        assert_eq!(read("connledger whoami -w a -w b").workspaces_given(), ["a", "b"]);
        let both = read("connledger whoami -w a -w b");
        assert!(both.workspace().is_err(), "most commands work in one");
        let default = read("connledger whoami");
        assert!(default.workspaces_given().is_empty());
        assert_eq!(default.workspace().unwrap(), "default");
    }

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        for line in [
            "connledger key issue --for a --expires-in 1d --expires-at 2030-01-01T00:00:00Z",
            "connledger key issue",
            "connledger principal create a",
            "connledger principal create a --kind user --grants x --role viewer",
            "connledger principal update a --display-name x --no-display-name",
            "connledger access check --as a --may read --on b --ledger",
            "connledger access check --as a",
        ] {
            assert!(Cli::read(line.split(' ')).is_err(), "{line}");
        }
    }

    /// Words of commands that change something, which nobody should run to look at it.
    const CHANGING: [&str; 12] = [
        "unseal",
        "seal",
        "rewrap",
        "rotate",
        "rotate-secret",
        "issue",
        "revoke",
        "test",
        "replay",
        "step-down",
        "repair",
        "restore",
    ];

    #[test]
    fn the_commands_of_the_runbooks_exist() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/runbooks");
        let mut read = 0;
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let (before, _) = text.split_once("## What to do").unwrap_or((&text, ""));
            for line in before.lines().filter(|line| line.starts_with("connledger ")) {
                let words: Vec<_> = line.split_whitespace().collect();
                let changes = words.iter().any(|word| CHANGING.contains(word));
                let only_looks = line.ends_with("--help") || words.contains(&"--verify");
                assert!(!changes || only_looks, "{}: {line}", path.display());
            }
            for line in text.lines().filter(|line| line.starts_with("connledger ")) {
                let parsed = Cli::read(line.split_whitespace());
                let helps = line.ends_with("--help");
                assert!(parsed.is_ok() || helps, "{}: {line}", path.display());
                read += 1;
            }
        }
        assert!(read > 40, "{read}");
    }

    #[test]
    fn common_options_may_stand_before_and_after_the_command() {
        for line in ["connledger --json get x", "connledger get x --json"] {
            assert!(Cli::try_parse_from(line.split(' ')).unwrap().common.json, "{line}");
        }
    }
}
