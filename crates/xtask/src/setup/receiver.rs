//! The Python that checks the signatures of alerts as receivers do, with the published library.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::output_of;
use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::python::Venv;
use crate::talk;
use crate::wheels::RECEIVER;

/// The variable that names the Python.
const VARIABLE: &str = "CONNLEDGER_RECEIVER_PYTHON";

/// Ensures that there is such a Python, and sets the variable that names it.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    let python = match site.personal.get(VARIABLE).map(PathBuf::from) {
        Some(named) => own(named)?,
        None => pinned(site)?,
    };
    let asked_for = RECEIVER.asked_for().collect::<String>();
    talk::ok("receiver", &format!("{asked_for} for {}", python.display()));
    variables.insert(VARIABLE.to_owned(), python.to_string_lossy().into_owned());
    Ok(())
}

fn own(named: PathBuf) -> Result<PathBuf, Failure> {
    match look(&named) {
        Ok(()) => Ok(named),
        Err(failure) => Err(Failure::new(format!("{VARIABLE}: {failure}"))
            .hint("unset it to create an environment with the library")),
    }
}

fn look(python: &Path) -> Result<(), Failure> {
    output_of(Command::new(python).args(["-c", "import standardwebhooks"])).map(drop)
}

fn pinned(site: &Site<'_>) -> Result<PathBuf, Failure> {
    let venv = Venv::in_cache(site, RECEIVER);
    let python = venv.executable("python");
    venv.ensure().and_then(|()| look(&python))?;
    Ok(python)
}
