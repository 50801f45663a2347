//! The file of an export: a name, or `-` for standard input and output; compressed if the name ends
//! in `.zst`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use ledger_engine::PortableError;
use tempfile::NamedTempFile;

use super::stop::Stop;
use crate::failure::Failure;

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 * 1024;
/// How far a compressed file may refer back, as a power of two: what `zstd` permits by default.
const WINDOW_LOG_MAX: u32 = 27;

/// Returns whether a path stands for standard input or output.
pub(super) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zst"))
}

/// Opens a file to read.
pub(crate) fn open(path: &Path, stop: &Stop) -> io::Result<Box<dyn BufRead + Send>> {
    if is_standard(path) {
        return Ok(Box::new(BufReader::with_capacity(READ_BYTES, stop.wrap(io::stdin()))));
    }
    let file = stop.wrap(File::open(path)?);
    if !is_compressed(path) {
        return Ok(Box::new(BufReader::with_capacity(READ_BYTES, file)));
    }
    let mut decoder = zstd::Decoder::new(file)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    Ok(Box::new(BufReader::with_capacity(READ_BYTES, decoder)))
}

/// Where an export goes.
#[derive(Debug)]
pub(super) enum Destination {
    Standard,
    /// A file that gets its name once it is whole. Without, it is removed when dropped.
    File {
        path: PathBuf,
        part: NamedTempFile,
    },
}

impl Destination {
    /// Makes the file, which only its owner can read, without its name.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        if is_standard(path) {
            return Ok(Self::Standard);
        }
        if path.symlink_metadata().is_ok() {
            return Err(Failure::usage(format!("{} is there already", path.display()))
                .hint("--out never overwrites a file"));
        }
        let part = tempfile::Builder::new().prefix(".connledger-export-").tempfile_in(folder(path));
        let part = part.map_err(|error| Failure::file("create", path, &error))?;
        Ok(Self::File { path: path.to_owned(), part })
    }

    /// Writes everything, makes it durable, and gives the file its name.
    pub(super) fn fill<T>(
        self,
        stop: &Stop,
        write: impl FnOnce(&mut dyn Write) -> Result<T, PortableError>,
    ) -> Result<T, PortableError> {
        let (path, mut part) = match self {
            Self::Standard => return write(&mut stop.wrap(io::stdout())),
            Self::File { path, part } => (path, part),
        };
        let file = stop.wrap(part.as_file_mut());
        let written = if is_compressed(&path) {
            let mut encoder = zstd::Encoder::new(file, 0).map_err(PortableError::Output)?;
            let written = write(&mut encoder)?;
            encoder.finish().map_err(PortableError::Output)?;
            written
        } else {
            write(&mut { file })?
        };
        name(part, &path).map_err(PortableError::Output)?;
        Ok(written)
    }
}

/// Gives a whole file its name, durably, unless another one has it by now.
fn name(part: NamedTempFile, path: &Path) -> io::Result<()> {
    part.as_file().sync_all()?;
    part.persist_noclobber(path).map_err(|refused| refused.error)?;
    ledger_vault::sync_parent(path)
}

/// Returns the folder of a file.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_gets_its_name_once_it_is_whole_and_only_its_owner_can_read_it() {
        let (folder, stop) = (tempfile::tempdir().unwrap(), Stop::default());
        for name in ["ledger.jsonl", "ledger.jsonl.zst"] {
            let path = folder.path().join(name);
            let failed = Destination::create(&path).unwrap().fill(&stop, |out| {
                out.write_all(b"half of it").unwrap();
                Err::<(), _>(PortableError::Output(io::Error::other("no more")))
            });
            assert!(failed.is_err() && !path.exists(), "{name}");
            let destination = Destination::create(&path).unwrap();
            let line = "a line\n".repeat(10_000);
            let fill = |out: &mut dyn Write| {
                assert!(!path.exists());
                out.write_all(line.as_bytes()).map_err(PortableError::Output)
            };
            destination.fill(&stop, fill).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            let mut read = String::new();
            io::Read::read_to_string(&mut open(&path, &stop).unwrap(), &mut read).unwrap();
            assert_eq!(read, line);
            let is_small = path.metadata().unwrap().len() < 1_000;
            assert_eq!(is_small, name.ends_with("zst"));
            let refused = Destination::create(&path).unwrap_err().lines().join("\n");
            assert!(refused.contains("never overwrites"), "{refused}");
        }
        let mut left = names(folder.path());
        left.sort();
        assert_eq!(left, ["ledger.jsonl", "ledger.jsonl.zst"], "nothing else is left");
    }

    #[test]
    fn a_file_that_somebody_made_meanwhile_is_kept() {
        let (folder, stop) = (tempfile::tempdir().unwrap(), Stop::default());
        let path = folder.path().join("ledger.jsonl");
        let destination = Destination::create(&path).unwrap();
        std::fs::write(&path, "of somebody else").unwrap();
        destination.fill(&stop, |_| Ok(())).unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "of somebody else");
        assert_eq!(names(folder.path()), ["ledger.jsonl"]);
    }
}
