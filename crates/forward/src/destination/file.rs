//! A file to which lines are added, and which is rotated.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::destination::{DestinationOptions, ForwardError};
use crate::format::Format;

/// A file and those that it was before: `events.log`, `events.log.1` and so on, the newest first.
#[derive(Debug)]
pub(super) struct Rotated {
    path: PathBuf,
    bytes_max: u64,
    keep: u32,
}

impl Rotated {
    pub(super) fn new(path: PathBuf, options: &DestinationOptions) -> Self {
        Self { path, bytes_max: options.rotate_bytes, keep: options.rotate_keep }
    }

    /// Adds lines, and returns when they are on disk. A file never grows beyond its size by more
    /// than one page.
    pub(super) fn append(&self, format: Format, lines: &[u8]) -> Result<(), ForwardError> {
        self.write(format, lines).map_err(|error| ForwardError::File(self.path.clone(), error))
    }

    fn write(&self, format: Format, lines: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        let mut length = file.metadata()?.len();
        if length > self.bytes_max {
            drop(file);
            self.rotate()?;
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
        let file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        cut_half_line(&file, &self.path)?;
        Ok(file)
    }

    fn rotate(&self) -> io::Result<()> {
        let name = |number: u32| match number {
            0 => self.path.clone(),
            number => self.path.with_added_extension(number.to_string()),
        };
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (0..self.keep).rev() {
            match fs::rename(name(number), name(number + 1)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed?,
            }
        }
        Ok(())
    }
}

/// Removes the beginning of a line that a kill left at the end of a file.
fn cut_half_line(file: &File, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileExt as _;
    const STEP: u64 = 64 * 1024;
    let length = file.metadata()?.len();
    let mut end = length;
    while end > 0 {
        let from = end.saturating_sub(STEP);
        let mut bytes = vec![0; usize::try_from(end - from).unwrap_or_default()];
        file.read_exact_at(&mut bytes, from)?;
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\n') {
            let whole = from + u64::try_from(at).unwrap_or_default() + 1;
            if whole < length {
                OpenOptions::new().write(true).open(path)?.set_len(whole)?;
            }
            return Ok(());
        }
        end = from;
    }
    if length > 0 {
        OpenOptions::new().write(true).open(path)?.set_len(0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotated(folder: &Path, bytes: u64, keep: u32) -> Rotated {
        let options = DestinationOptions {
            rotate_bytes: bytes,
            rotate_keep: keep,
            ..DestinationOptions::default()
        };
        Rotated::new(folder.join("events.log"), &options)
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
