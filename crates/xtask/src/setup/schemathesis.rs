//! The program that asks the HTTP API what its description allows, and what it does not.

use std::path::PathBuf;

use crate::cargo::output_of;
use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::python::{self, Venv};
use crate::talk;
use crate::versions::SCHEMATHESIS_WHEEL;

/// Names the program.
pub(crate) const VARIABLE: &str = "CONNLEDGER_SCHEMATHESIS";
/// It brings many packages along, so it has an environment of its own.
const VENV: &str = "schemathesis";

/// Makes sure that there is a schemathesis, and says where in a variable.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    let program = match site.personal.get(VARIABLE).map(PathBuf::from) {
        Some(named) => own(named)?,
        None => pinned(site)?,
    };
    talk::ok("schemathesis", &format!("at {}", program.display()));
    variables.insert(VARIABLE.to_owned(), program.to_string_lossy().into_owned());
    Ok(())
}

fn own(named: PathBuf) -> Result<PathBuf, Failure> {
    match output_of(std::process::Command::new(&named).arg("--version")) {
        Ok(_) => Ok(named),
        Err(failure) => Err(Failure::new(format!("{VARIABLE}: {failure}"))
            .hint("unset it to have the pinned version fetched")),
    }
}

fn pinned(site: &Site<'_>) -> Result<PathBuf, Failure> {
    let venv = Venv::in_cache(site, VENV);
    if !python::has_package(&venv.executable("python"), SCHEMATHESIS_WHEEL) {
        venv.install(&[SCHEMATHESIS_WHEEL])?;
    }
    Ok(venv.executable("schemathesis"))
}
