//! The environment variables: those without a flag, and the rule that an empty one is unset. The
//! others are declared beside their flag.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Arg, Command};
use ledger_domain::Micros;

/// When the service was stopped to open the ledger again after a full disk. Set by the program for
/// the run that replaces it.
pub(crate) const REOPENING_SINCE: &str = "CONNLEDGER_REOPENING_SINCE";

/// Returns the folder where systemd puts a service's credentials.
pub(crate) fn credentials_directory() -> Option<PathBuf> {
    variable(OsStr::new("CREDENTIALS_DIRECTORY")).map(PathBuf::from)
}

/// Returns whether the operator says how far the heap of the managed nats-server may grow.
pub(crate) fn has_heap_growth() -> bool {
    variable(OsStr::new("GOGC")).is_some()
}

/// Makes a command line ignore empty environment variables, which Compose makes of `${NAME:-}`.
pub(crate) fn without_empty_variables(command: Command) -> Command {
    command.mut_args(without_empty_variable).mut_subcommands(without_empty_variables)
}

fn without_empty_variable(arg: Arg) -> Arg {
    match arg.get_env().map(variable) {
        Some(None) => arg.env(Resettable::Reset),
        _ => arg,
    }
}

/// Returns the value of an environment variable that is set and not empty.
#[expect(clippy::disallowed_methods, reason = "settings are read here and nowhere else")]
pub(crate) fn variable(name: &OsStr) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Returns the value of a variable that a manifest names, if it is set and is text.
pub(crate) fn named_by_manifest(name: &str) -> Option<String> {
    variable(OsStr::new(name))?.into_string().ok()
}

/// Returns when the run that this one replaces stopped, if it stopped because of a full disk.
#[expect(clippy::disallowed_methods, reason = "settings are read here and nowhere else")]
pub(crate) fn reopening_since() -> Option<Micros> {
    std::env::var(REOPENING_SINCE).ok()?.parse().ok().map(Micros::new)
}
