//! Files of unfinished writes in a folder: `name#1`, which become `name` in one step when they are
//! whole. A process that is killed leaves them behind.

use std::io;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use ledger_domain::Micros;

use crate::names::{MANIFESTS, SEGMENTS, STATES};
use crate::prune::UNFINISHED_AGE;

/// Removes those that are old enough. Returns how many there are.
pub(super) fn remove(folder: &Path, now: Micros, dry_run: bool) -> io::Result<u64> {
    let mut found = 0;
    for name in [MANIFESTS, SEGMENTS, STATES] {
        let entries = match std::fs::read_dir(folder.join(name)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let is_unfinished = entry.file_name().to_str().is_some_and(is_unfinished);
            if is_unfinished && age(&entry.metadata()?, now) > UNFINISHED_AGE {
                found += 1;
                if !dry_run {
                    std::fs::remove_file(entry.path())?;
                }
            }
        }
    }
    Ok(found)
}

fn is_unfinished(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn age(file: &std::fs::Metadata, now: Micros) -> Duration {
    let written = file.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let now = Duration::from_micros(u64::try_from(now.get()).unwrap_or_default());
    written.map_or(Duration::ZERO, |written| now.saturating_sub(written))
}
