//! The limit on open files, of which every connection needs one.

use ledger_engine::open_files_max;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing::warn;

/// Files kept for everything but HTTP connections and the database: NATS, logs.
const OTHER_FILES: u64 = 512;

/// Raises the limit on open files, and returns how many of the wanted connections fit within it.
pub(super) fn connections_max(wanted: usize) -> usize {
    let files = match raise() {
        Ok(files) => files,
        Err(error) => {
            warn!(%error, "cannot read the limit on open files");
            return wanted;
        }
    };
    let others = OTHER_FILES + open_files_max();
    let fit = usize::try_from(files.saturating_sub(others).max(OTHER_FILES));
    let fit = fit.unwrap_or(usize::MAX);
    if fit < wanted {
        warn!(files, connections = fit, wanted, "the limit on open files limits connections");
    }
    fit.min(wanted)
}

/// Raises the soft limit to the hard limit, and returns the limit that is then in force.
fn raise() -> nix::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft >= hard {
        return Ok(soft);
    }
    // Some systems report a hard limit that they then refuse; the soft limit stays in force.
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_or(soft, |()| hard))
}
