//! The program that tests the HTTP API with valid and invalid requests.

use std::path::PathBuf;

use crate::cargo::output_of;
use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::python::Venv;
use crate::talk;
use crate::wheels::SCHEMATHESIS;

/// The variable that names the program.
pub(crate) const VARIABLE: &str = "CONNLEDGER_SCHEMATHESIS";

/// Ensures that there is a schemathesis, and sets the variable that names it.
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
            .hint("unset it to fetch the pinned version")),
    }
}

fn pinned(site: &Site<'_>) -> Result<PathBuf, Failure> {
    let venv = Venv::in_cache(site, SCHEMATHESIS);
    venv.ensure()?;
    Ok(venv.executable("schemathesis"))
}
