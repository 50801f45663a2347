//! `DIR/server.json`: where a running server says how to reach it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const NAME: &str = "server.json";

/// How to reach a running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerFile {
    /// Its process.
    pub(crate) pid: i32,
    /// Where its NATS server is; absent when it runs without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nats_url: Option<String>,
    /// Where it serves HTTP; absent when it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http_url: Option<String>,
    /// First token of every subject.
    pub(crate) prefix: String,
    /// Its public curve key: what requests over NATS are sealed to.
    pub(crate) xkey: String,
}

impl ServerFile {
    /// Reads the file of a server that is running now; nothing when none is.
    pub(crate) fn find(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read(data_dir.join(NAME)).ok()?;
        let file: Self = serde_json::from_slice(&text).ok()?;
        file.alive().then_some(file)
    }

    /// Tells whether the process is there, perhaps under another user.
    fn alive(&self) -> bool {
        !matches!(kill(Pid::from_raw(self.pid), None), Err(Errno::ESRCH))
    }

    /// Writes the file, readable for the owner only, and returns a guard that removes it.
    pub(crate) fn write(&self, data_dir: &Path) -> Result<WrittenFile, Failure> {
        let path = data_dir.join(NAME);
        let text =
            serde_json::to_vec(self).map_err(|error| Failure::internal(error.to_string()))?;
        write_private(&path, &text).map_err(|error| Failure::file("write", &path, &error))?;
        Ok(WrittenFile(path))
    }
}

/// Removes the file when dropped.
#[derive(Debug)]
pub(crate) struct WrittenFile(PathBuf);

impl Drop for WrittenFile {
    fn drop(&mut self) {
        // A file left behind names a process that is gone, and is not believed.
        std::fs::remove_file(&self.0).ok();
    }
}

/// Writes a file that only its owner may read, replacing an old one at once.
pub(crate) fn write_private(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?; // mode 0600
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_live_process_is_found_and_removed_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let pid = i32::try_from(std::process::id()).unwrap();
        let file = ServerFile {
            pid,
            nats_url: None,
            http_url: None,
            prefix: "ledger".to_owned(),
            xkey: String::new(),
        };
        let written = file.write(folder.path()).unwrap();
        assert_eq!(ServerFile::find(folder.path()), Some(file));
        drop(written);
        assert_eq!(ServerFile::find(folder.path()), None);
    }

    #[test]
    fn a_file_of_a_dead_process_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let dead = ServerFile {
            pid: i32::MAX,
            nats_url: None,
            http_url: None,
            prefix: "ledger".to_owned(),
            xkey: String::new(),
        };
        let _written = dead.write(folder.path()).unwrap();
        assert_eq!(ServerFile::find(folder.path()), None);
    }
}
