//! The nats-server that the ledger starts, and the foreign client that the tests run.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::output_of;
use crate::environment::{self, Variables};
use crate::failure::Failure;
use crate::setup::python::Venv;
use crate::setup::{Purpose, Site};
use crate::talk;
use crate::versions::{NATS_SERVER_OLDEST, Version};
use crate::wheels::NATS;

/// Ensures that there is a new enough nats-server, and sets the variable that names it.
pub(super) fn ensure_server(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    let (path, version) = match personal_server(site)? {
        Some(found) => found,
        None => match find_server(site) {
            Some(found) => found,
            None => fetch_server(site)?,
        },
    };
    talk::ok("nats-server", &format!("{version} at {}", path.display()));
    variables.insert("CONNLEDGER_NATS_SERVER".to_owned(), path.to_string_lossy().into_owned());
    Ok(())
}

fn personal_server(site: &Site<'_>) -> Result<Option<(PathBuf, Version)>, Failure> {
    let Some(named) = site.personal.get("CONNLEDGER_NATS_SERVER").map(PathBuf::from) else {
        return Ok(None);
    };
    match version_of(&named)? {
        version if version >= NATS_SERVER_OLDEST => Ok(Some((named, version))),
        version => Err(Failure::new(format!(
            "CONNLEDGER_NATS_SERVER is nats-server {version}, older than {NATS_SERVER_OLDEST}"
        ))
        .hint("unset it to fetch a newer one")),
    }
}

/// Ignores a server in `PATH` that is too old, so that a newer one is fetched.
fn find_server(site: &Site<'_>) -> Option<(PathBuf, Version)> {
    let venv = Venv::in_cache(site, NATS);
    let fetched = venv.is_complete().then(|| venv.executable("nats-server"));
    let candidates = environment::executable("nats-server").into_iter().chain(fetched);
    candidates
        .filter_map(|path| version_of(&path).ok().map(|version| (path, version)))
        .find(|(_, version)| *version >= NATS_SERVER_OLDEST)
}

fn fetch_server(site: &Site<'_>) -> Result<(PathBuf, Version), Failure> {
    let venv = Venv::in_cache(site, NATS);
    let fetched = venv.ensure().and_then(|()| {
        let path = venv.executable("nats-server");
        version_of(&path).map(|version| (path, version))
    });
    fetched.map_err(|failure| {
        Failure::new(format!("cannot fetch nats-server: {failure}")).hint(format!(
            "put nats-server {NATS_SERVER_OLDEST} or newer into PATH, or set CONNLEDGER_NATS_SERVER"
        ))
    })
}

fn version_of(server: &Path) -> Result<Version, Failure> {
    let printed = output_of(Command::new(server).arg("--version"))?;
    Version::find_in(&printed).ok_or_else(|| {
        Failure::new(format!("{} --version printed no version: {printed}", server.display()))
    })
}

/// Ensures that there is a Python with nats-py. Only the tests need it, so other tasks continue
/// without.
pub(super) fn ensure_client(
    site: &Site<'_>,
    purpose: Purpose,
    variables: &mut Variables,
) -> Result<(), Failure> {
    match client(site) {
        Ok(python) => {
            talk::ok("nats-py", &format!("for {}", python.display()));
            let python = python.to_string_lossy().into_owned();
            variables.insert("CONNLEDGER_PYTHON".to_owned(), python);
            Ok(())
        }
        Err(failure) if purpose == Purpose::Run => {
            talk::skipped("nats-py", &format!("only the tests need it ({failure})"));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

fn client(site: &Site<'_>) -> Result<PathBuf, Failure> {
    if let Some(named) = site.personal.get("CONNLEDGER_PYTHON").map(PathBuf::from) {
        return match output_of(Command::new(&named).args(["-c", "import nats"])) {
            Ok(_) => Ok(named),
            Err(failure) => Err(Failure::new(format!("CONNLEDGER_PYTHON: {failure}"))
                .hint("unset it to create an environment with nats-py")),
        };
    }
    let venv = Venv::in_cache(site, NATS);
    venv.ensure()?;
    Ok(venv.executable("python"))
}
