//! Files that hold secrets: opened only if no other user may read them, made for their owner alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::PrivateFileError;

#[cfg(unix)]
mod permissions;

/// Opens a file that holds a secret.
///
/// On Unix, refuses a file to which another user has access. A group may read it if this process
/// belongs to that group, which is how a container gets a mounted secret. The open file is checked,
/// not the path, which may name another file a moment later. What is no file, such as a pipe, has
/// no permissions to check.
pub fn open_private(path: &Path) -> Result<File, PrivateFileError> {
    let unreadable = |source| PrivateFileError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    match permissions::excess(&file).map_err(unreadable)? {
        Some(mode) => Err(PrivateFileError::TooOpen { path: path.to_owned(), mode }),
        None => Ok(file),
    }
}

/// Reads the text of a file that holds a secret, and checks it as [`open_private`] does.
pub fn read_private(path: &Path, bytes_max: usize) -> Result<Zeroizing<String>, PrivateFileError> {
    read_text(path, open_private(path)?, bytes_max)
}

/// Makes a new file that only its owner can read. Fails if there is one already.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes the text of a new file, and makes it and its name durable.
pub fn write_durably(file: &mut File, path: &Path, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    sync_parent(path)
}

/// Makes a new file with this text, which only its owner can read, durably.
pub fn create_with(path: &Path, text: &str) -> io::Result<()> {
    let mut file = create_private(path)?;
    if let Err(error) = write_durably(&mut file, path, text) {
        // A partial file would block the next attempt. If it cannot be removed either, the first
        // failure is reported.
        std::fs::remove_file(path).ok();
        return Err(error);
    }
    Ok(())
}

/// Reads the text of an open file.
pub(crate) fn read_text(
    path: &Path,
    file: File,
    bytes_max: usize,
) -> Result<Zeroizing<String>, PrivateFileError> {
    // The buffer gets its full capacity from the start, because growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes_max));
    file.take(bytes_max as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|source| PrivateFileError::Read { path: path.to_owned(), source })?;
    if text.len() > bytes_max {
        return Err(PrivateFileError::TooLong { path: path.to_owned(), bytes_max });
    }
    Ok(text)
}

/// Makes the new name durable, because syncing a file does not sync its folder.
#[cfg(unix)]
pub fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
pub fn sync_parent(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
mod permissions {
    use std::fs::File;
    use std::io;

    pub(super) fn excess(_file: &File) -> io::Result<Option<u32>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_file_is_never_overwritten_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let mut file = create_private(&path).unwrap();
        write_durably(&mut file, &path, "sk_live_1").unwrap();
        let again = create_private(&path).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read_private(&path, 9).unwrap().as_str(), "sk_live_1");
        let long = read_private(&path, 8).unwrap_err();
        assert!(matches!(long, PrivateFileError::TooLong { bytes_max: 8, .. }));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_open_to_other_users_is_refused_with_the_remedy() {
        use std::fs::{Permissions, metadata, set_permissions};
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path).unwrap();
        assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o604, 0o620, 0o610, 0o666, 0o644] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let error = open_private(&path).unwrap_err();
            assert!(matches!(error, PrivateFileError::TooOpen { mode: seen, .. } if seen == mode));
            let said = error.to_string();
            assert!(said.contains("chmod 600") && said.contains("fsGroup"), "{said}");
        }
        for mode in [0o400, 0o600] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            open_private(&path).unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_mounted_file_may_be_readable_by_a_group_of_this_process() {
        use std::fs::{Permissions, set_permissions};
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        create_private(&path).unwrap();
        let own = rustix::process::getegid().as_raw();
        std::os::unix::fs::chown(&path, None, Some(own)).unwrap();
        for mode in [0o640, 0o440] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            open_private(&path).unwrap();
        }
    }
}
