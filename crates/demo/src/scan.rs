//! Searches for a text in every file of a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The result of a search.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Files that contain the text.
    pub(crate) found: Vec<PathBuf>,
}

/// Searches all files of a folder and its subfolders.
pub(crate) fn search(folder: &Path, text: &str) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let bytes = fs::read(&path)?;
                scan.files += 1;
                scan.bytes += bytes.len() as u64;
                if holds(&bytes, text.as_bytes()) {
                    scan.found.push(path);
                }
            }
        }
    }
    Ok(scan)
}

/// Returns whether the bytes contain the text.
pub(crate) fn holds(bytes: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else {
        return true;
    };
    let mut left = bytes;
    while let Some(at) = left.iter().position(|byte| byte == first) {
        left = left.get(at + 1..).unwrap_or_default();
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_wherever_it_is() {
        assert!(holds(b"xxabcabd", b"abd"));
        assert!(holds(b"abd", b"abd"));
        assert!(!holds(b"xxabcab", b"abd"));
        assert!(!holds(b"", b"a"));
    }

    #[test]
    fn subfolders_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::write(folder.path().join("sub/file"), b"..needle..").unwrap();
        fs::write(folder.path().join("other"), b"hay").unwrap();
        let scan = search(folder.path(), "needle").unwrap();
        assert_eq!((scan.files, scan.found.len()), (2, 1));
    }
}
