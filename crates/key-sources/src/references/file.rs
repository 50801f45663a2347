//! A file that a reference leads to.

use std::io::{self, Read as _};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use ledger_vault::Plaintext;
use rustix::fs::OFlags;

use super::{CONTENT_BYTES_MAX, FollowError};

/// Reads a regular file within a folder, out of which no symbolic link may lead. One line end is
/// dropped from the end. Blocks.
pub(super) fn read(folder: &Path, path: &Path) -> Result<Plaintext, FollowError> {
    let folder = Dir::open_ambient_dir(folder, ambient_authority())
        .map_err(|error| FollowError::unusable(format!("its folder cannot be opened: {error}")))?;
    // Opening a pipe would wait for whoever writes to it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    let opened = folder.open_with(path, options.read(true).custom_flags(flags));
    let file = opened.map_err(|error| FollowError::unusable(reason(&error)))?;
    let unreadable =
        |error: io::Error| FollowError::unusable(format!("the file cannot be read: {error}"));
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(FollowError::unusable("what is there is not a regular file"));
    }
    let too_large = || FollowError::unusable("the file is larger than 64 KiB");
    let length = usize::try_from(metadata.len()).map_err(|_| too_large())?;
    if length > CONTENT_BYTES_MAX {
        return Err(too_large());
    }
    // With its whole length from the start, the buffer does not grow and leave copies behind.
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(CONTENT_BYTES_MAX + 1));
    let limit = u64::try_from(CONTENT_BYTES_MAX).unwrap_or(u64::MAX) + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > CONTENT_BYTES_MAX {
        return Err(too_large());
    }
    let end =
        bytes.strip_suffix(b"\n").map_or(&**bytes, |text| text.strip_suffix(b"\r").unwrap_or(text));
    Ok(Plaintext::new(end))
}

/// Says why a file cannot be opened.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        // An error of the sandbox has no number of the system.
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            "a symbolic link leads out of the allowed folder".to_owned()
        }
        _ => format!("the file cannot be opened: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn length(folder: &Path, name: &str) -> Result<usize, String> {
        let read = read(folder, Path::new(name));
        read.map(|found| found.len_bytes()).map_err(|error| error.cause)
    }

    #[test]
    fn a_file_is_read_within_its_folder_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("secrets");
        fs::create_dir_all(folder.join("sub")).unwrap();
        fs::write(root.path().join("outside"), "canary").unwrap();
        fs::write(folder.join("line"), "12345\r\n").unwrap();
        fs::write(folder.join("lines"), "12\n45\n\n").unwrap();
        fs::write(folder.join("full"), vec![b'x'; CONTENT_BYTES_MAX]).unwrap();
        fs::write(folder.join("large"), vec![b'x'; CONTENT_BYTES_MAX + 1]).unwrap();
        symlink("line", folder.join("within")).unwrap();
        symlink("../line", folder.join("sub/up")).unwrap();
        symlink("../outside", folder.join("out")).unwrap();
        symlink(root.path().join("outside"), folder.join("absolute")).unwrap();
        symlink("..", folder.join("parent")).unwrap();
        for (name, bytes) in
            [("line", 5), ("lines", 6), ("full", CONTENT_BYTES_MAX), ("within", 5), ("sub/up", 5)]
        {
            assert_eq!(length(&folder, name), Ok(bytes), "{name}");
        }
        for (name, part) in [
            ("missing", "no such file"),
            ("sub", "not a regular file"),
            ("large", "larger than 64 KiB"),
            ("out", "leads out of the allowed folder"),
            ("absolute", "leads out of the allowed folder"),
            ("parent/outside", "leads out of the allowed folder"),
        ] {
            let cause = length(&folder, name).expect_err(name);
            assert!(cause.contains(part) && !cause.contains("canary"), "{name}: {cause}");
        }
        let pipe = folder.join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        assert!(length(&folder, "pipe").expect_err("a pipe").contains("not a regular file"));
        let missing = length(&root.path().join("none"), "line").expect_err("no folder");
        assert!(missing.contains("its folder cannot be opened"), "{missing}");
    }
}
