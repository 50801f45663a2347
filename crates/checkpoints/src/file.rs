//! The file with the latest checkpoint.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ledger_proof::CHECKPOINT_BYTES_MAX;
use tempfile::NamedTempFile;

/// Returns what the file has, if it is there. What is longer than any checkpoint is cut off.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut text = Vec::new();
    file.take(u64::try_from(CHECKPOINT_BYTES_MAX).unwrap_or(u64::MAX)).read_to_end(&mut text)?;
    Ok(Some(text))
}

/// Replaces the file in one step. Everybody may read it.
pub(crate) fn write(path: &Path, checkpoint: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut part = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    part.write_all(checkpoint)?;
    part.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    part.as_file().sync_all()?;
    part.persist(path).map_err(|refused| refused.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.checkpoint");
        assert_eq!(read(&path).unwrap(), None);
        for text in [b"one".as_slice(), b"longer", b"x"] {
            write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap().unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write(&folder.path().join("missing/x"), b"x").is_err());
    }
}
