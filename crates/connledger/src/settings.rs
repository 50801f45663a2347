//! The environment variables that have no flag. The others are declared beside their flag.

use std::path::PathBuf;

use ledger_domain::Micros;

/// When the service was stopped to open the ledger again after a full disk. Set by the program for
/// the run that replaces it.
pub(crate) const REOPENING_SINCE: &str = "CONNLEDGER_REOPENING_SINCE";

/// Returns the folder where systemd puts a service's credentials.
#[expect(clippy::disallowed_methods, reason = "settings are read here and nowhere else")]
pub(crate) fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Returns when the run that this one replaces stopped, if it stopped because of a full disk.
#[expect(clippy::disallowed_methods, reason = "settings are read here and nowhere else")]
pub(crate) fn reopening_since() -> Option<Micros> {
    std::env::var(REOPENING_SINCE).ok()?.parse().ok().map(Micros::new)
}
