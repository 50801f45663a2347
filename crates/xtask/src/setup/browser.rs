//! The browser in which the tests of the console run. One that is installed is taken; otherwise it
//! is unpacked as the databases are.

use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::databases::{Program, Server, ensure_all};
use crate::setup::packages::SystemPackage;

const CHROMIUM: Server = Server {
    variable: "CONNLEDGER_CHROMIUM",
    says_version: "--version",
    programs: &[Program { name: "chromium", folders: &["lib/chromium"], stands_for: None }],
    package: SystemPackage {
        what: "Chromium",
        debian: &["chromium"],
        fedora: "chromium",
        macos: "brew install --cask chromium",
    },
};

/// Ensures that there is a browser, and sets the variable that names it.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    ensure_all(site, &[CHROMIUM], variables)
}
