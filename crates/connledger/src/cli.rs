//! The command line: what every command shares, and the list of commands.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use ledger_bus::public_url;
use zeroize::Zeroizing;

use crate::demo::DemoArgs;
use crate::explain::ExplainArgs;
use crate::failure::Failure;
use crate::init::InitArgs;
use crate::load::LoadArgs;
use crate::providers::ProviderTask;
use crate::questions::Question;
use crate::replay::ReplayArgs;
use crate::rights::{AccessTask, KeyTask, PrincipalTask};
use crate::serve::ServeArgs;
use crate::verbs::Verb;
use crate::watch::WatchArgs;

/// An event-sourced ledger of connections: who may reach what, with which credentials.
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
    pub(crate) task: Task,
}

const EXAMPLES: &str = "\
Examples:
  connledger demo                                       see all of it in half a minute
  connledger serve --data-dir /tmp/ledger --dev         a ledger to try things on
  connledger --data-dir /tmp/ledger create --provider openai --slug openai-prod --secret key=@key.txt
  connledger --data-dir /tmp/ledger watch               what a gateway sees

Exit codes: 0 done, 1 refused, 2 usage, 3 unavailable, 4 internal.";

/// Flags of every command.
#[derive(Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// Folder of a ledger on this machine; finds its address and its development key
    #[arg(long, global = true, env = "CONNLEDGER_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// NATS server to use
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) nats_url: Option<String>,
    /// API key, `sk_live_...` or `sk_test_...`; others see it in the process list, so prefer
    /// --key-file or the environment
    #[arg(long, global = true, env = "CONNLEDGER_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) key: Option<Zeroizing<String>>,
    /// File that holds the API key
    #[arg(long, global = true, env = "CONNLEDGER_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Public curve key of the ledger, as `status` shows it; found by itself with --data-dir. With
    /// it everything sent is sealed; without it the API key and new secrets go in the clear inside
    /// NATS, and `reveal` is not possible
    #[arg(long, global = true, env = "CONNLEDGER_XKEY", value_name = "KEY")]
    pub(crate) ledger_xkey: Option<String>,
    /// Workspace to work in
    #[arg(
        long,
        short = 'w',
        global = true,
        env = "CONNLEDGER_WORKSPACE",
        default_value = "default",
        value_name = "NAME"
    )]
    pub(crate) workspace: Vec<String>,
    /// Whether the workspace stands on the command line
    #[arg(skip)]
    pub(crate) workspace_given: bool,
    /// First token of every NATS subject [default: ledger]
    #[arg(long, global = true, env = "CONNLEDGER_PREFIX", value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// One JSON object a line on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Seconds to wait for an answer
    #[arg(long, global = true, default_value_t = 10.0, value_name = "SECONDS")]
    pub(crate) timeout: f64,
    #[command(flatten)]
    pub(crate) nats: NatsLogin,
}

impl Cli {
    /// Reads a command line.
    pub(crate) fn read<I, T>(line: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(line)?;
        let mut cli =
            Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let source = matches.value_source("workspace");
        cli.common.workspace_given = source == Some(ValueSource::CommandLine);
        Ok(cli)
    }
}

/// Leaves out the key, and the password in an address.
impl fmt::Debug for Common {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Common")
            .field("data_dir", &self.data_dir)
            .field("nats_url", &self.nats_url.as_deref().map(public_url))
            .field("key_file", &self.key_file)
            .field("workspace", &self.workspace)
            .field("nats", &self.nats)
            .finish_non_exhaustive()
    }
}

impl Common {
    /// Returns the one workspace to work in.
    pub(crate) fn workspace(&self) -> Result<&str, Failure> {
        match self.workspace.as_slice() {
            [one] => Ok(one),
            _ => {
                Err(Failure::usage("this command works in one workspace")
                    .hint("give --workspace once"))
            }
        }
    }

    /// Returns the workspaces that stand on the command line.
    pub(crate) fn workspaces_given(&self) -> &[String] {
        if self.workspace_given { &self.workspace } else { &[] }
    }
}

/// How to prove oneself to the NATS server.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "NATS login")]
#[expect(clippy::struct_field_names, reason = "the names of the flags")]
pub(crate) struct NatsLogin {
    /// Credentials file (JWT and seed)
    #[arg(long, global = true, env = "CONNLEDGER_NATS_CREDS", value_name = "FILE")]
    pub(crate) nats_creds: Option<PathBuf>,
    /// File that holds an NKey seed
    #[arg(long, global = true, env = "CONNLEDGER_NATS_NKEY", value_name = "FILE")]
    pub(crate) nats_nkey: Option<PathBuf>,
    /// User name
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_USER",
        requires = "nats_password_file",
        value_name = "NAME"
    )]
    pub(crate) nats_user: Option<String>,
    /// File that holds the password
    #[arg(long, global = true, env = "CONNLEDGER_NATS_PASSWORD_FILE", value_name = "FILE")]
    pub(crate) nats_password_file: Option<PathBuf>,
    /// Certificates of the authority behind the server's certificate (PEM); requires TLS
    #[arg(long, global = true, env = "CONNLEDGER_NATS_CA", value_name = "FILE")]
    pub(crate) nats_ca: Option<PathBuf>,
    /// Own certificate (PEM)
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_CERT",
        requires = "nats_cert_key",
        value_name = "FILE"
    )]
    pub(crate) nats_cert: Option<PathBuf>,
    /// Key of one's own certificate (PEM)
    #[arg(long, global = true, env = "CONNLEDGER_NATS_CERT_KEY", value_name = "FILE")]
    pub(crate) nats_cert_key: Option<PathBuf>,
    /// Beginning of the subjects that answers come to, for a user that may hear only its own
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_INBOX_PREFIX",
        value_parser = subject_prefix,
        value_name = "PREFIX"
    )]
    pub(crate) nats_inbox_prefix: Option<String>,
    /// Beginning of requests to JetStream that another account lends [default: $JS.API]
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_JS_PREFIX",
        value_parser = subject_prefix,
        value_name = "PREFIX"
    )]
    pub(crate) nats_js_prefix: Option<String>,
}

/// Takes tokens that a subject may begin with.
fn subject_prefix(text: &str) -> Result<String, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let good = |token: &str| !token.is_empty() && token.chars().all(plain);
    if text.split('.').all(good) {
        return Ok(text.to_owned());
    }
    Err("only letters, digits, `_`, `-`, and `.` between tokens, as in _INBOX_gateway")
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Serve a ledger
    Serve(ServeArgs),
    /// Make a new ledger
    Init(InitArgs),
    /// Show the whole product at work in a temporary folder
    Demo(DemoArgs),
    #[command(flatten)]
    Write(Verb),
    #[command(flatten)]
    Ask(Question),
    /// Manage who may ask, and what each may do
    #[command(subcommand)]
    Principal(PrincipalTask),
    /// Manage API keys
    #[command(subcommand)]
    Key(KeyTask),
    /// Ask who may do what
    #[command(subcommand)]
    Access(AccessTask),
    /// Say whom the key at hand stands for, and what it may do
    #[command(
        after_help = "Examples:\n  connledger whoami\n  connledger whoami --key-file eu-1.key"
    )]
    Whoami,
    /// Look at the descriptions of external services, and check one's own
    #[command(subcommand)]
    Provider(ProviderTask),
    /// Create many connections from a file, one JSON object a line
    Load(LoadArgs),
    /// Follow connections as a gateway does: where they stand, then each change
    Watch(WatchArgs),
    /// Rebuild read models from the log, or check them against it
    Replay(ReplayArgs),
    /// Say what an error code means and what to do
    Explain(ExplainArgs),
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
    fn a_subject_prefix_is_the_beginning_of_a_subject() {
        for good in ["_INBOX", "_INBOX_eu-1", "inbox.eu"] {
            assert!(subject_prefix(good).is_ok(), "{good}");
        }
        for bad in ["", "_INBOX.", ".x", "_INBOX.>", "*", "a b", "$SYS"] {
            assert!(subject_prefix(bad).is_err(), "{bad}");
        }
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
    fn a_workspace_on_the_command_line_is_told_from_the_default() {
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

    #[test]
    fn common_options_may_stand_before_and_after_the_command() {
        for line in ["connledger --json get x", "connledger get x --json"] {
            assert!(Cli::try_parse_from(line.split(' ')).unwrap().common.json, "{line}");
        }
    }
}
