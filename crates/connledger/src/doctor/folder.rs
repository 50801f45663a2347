//! The data directory: its format, whose it is, and who can read what is in it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ledger_contract::errors::Problem;
use ledger_engine::Engine;
use rustix::process::geteuid;

use super::finding::Finding;

const FORMAT: &str = "data_dir_format";
const MODE: &str = "data_dir_mode";
const OWNER: &str = "data_dir_owner";
const FILES: &str = "file_modes";
const DEV_KEYS: &str = "dev_keys";
/// The keys that a development server leaves.
const OF_DEV: [&str; 2] = ["dev-master.key", "dev-admin.key"];

pub(super) fn look(folder: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match Engine::check(folder).map_err(Problem::from) {
        Ok(()) => Finding::ok(FORMAT, format!("{} is a ledger", folder.display())),
        Err(problem) => Finding::of_problem(FORMAT, &problem),
    });
    let Ok(metadata) = fs::metadata(folder) else { return findings };
    let mode = metadata.mode() & 0o777;
    let shown = folder.display();
    findings.push(if mode.trailing_zeros() >= 6 {
        Finding::ok(MODE, format!("only the owner can enter {shown}"))
    } else {
        let about = format!("others can enter {shown} (mode {mode:03o})");
        Finding::problem(MODE, about, format!("chmod 700 {shown}; a start does it, too"))
    });
    let (owner, own) = (metadata.uid(), geteuid().as_raw());
    findings.push(if owner == own {
        Finding::ok(OWNER, format!("{shown} belongs to user {owner}"))
    } else if own == 0 {
        let about = format!(
            "{shown} belongs to user {owner}, and this is root: the database is not opened, because \
             files would be made that its server cannot open"
        );
        Finding::warning(OWNER, about, format!("run as its user: setpriv --reuid {owner} ..."))
    } else {
        let about = format!("{shown} belongs to user {owner}, and this is user {own}");
        Finding::problem(OWNER, about, format!("run as its user, or chown {own} {shown}"))
    });
    findings.extend(files(folder));
    findings.push(dev_keys(folder));
    findings
}

/// Returns whether files that this process makes there are its server's own.
pub(super) fn is_own(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|metadata| metadata.uid() == geteuid().as_raw())
}

/// Looks for files with secrets that others can read, if they can enter the directory.
fn files(folder: &Path) -> Vec<Finding> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_secret = |name: &str| {
        let is_key = Path::new(name).extension().is_some_and(|extension| extension == "key");
        is_key || name == "server.json"
    };
    let mut open: Vec<String> = entries
        .filter(|entry| is_secret(&entry.file_name().to_string_lossy()))
        .filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.mode() & 0o077 != 0))
        .map(|entry| entry.path().display().to_string())
        .collect();
    open.sort();
    if open.is_empty() {
        return vec![Finding::ok(FILES, "files with secrets are for their owner alone")];
    }
    let to_do = format!("chmod 600 {}", open.join(" "));
    vec![Finding::problem(FILES, format!("others can read {}", open.join(", ")), to_do)]
}

fn dev_keys(folder: &Path) -> Finding {
    let found: Vec<&str> = OF_DEV.into_iter().filter(|name| folder.join(name).exists()).collect();
    if found.is_empty() {
        return Finding::ok(DEV_KEYS, "there are no keys of a development server");
    }
    let about = format!("there are keys of a development server: {}", found.join(", "));
    let to_do = "make a ledger for others with `init`, whose master key is elsewhere";
    Finding::warning(DEV_KEYS, about, to_do)
}
