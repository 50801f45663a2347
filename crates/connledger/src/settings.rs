//! The environment variables that have no flag. The others are declared beside their flag.

use std::path::PathBuf;

/// Returns the folder where systemd puts a service's credentials.
#[expect(clippy::disallowed_methods, reason = "settings are read here and nowhere else")]
pub(crate) fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}
