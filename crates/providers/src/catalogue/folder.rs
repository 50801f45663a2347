//! Reads an operator's files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::{CatalogueError, FileFault};
use crate::limits::{FILE_BYTES, FILES};
use crate::provider::Provider;
use crate::rules::Fault;

/// Returns the files `*.json` in a folder, sorted by name and without hidden files.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let failed = |source| CatalogueError::Folder { path: folder.to_path_buf(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let json = path.extension().is_some_and(|extension| extension == "json");
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if json && !hidden {
            files.push(path);
        }
    }
    if files.len() > FILES {
        let path = folder.to_path_buf();
        return Err(CatalogueError::TooManyFiles { path, files: files.len() });
    }
    files.sort();
    Ok(files)
}

/// Returns whether a file is among several, even if their paths are spelled differently.
pub(super) fn holds(files: &[PathBuf], path: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    files.iter().any(|file| file.file_name() == path.file_name() && real(file) == real(path))
}

/// Reads and checks the description of one provider in a file.
///
/// # Errors
/// All faults in the file itself. [`Catalogue::with_files`](super::Catalogue::with_files) finds
/// names that it shares with other descriptions.
pub fn read_file(path: &Path) -> Result<Provider, Vec<FileFault>> {
    let faulty = |fault| FileFault { path: path.to_path_buf(), fault };
    let whole = |problem: String| vec![faulty(Fault { place: "file".to_owned(), problem })];
    let text = read_text(path).map_err(|error| whole(format!("cannot be read: {error}")))?;
    let Some(text) = text else {
        return Err(whole(format!("is larger than {FILE_BYTES} bytes")));
    };
    Provider::read(&text).map_err(|faults| faults.into_iter().map(faulty).collect())
}

/// Reads a text; `None` if it is too large.
fn read_text(path: &Path) -> io::Result<Option<String>> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES + 1).read_to_string(&mut text)?;
    let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
    Ok((size <= FILE_BYTES).then_some(text))
}
