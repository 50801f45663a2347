//! `--out FILE`: where an API key goes that is shown once.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use ledger_contract::access::IssuedKey;
use ledger_vault::{create_private, write_durably};
use serde_json::json;

use crate::body::Body;
use crate::failure::Failure;
use crate::output::Output;

/// Where the key goes.
#[derive(Debug, Args)]
pub(crate) struct KeyOutArgs {
    /// New file for the key, which only its owner can read; never overwritten [default: standard
    /// output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl KeyOutArgs {
    /// Makes the file, if one is named, before there is a key that could be lost.
    pub(crate) fn open(&self) -> Result<Option<KeyOut>, Failure> {
        let Some(path) = self.out.clone() else { return Ok(None) };
        let file = create_private(&path).map_err(|error| {
            Failure::file("create", &path, &error).hint("--out never overwrites a file")
        })?;
        Ok(Some(KeyOut { path, file, written: false }))
    }

    /// Removes the file if it is empty, as a run leaves it that was killed before there was a key.
    /// Returns whether it was.
    pub(crate) fn remove_empty(&self) -> Result<bool, Failure> {
        let Some(path) = &self.out else { return Ok(false) };
        let is_empty = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0);
        if is_empty {
            std::fs::remove_file(path).map_err(|error| Failure::file("remove", path, &error))?;
        }
        Ok(is_empty)
    }
}

/// A file for a key. Removed when dropped without one.
#[derive(Debug)]
pub(crate) struct KeyOut {
    path: PathBuf,
    file: File,
    written: bool,
}

/// Writes an API key that is shown once: into the file, if there is one, and otherwise to standard
/// output. With --json, `about` is in the object as well.
pub(crate) fn hand_out(
    out: Output,
    principal: &str,
    issued: &IssuedKey,
    file: Option<&mut KeyOut>,
    about: Body,
) -> Result<(), Failure> {
    let path = match file {
        Some(file) => {
            file.write(&issued.key)?;
            Some(file.path())
        }
        None => None,
    };
    if out.is_json() {
        let mut object = json!({
            "principal": principal,
            "id": issued.id,
            "key": path.is_none().then_some(&issued.key),
            "key_file": path,
            "expires_at": issued.expires_at,
        });
        if let Some(object) = object.as_object_mut() {
            object.extend(about);
        }
        return out.object(&object);
    }
    if path.is_none() {
        out.verbatim(&issued.key)?;
    }
    Ok(())
}

impl KeyOut {
    /// Returns the file's name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the key. If that fails, the key is lost and has to be revoked.
    pub(crate) fn write(&mut self, key: &str) -> Result<(), Failure> {
        write_durably(&mut self.file, &self.path, &format!("{key}\n")).map_err(|error| {
            Failure::file("write", &self.path, &error).hint("revoke the key, which is lost")
        })?;
        self.written = true;
        Ok(())
    }
}

impl Drop for KeyOut {
    fn drop(&mut self) {
        if !self.written {
            // An empty file would only stand in the way of the next attempt.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_goes_into_a_new_file_of_its_owner_or_leaves_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eu-1.key");
        let args = KeyOutArgs { out: Some(path.clone()) };
        drop(args.open().unwrap());
        assert!(!path.exists(), "no key came");
        args.open().unwrap().unwrap().write("sk_live_1").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sk_live_1\n");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let lines = args.open().unwrap_err().lines().join("\n");
        assert!(lines.contains("never overwrites"), "{lines}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sk_live_1\n");
    }
}
