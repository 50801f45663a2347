//! The server that speaks the protocol of S3, to which the tests back ledgers up.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo::output_of;
use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::python::Venv;
use crate::talk;
use crate::wheels::S3;

/// The variable that names the program.
const VARIABLE: &str = "CONNLEDGER_MOTO_SERVER";

/// Ensures that there is a `moto_server`, and sets the variable that names it.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    let program = match site.personal.get(VARIABLE).map(PathBuf::from) {
        Some(named) => own(named)?,
        None => pinned(site)?,
    };
    talk::ok(
        "S3 server",
        &format!("{} at {}", S3.asked_for().collect::<String>(), program.display()),
    );
    variables.insert(VARIABLE.to_owned(), program.to_string_lossy().into_owned());
    Ok(())
}

fn own(named: PathBuf) -> Result<PathBuf, Failure> {
    match output_of(Command::new(&named).arg("--help")) {
        Ok(_) => Ok(named),
        Err(failure) => Err(Failure::new(format!("{VARIABLE}: {failure}"))
            .hint("unset it to fetch the pinned version")),
    }
}

fn pinned(site: &Site<'_>) -> Result<PathBuf, Failure> {
    let venv = Venv::in_cache(site, S3);
    venv.ensure()?;
    Ok(venv.executable("moto_server"))
}
