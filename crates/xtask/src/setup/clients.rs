//! The Python that has the published Python clients of other products, which the tests run
//! unmodified against the ledger. Those for Node.js are in `node_packages.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::output_of;
use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::python::Venv;
use crate::talk;
use crate::wheels::CLIENTS;

/// The variable that names the Python.
const VARIABLE: &str = "CONNLEDGER_CLIENTS_PYTHON";
/// Fails if a client is missing; needs no network and little time.
const LOOK: &str = "import importlib.util as u, sys; \
    sys.exit(not all(map(u.find_spec, ['blaxel', 'portkey_ai', 'elevenlabs'])))";

pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    let python = match site.personal.get(VARIABLE).map(PathBuf::from) {
        Some(named) => own(named)?,
        None => pinned(site)?,
    };
    let clients = CLIENTS.asked_for().collect::<Vec<_>>().join(", ");
    talk::ok("python clients", &format!("{clients} for {}", python.display()));
    variables.insert(VARIABLE.to_owned(), python.to_string_lossy().into_owned());
    Ok(())
}

fn own(named: PathBuf) -> Result<PathBuf, Failure> {
    match look(&named) {
        Ok(()) => Ok(named),
        Err(failure) => Err(Failure::new(format!("{VARIABLE}: {failure}"))
            .hint("unset it to create an environment with the clients")),
    }
}

fn look(python: &Path) -> Result<(), Failure> {
    output_of(Command::new(python).args(["-c", LOOK])).map(drop)
}

fn pinned(site: &Site<'_>) -> Result<PathBuf, Failure> {
    let venv = Venv::in_cache(site, CLIENTS);
    let python = venv.executable("python");
    venv.ensure().and_then(|()| look(&python)).map_err(|failure| {
        Failure::new(format!("cannot fetch the Python clients: {failure}")).hint(format!(
            "they need Python 3.10 or newer, 160 MB and a package index that pip can reach; or \
             set {VARIABLE} to a Python that has them"
        ))
    })?;
    Ok(python)
}
