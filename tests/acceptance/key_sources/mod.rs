//! Where a server's master key comes from: the program with a Vault, AWS KMS, variables and other
//! programs.

mod aws;
mod google;
mod runbook;
mod start;
mod variable;
mod vault;

use std::fs;
use std::path::{Path, PathBuf};

use ledger_vault::Keyring;
use tempfile::TempDir;

use crate::output::text;

/// A folder with a master key in the clear.
struct Keys {
    folder: TempDir,
    ring: Keyring,
}

impl Keys {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ring = Keyring::generate(&mut rand::rng());
        ring.create_file(folder.path().join("master.key")).expect("a file");
        Self { folder, ring }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn clear(&self) -> String {
        text(&self.path("master.key")).to_owned()
    }

    fn wrapped(&self) -> String {
        text(&self.path("wrapped.key")).to_owned()
    }

    fn id(&self) -> String {
        self.ring.active_id().to_string()
    }
}

/// Returns the key of a file in the clear, or what a service made of it: nothing may repeat it.
fn last_part(path: &Path) -> String {
    let file = fs::read_to_string(path).expect("a file");
    file.trim_end().rsplit(':').next().expect("a part").to_owned()
}
