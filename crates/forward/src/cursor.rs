//! How far a destination is, in a file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ledger_contract::ResumePoint;
use serde::{Deserialize, Serialize};

/// The version of the form of the file.
const FORM: u32 = 1;

/// Why a cursor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The file cannot be read or written.
    #[error("cannot use {path}", path = .0.display())]
    File(PathBuf, #[source] io::Error),
    /// Another process uses it.
    #[error("another forwarder uses {path}", path = .0.display())]
    InUse(PathBuf),
    /// It is no cursor.
    #[error("{path} is no cursor of a forwarder", path = .0.display())]
    Malformed(PathBuf, #[source] serde_json::Error),
    /// A later program wrote it.
    #[error("{path} was written by a later version", path = .0.display())]
    Newer(PathBuf),
    /// It belongs to another destination.
    #[error("{path} is the cursor of {events} to {to}", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        to: String,
        /// What was forwarded.
        events: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    form: u32,
    to: String,
    events: String,
    after: ResumePoint,
}

/// The position up to which a destination took all events that it is to have. No other process has
/// it while this one does.
#[derive(Debug)]
pub struct Cursor {
    path: PathBuf,
    to: String,
    events: String,
    after: Option<ResumePoint>,
    /// Locked as long as the cursor is used.
    _lock: File,
}

impl Cursor {
    /// Opens the cursor of a destination for a choice of events, both in words. There is none
    /// before the first page.
    pub fn open(path: &Path, to: &str, events: &str) -> Result<Self, CursorError> {
        let failed = |error| CursorError::File(path.to_owned(), error);
        let beside = path.with_added_extension("lock");
        let lock = OpenOptions::new().create(true).append(true).open(&beside).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => CursorError::InUse(path.to_owned()),
            TryLockError::Error(error) => failed(error),
        })?;
        let after = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(stored(path, (to, events), &read.map_err(failed)?)?),
        };
        let (to, events) = (to.to_owned(), events.to_owned());
        Ok(Self { path: path.to_owned(), to, events, after, _lock: lock })
    }

    /// Returns the point after which the destination goes on.
    pub fn after(&self) -> Option<ResumePoint> {
        self.after
    }

    /// Keeps a later point, durably and at once.
    pub fn advance(&mut self, after: ResumePoint) -> Result<(), CursorError> {
        self.write(after).map_err(|error| CursorError::File(self.path.clone(), error))?;
        self.after = Some(after);
        Ok(())
    }

    fn write(&self, after: ResumePoint) -> io::Result<()> {
        let (to, events) = (self.to.clone(), self.events.clone());
        let stored = Stored { form: FORM, to, events, after };
        let beside = self.path.with_added_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(&stored)?)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn stored(path: &Path, of: (&str, &str), json: &[u8]) -> Result<ResumePoint, CursorError> {
    let malformed = |error| CursorError::Malformed(path.to_owned(), error);
    let form = |json: &[u8]| -> serde_json::Result<u32> {
        #[derive(Deserialize)]
        struct Form {
            form: u32,
        }
        Ok(serde_json::from_slice::<Form>(json)?.form)
    };
    if form(json).map_err(malformed)? > FORM {
        return Err(CursorError::Newer(path.to_owned()));
    }
    let stored: Stored = serde_json::from_slice(json).map_err(malformed)?;
    if (&*stored.to, &*stored.events) != of {
        let Stored { to, events, .. } = stored;
        return Err(CursorError::Foreign { path: path.to_owned(), to, events });
    }
    Ok(stored.after)
}

#[cfg(test)]
mod tests {
    use ledger_domain::Position;

    use super::*;

    fn point(position: u64) -> ResumePoint {
        ResumePoint::in_any_history(Position::new(position))
    }

    #[test]
    fn a_cursor_is_kept_and_belongs_to_its_destination() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor.json");
        let mut cursor = Cursor::open(&path, "file:a", "all").unwrap();
        assert_eq!(cursor.after(), None);
        cursor.advance(point(7)).unwrap();
        cursor.advance(point(9)).unwrap();
        drop(cursor);
        assert_eq!(Cursor::open(&path, "file:a", "all").unwrap().after(), Some(point(9)));
        for (to, events) in [("file:b", "all"), ("file:a", "some")] {
            let foreign = Cursor::open(&path, to, events).unwrap_err();
            assert!(matches!(foreign, CursorError::Foreign { to, .. } if to == "file:a"));
        }
        for (text, newer) in [("{\"form\":2}", true), ("nothing", false), ("", false)] {
            fs::write(&path, text).unwrap();
            let error = Cursor::open(&path, "file:a", "all").unwrap_err();
            assert_eq!(matches!(error, CursorError::Newer(_)), newer, "{text}: {error}");
        }
    }

    #[test]
    fn a_cursor_has_one_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor.json");
        let held = Cursor::open(&path, "file:a", "all").unwrap();
        assert!(matches!(Cursor::open(&path, "file:a", "all"), Err(CursorError::InUse(_))));
        drop(held);
        Cursor::open(&path, "file:a", "all").unwrap();
    }
}
