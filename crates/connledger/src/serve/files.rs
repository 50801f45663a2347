//! How many files the process may have open: every connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// What is left for everything that is no HTTP connection: the store, NATS, logs.
const OTHER_FILES: u64 = 1_024;

/// Takes as many files as the system allows, and returns how many of the wanted connections fit.
pub(super) fn connections_max(wanted: usize) -> usize {
    let files = match raise() {
        Ok(files) => files,
        Err(error) => {
            warn!(%error, "cannot ask how many files may be open");
            return wanted;
        }
    };
    let fit = usize::try_from(files.saturating_sub(OTHER_FILES).max(OTHER_FILES / 2));
    let fit = fit.unwrap_or(usize::MAX);
    if fit < wanted {
        warn!(files, connections = fit, wanted, "few files may be open, so few connections too");
    }
    fit.min(wanted)
}

/// Raises the limit to what the process may give itself, and returns it.
fn raise() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= hard {
        return Ok(soft);
    }
    // Some systems name a hard limit that they then refuse; what there was, is still there.
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard))
}
