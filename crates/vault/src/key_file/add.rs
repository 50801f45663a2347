//! Adding a key to a key file, so that a reader sees either the former text or the whole new one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;

use ledger_domain::MasterKeyId;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{FILE_BYTES_MAX, LINE_BYTES, PREFIX, push_line};
use crate::error::{KeyFileError, PrivateFileError};
use crate::key_text::BYTE_ORDER_MARK;
use crate::keyring::Keyring;
use crate::private_file;

impl Keyring {
    /// Adds a new key to a key file, before all others, which makes it the active one of the file.
    /// Lines that are there stay as they are. The new text is durable before it takes the place of
    /// the former one, and has its owner and its permissions. Returns the id of the key.
    ///
    /// Errors: whatever is wrong with the file; it then stays as it is.
    pub fn add_to_file(
        path: impl AsRef<Path>,
        rng: &mut impl CryptoRng,
    ) -> Result<MasterKeyId, KeyFileError> {
        let given = path.as_ref();
        let unreadable = |source| PrivateFileError::Read { path: given.to_owned(), source };
        // A mounted secret is often a link, and the link is to stay.
        let path = given.canonicalize().map_err(unreadable)?;
        let held = lock(&path)?;
        let file = held.try_clone().map_err(unreadable)?;
        let former = private_file::read_text(&path, file, FILE_BYTES_MAX)?;
        let keyring = Self::parse(&former)?.rotate(rng);
        let text = with_first(former.trim_start_matches(BYTE_ORDER_MARK), &keyring);
        if Self::parse(&text)?.active_id() != keyring.active_id() {
            let source = io::Error::other("the new key would not be the first");
            return Err(KeyFileError::Change { path, source });
        }
        if text.len() > FILE_BYTES_MAX {
            return Err(PrivateFileError::TooLong { path, bytes_max: FILE_BYTES_MAX }.into());
        }
        let new = path.with_added_extension("new");
        let replaced = write_like(&held, &new, &text).and_then(|()| fs::rename(&new, &path));
        if let Err(source) = replaced.and_then(|()| private_file::sync_parent(&path)) {
            // What is left of it is written over by the next attempt.
            fs::remove_file(&new).ok();
            return Err(KeyFileError::Change { path, source });
        }
        Ok(keyring.active_id())
    }
}

/// Returns the text of a file with the active key of a keyring before the others.
fn with_first(former: &str, keyring: &Keyring) -> Zeroizing<String> {
    let is_key = |line: &str| line.trim_start().starts_with(PREFIX);
    let lines = former.split_inclusive('\n');
    let before = lines.take_while(|line| !is_key(line)).map(str::len).sum();
    let (comment, keys) = former.split_at(before);
    let mut text = Zeroizing::new(String::with_capacity(former.len() + LINE_BYTES));
    text.push_str(comment);
    push_line(&mut text, Arc::as_ref(&keyring.active));
    text.push_str(keys);
    text
}

/// Opens the file and keeps others who change it in this way out.
fn lock(path: &Path) -> Result<File, KeyFileError> {
    let busy = || KeyFileError::Busy { path: path.to_owned() };
    let failed = |source| KeyFileError::Change { path: path.to_owned(), source };
    let file = private_file::open_private(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(busy()),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // Whoever held the lock may have put another file in this one's place.
    if is_at(&file, path).map_err(failed)? { Ok(file) } else { Err(busy()) }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let (held, there) = (file.metadata()?, fs::metadata(path)?);
    Ok((held.dev(), held.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Writes a file with the owner and the permissions of another one.
fn write_like(model: &File, path: &Path, text: &str) -> io::Result<()> {
    // An attempt that was killed leaves it, and only the holder of the lock writes it.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = private_file::create_private(path)?;
    take_owner(model, &file)?;
    file.set_permissions(model.metadata()?.permissions())?;
    private_file::write_durably(&mut file, path, text)
}

#[cfg(unix)]
fn take_owner(model: &File, file: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let (wanted, has) = (model.metadata()?, file.metadata()?);
    if (wanted.uid(), wanted.gid()) == (has.uid(), has.gid()) {
        return Ok(());
    }
    fchown(file, Some(wanted.uid()), Some(wanted.gid()))
}

#[cfg(not(unix))]
fn take_owner(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded;

    #[test]
    fn an_added_key_comes_first_and_every_other_line_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let rng = &mut seeded(1);
        let keyring = Keyring::generate(rng);
        keyring.create_file(&path).unwrap();
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("# of the second officer\n");
        fs::write(&path, &text).unwrap();
        let added = Keyring::add_to_file(&path, rng).unwrap();
        let read = Keyring::read_file(&path).unwrap();
        assert_eq!(read.key_ids().collect::<Vec<_>>(), [added, keyring.active_id()]);
        let now = fs::read_to_string(&path).unwrap();
        let kept: Vec<_> = now.lines().filter(|line| !line.contains(&added.to_string())).collect();
        assert_eq!(kept, text.lines().collect::<Vec<_>>());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_key_comes_first_in_a_file_that_an_editor_marked_as_utf_8() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let rng = &mut seeded(4);
        let keyring = Keyring::generate(rng);
        keyring.create_file(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let key = text.lines().find(|line| line.starts_with(PREFIX)).unwrap();
        fs::write(&path, format!("{BYTE_ORDER_MARK}{key}")).unwrap();
        let added = Keyring::add_to_file(&path, rng).unwrap();
        let read = Keyring::read_file(&path).unwrap();
        assert_eq!(read.key_ids().collect::<Vec<_>>(), [added, keyring.active_id()]);
    }

    #[test]
    fn what_a_killed_attempt_left_does_not_hinder_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let rng = &mut seeded(2);
        Keyring::generate(rng).create_file(&path).unwrap();
        fs::write(folder.path().join("master.key.new"), "half").unwrap();
        Keyring::add_to_file(&path, rng).unwrap();
        assert_eq!(Keyring::read_file(&path).unwrap().key_ids().count(), 2);
    }

    #[test]
    fn a_damaged_or_held_file_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let rng = &mut seeded(3);
        Keyring::generate(rng).create_file(&path).unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        let held = lock(&path).unwrap();
        let busy = Keyring::add_to_file(&path, rng).unwrap_err();
        assert!(matches!(busy, KeyFileError::Busy { .. }), "{busy}");
        drop(held);
        let half = &whole[..whole.len() - 20];
        fs::write(&path, half).unwrap();
        assert!(Keyring::add_to_file(&path, rng).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), half);
        assert!(Keyring::add_to_file(folder.path().join("none"), rng).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_new_file_has_the_permissions_of_the_former_and_a_link_stays_one() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("master.key"), folder.path().join("link"));
        let rng = &mut seeded(4);
        Keyring::generate(rng).create_file(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        symlink(&path, &link).unwrap();
        Keyring::add_to_file(&link, rng).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(Keyring::read_file(&link).unwrap().key_ids().count(), 2);
    }
}
