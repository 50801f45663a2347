//! Published clients of other products, which the tests run unmodified against the ledger.
//!
//! Their dependencies are pinned, too: for Python in `constraints.txt`, for Node.js in
//! `package-lock.json`, both beside the scripts that use them. Both folders in the cache get a mark
//! that names what was installed only after the installation is complete, so that an interrupted
//! installation is repeated.

mod node;
mod packages;
mod python;

use std::path::Path;

use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;

/// Path of pins and scripts, relative to the checkout's root.
const FOLDER: &str = "tests/clients";

/// Ensures that the clients are installed, and sets the variables that name them.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    python::ensure(site, variables)?;
    let node = node::ensure(site, variables)?;
    packages::ensure(site, &node, variables)
}

fn insert(variables: &mut Variables, name: &str, path: &Path) {
    variables.insert(name.to_owned(), path.to_string_lossy().into_owned());
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::io("read", path, &error))
}

/// Returns whether a folder's mark names exactly what should be installed there.
fn is_marked(mark: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(mark).is_ok_and(|installed| installed == wanted)
}

fn set_mark(mark: &Path, installed: &str) -> Result<(), Failure> {
    std::fs::write(mark, installed).map_err(|error| Failure::io("write", mark, &error))
}

/// Removes a mark before its folder is changed.
fn clear_mark(mark: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(mark) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::io("remove", mark, &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_complete_only_with_the_mark_of_the_present_pins() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mark = folder.path().join("installed");
        assert!(!is_marked(&mark, "a==1"));
        clear_mark(&mark).expect("nothing to take away is fine");
        set_mark(&mark, "a==1").expect("written");
        assert!(is_marked(&mark, "a==1"));
        assert!(!is_marked(&mark, "a==2"), "the pins have changed since");
        clear_mark(&mark).expect("taken away");
        assert!(!is_marked(&mark, "a==1"));
    }
}
