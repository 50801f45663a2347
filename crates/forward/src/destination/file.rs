//! A file to which lines are added, and which is rotated.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::destination::{ForwardError, Rotation};
use crate::format::Format;

/// A file and those that it was before: `events.log`, `events.log.1` and so on, the newest first.
#[derive(Debug)]
pub(super) struct Rotated {
    path: PathBuf,
    rotation: Option<Rotation>,
}

impl Rotated {
    pub(super) fn new(path: PathBuf, rotation: Option<Rotation>) -> Self {
        Self { path, rotation }
    }

    /// Checks that a file to which nothing was added yet is missing, empty or has whole lines.
    pub(super) fn begin(&self) -> Result<(), ForwardError> {
        let failed = |error| ForwardError::File(self.path.clone(), error);
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            opened => opened.map_err(failed)?,
        };
        let length = file.metadata().map_err(failed)?.len();
        if end_of_lines(&file, length).map_err(failed)? == length {
            return Ok(());
        }
        Err(ForwardError::Unlike(self.path.clone()))
    }

    /// Adds lines, and returns when they are on disk. A file that is rotated never grows beyond its
    /// size by more than one page.
    pub(super) fn append(&self, format: Format, lines: &[u8]) -> Result<(), ForwardError> {
        self.write(format, lines).map_err(|error| ForwardError::File(self.path.clone(), error))
    }

    fn write(&self, format: Format, lines: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        let mut length = file.metadata()?.len();
        if let Some(Rotation { bytes, keep }) = self.rotation
            && length > bytes
        {
            drop(file);
            self.rotate(keep.get())?;
            file = self.open()?;
            length = 0;
        }
        if length == 0 {
            file.write_all(&format.beginning())?;
        }
        // What a kill left of a page is made whole lines by the page that follows it.
        file.write_all(lines)?;
        file.sync_data()
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        let file = match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // It has addresses and what people wrote.
                let made = options.create(true).mode(0o600).open(&self.path)?;
                self.sync_folder()?;
                made
            }
            opened => opened?,
        };
        let length = file.metadata()?.len();
        let whole = end_of_lines(&file, length)?;
        if whole < length {
            // What a kill left of a line.
            file.set_len(whole)?;
        }
        Ok(file)
    }

    fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn rotate(&self, keep: u32) -> io::Result<()> {
        let name = |number: u32| match number {
            0 => self.path.clone(),
            number => self.path.with_added_extension(number.to_string()),
        };
        for number in (0..keep).rev() {
            match fs::rename(name(number), name(number + 1)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
        }
        self.sync_folder()
    }
}

/// Returns where the last whole line of a file ends.
fn end_of_lines(file: &File, length: u64) -> io::Result<u64> {
    const STEP: u64 = 64 * 1024;
    let mut end = length;
    while end > 0 {
        let from = end.saturating_sub(STEP);
        let mut bytes = vec![0; usize::try_from(end - from).unwrap_or_default()];
        file.read_exact_at(&mut bytes, from)?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + u64::try_from(at).unwrap_or_default() + 1);
        }
        end = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn rotated(folder: &Path, bytes: u64, keep: u32) -> Rotated {
        let keep = NonZeroU32::new(keep).unwrap();
        Rotated::new(folder.join("events.log"), Some(Rotation { bytes, keep }))
    }

    #[test]
    fn a_file_of_another_program_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = rotated(folder.path(), 5, 2);
        file.begin().unwrap();
        for (text, is_ours) in [("", true), ("one\n", true), ("{ \"a\": 1 }", false)] {
            fs::write(folder.path().join("events.log"), text).unwrap();
            assert_eq!(file.begin().is_ok(), is_ours, "{text}");
        }
        assert_eq!(fs::read_to_string(folder.path().join("events.log")).unwrap(), "{ \"a\": 1 }");
    }

    #[test]
    fn a_full_file_is_rotated_and_the_oldest_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let file = rotated(folder.path(), 5, 2);
        for number in 1..=4 {
            file.append(Format::Ndjson, format!("line {number}\n").as_bytes()).unwrap();
        }
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text("events.log"), "line 4\n");
        assert_eq!(
            (text("events.log.1"), text("events.log.2")),
            ("line 3\n".into(), "line 2\n".into())
        );
        assert!(!folder.path().join("events.log.3").exists());
    }

    #[test]
    fn half_a_line_of_a_kill_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let file = rotated(folder.path(), 1_000_000, 1);
        let path = folder.path().join("events.log");
        let long = "x".repeat(200_000);
        for (left, kept) in [("one\ntw", "one\n"), ("half", ""), (&long, ""), ("one\n", "one\n")] {
            fs::write(&path, left).unwrap();
            file.append(Format::Ndjson, b"next\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{kept}next\n"));
        }
        fs::remove_file(&path).unwrap();
        file.append(Format::Csv, b"1\n").unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("position,time"));
    }
}
