//! Folders that only their owner can enter, whatever the umask, so that the modes of the files in
//! them do not matter.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

const PRIVATE: u32 = 0o700;
const OTHERS_MAY_WRITE: u32 = 0o002;

/// Makes a folder, if there is none, and takes it from everybody but its owner.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    match DirBuilder::new().mode(PRIVATE).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    narrow(path)
}

/// Takes an existing folder from everybody but its owner.
///
/// Where the mode is not for this process to change, as in a mounted volume, the folder is used as
/// it is: what is in it has modes of its own. It is refused if everybody could replace its content.
pub(crate) fn narrow(path: &Path) -> io::Result<()> {
    let folder = File::open(path)?;
    let mode = folder.metadata()?.mode();
    if mode & 0o777 == PRIVATE {
        return Ok(());
    }
    match folder.set_permissions(Permissions::from_mode(PRIVATE)) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        Err(_) if mode & OTHERS_MAY_WRITE != 0 => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "every user may write to it (mode {:03o}); its owner must chmod it",
                mode & 0o777
            ),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_folder_is_private_whether_it_is_made_or_was_there() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("parent/data");
        make(&path).unwrap();
        assert_eq!(mode(&path), PRIVATE);
        for wide in [0o755, 0o777, 0o750, 0o500] {
            fs::set_permissions(&path, Permissions::from_mode(wide)).unwrap();
            make(&path).unwrap();
            assert_eq!(mode(&path), PRIVATE, "{wide:o}");
        }
        assert!(narrow(&outer.path().join("none")).is_err());
    }
}
