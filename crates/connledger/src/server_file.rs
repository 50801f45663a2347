//! `DIR/server.json`: the file in which a running server records how to reach it.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ledger_bus::public_url;
use ledger_engine::Engine;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const NAME: &str = "server.json";

/// How to reach a running server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerFile {
    /// The id of its process.
    pub(crate) pid: u32,
    /// The address of its NATS server, with user and password if needed; absent if it runs without
    /// NATS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nats_url: Option<String>,
    /// The address of its HTTP API; absent if it serves none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) http_url: Option<String>,
    /// First token of every subject.
    pub(crate) prefix: String,
    /// Its public curve key, to which requests over NATS are sealed.
    pub(crate) xkey: String,
}

impl fmt::Debug for ServerFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerFile")
            .field("pid", &self.pid)
            .field("nats_url", &self.nats_url.as_deref().map(public_url))
            .field("http_url", &self.http_url)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl ServerFile {
    /// Reads the file of the server that is running now; returns `None` if there is none.
    ///
    /// The file alone is not trusted: it survives a crash, and its process id may belong to another
    /// program by now. A running server holds its data directory.
    pub(crate) fn find(data_dir: &Path) -> Result<Option<Self>, Failure> {
        let Some(holder) = Engine::holder(data_dir) else { return Ok(None) };
        let path = data_dir.join(NAME);
        let unreadable = |error: &dyn fmt::Display| {
            Failure::usage(format!("cannot read {}: {error}", path.display()))
                .hint("restart the server, which writes it anew, or pass --nats-url and --key-file")
        };
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        };
        let file: Self = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        Ok((holder == file.pid).then_some(file))
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
        // A file left behind names a process that no longer holds the folder, so it is not trusted.
        std::fs::remove_file(&self.0).ok();
    }
}

/// Atomically replaces a file by one that only its owner may read.
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
    use ledger_engine::EngineOptions;
    use ledger_vault::Keyring;

    use super::*;

    fn of_process(pid: u32) -> ServerFile {
        let nats_url = Some("nats://me:canary@127.0.0.1:4222".to_owned());
        let (prefix, xkey) = ("ledger".to_owned(), String::new());
        ServerFile { pid, nats_url, http_url: None, prefix, xkey }
    }

    #[test]
    fn a_file_is_trusted_only_while_its_process_holds_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut options = EngineOptions::new(data.clone(), Keyring::generate(&mut rand::rng()));
        options.create = true;
        let engine = Engine::open(options).unwrap();
        let file = of_process(std::process::id());
        let written = file.write(&data).unwrap();
        assert_eq!(ServerFile::find(&data).unwrap(), Some(file.clone()));
        let other = of_process(std::process::id() + 1).write(&data).unwrap();
        assert_eq!(ServerFile::find(&data).unwrap(), None, "another process holds the folder");
        std::mem::forget(other);
        let again = file.write(&data).unwrap();
        engine.shutdown();
        drop(engine);
        assert_eq!(ServerFile::find(&data).unwrap(), None, "the process lives but holds nothing");
        drop((written, again));
        assert!(!data.join(NAME).exists());
    }

    #[test]
    fn debug_output_of_a_file_shows_no_password() {
        let shown = format!("{:?}", of_process(1));
        assert!(shown.contains("127.0.0.1:4222") && !shown.contains("canary"), "{shown}");
    }
}
