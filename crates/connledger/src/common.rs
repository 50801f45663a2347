//! The flags common to all commands.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use ledger_bus::public_url;
use ledger_contract::subjects::DEFAULT_WORKSPACE;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Flags common to all commands.
#[derive(Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub(crate) struct Common {
    /// File of settings in TOML, each of the name of a flag of `serve`; flags and environment
    /// variables go before it. Other commands take from it what they have in common with `serve`
    #[arg(
        id = "config_file",
        long = "config",
        global = true,
        env = "CONNLEDGER_CONFIG",
        value_name = "FILE"
    )]
    pub(crate) config: Option<PathBuf>,
    /// Data directory of a ledger on this machine; supplies its address and its development key
    #[arg(long, global = true, env = "CONNLEDGER_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address of the NATS server
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) nats_url: Option<String>,
    /// API key, `sk_live_...` or `sk_test_...`; visible in the process list, so prefer --key-file
    /// or the environment variable
    #[arg(long, global = true, env = "CONNLEDGER_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) key: Option<Zeroizing<String>>,
    /// Whether the command line contains the key
    #[arg(skip)]
    pub(crate) key_given: bool,
    /// File that holds the API key
    #[arg(long, global = true, env = "CONNLEDGER_KEY_FILE", value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sealing: SealingArgs,
    /// Workspace to work in
    #[arg(
        long,
        short = 'w',
        global = true,
        env = "CONNLEDGER_WORKSPACE",
        default_value = DEFAULT_WORKSPACE,
        value_name = "NAME"
    )]
    pub(crate) workspace: Vec<String>,
    /// Whether the command line names the workspace
    #[arg(skip)]
    pub(crate) workspace_given: bool,
    /// First token of every NATS subject [default: ledger]
    #[arg(long, global = true, env = "CONNLEDGER_PREFIX", value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    /// Write one JSON object per line to standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Seconds to wait for an answer
    #[arg(long, global = true, default_value_t = 10.0, value_name = "SECONDS")]
    pub(crate) timeout: f64,
    #[command(flatten)]
    pub(crate) nats: NatsLogin,
}

/// Omits the key, and the password in an address.
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
            _ => Err(Failure::usage("this command works in one workspace")
                .hint("pass --workspace only once")),
        }
    }

    /// Returns the workspaces that the command line names.
    pub(crate) fn workspaces_given(&self) -> &[String] {
        if self.workspace_given { &self.workspace } else { &[] }
    }
}

/// How requests over NATS are sealed.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SealingArgs {
    /// Public curve key of the ledger, as `status` shows it; --data-dir supplies it. With it, every
    /// request is sealed. Without it, nothing is sent, unless --nats-allow-unsealed is given
    #[arg(long, global = true, env = "CONNLEDGER_XKEY", value_name = "KEY")]
    pub(crate) ledger_xkey: Option<String>,
    /// Send requests in the clear if the curve key is not known: the API key and new secrets can
    /// then be read by whoever runs or taps the NATS server. `reveal` stays unavailable
    #[arg(long, global = true, env = "CONNLEDGER_NATS_ALLOW_UNSEALED")]
    pub(crate) nats_allow_unsealed: bool,
}

/// How to authenticate to the NATS server.
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
    /// CA certificates that the server's certificate must chain to (PEM); requires TLS
    #[arg(long, global = true, env = "CONNLEDGER_NATS_CA", value_name = "FILE")]
    pub(crate) nats_ca: Option<PathBuf>,
    /// Client certificate (PEM)
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_CERT",
        requires = "nats_cert_key",
        value_name = "FILE"
    )]
    pub(crate) nats_cert: Option<PathBuf>,
    /// Private key of the client certificate (PEM)
    #[arg(long, global = true, env = "CONNLEDGER_NATS_CERT_KEY", value_name = "FILE")]
    pub(crate) nats_cert_key: Option<PathBuf>,
    /// Prefix of reply subjects, for a NATS user that may subscribe only to its own
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_INBOX_PREFIX",
        value_parser = subject_prefix,
        value_name = "PREFIX"
    )]
    pub(crate) nats_inbox_prefix: Option<String>,
    /// JetStream API prefix, when JetStream is imported from another account [default: $JS.API]
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_NATS_JS_PREFIX",
        value_parser = subject_prefix,
        value_name = "PREFIX"
    )]
    pub(crate) nats_js_prefix: Option<String>,
}

/// Parses tokens that a subject may begin with.
fn subject_prefix(text: &str) -> Result<String, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let good = |token: &str| !token.is_empty() && token.chars().all(plain);
    if text.split('.').all(good) {
        return Ok(text.to_owned());
    }
    Err("only letters, digits, `_`, `-`, and `.` between tokens, as in _INBOX_gateway")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_prefix_consists_of_whole_tokens() {
        for good in ["_INBOX", "_INBOX_eu-1", "inbox.eu"] {
            assert!(subject_prefix(good).is_ok(), "{good}");
        }
        for bad in ["", "_INBOX.", ".x", "_INBOX.>", "*", "a b", "$SYS"] {
            assert!(subject_prefix(bad).is_err(), "{bad}");
        }
    }
}
