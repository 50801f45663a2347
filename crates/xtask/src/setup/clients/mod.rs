//! Published clients of other products, which the tests run unmodified against the ledger.
//!
//! Their dependencies are pinned, too, with the hashes of their files: for Python beside the other
//! wheels, for Node.js in the `package-lock.json` beside the scripts.

mod node;
mod packages;
mod python;

use std::path::Path;

use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;

/// Path of the scripts and of the pins for Node.js, relative to the checkout's root.
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
