//! A Python that has published libraries, which the tests run unmodified.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::output_of;
use crate::environment::Variables;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::python::Venv;
use crate::talk;
use crate::wheels::Wheels;

/// Libraries, and the Python that has them.
pub(super) struct PythonLibraries {
    /// The variable that names the Python.
    pub(super) variable: &'static str,
    /// What is said of it.
    pub(super) name: &'static str,
    /// The libraries.
    pub(super) wheels: Wheels,
    /// A program that fails if one is missing; needs no network and little time.
    pub(super) look: &'static str,
    /// What they need.
    pub(super) needs: &'static str,
}

impl PythonLibraries {
    /// Ensures that there is such a Python, and sets the variable that names it.
    pub(super) fn ensure(&self, site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
        let python = match site.personal.get(self.variable).map(PathBuf::from) {
            Some(named) => self.own(named)?,
            None => self.pinned(site)?,
        };
        let asked_for = self.wheels.asked_for().collect::<Vec<_>>().join(", ");
        talk::ok(self.name, &format!("{asked_for} for {}", python.display()));
        variables.insert(self.variable.to_owned(), python.to_string_lossy().into_owned());
        Ok(())
    }

    fn own(&self, named: PathBuf) -> Result<PathBuf, Failure> {
        match self.look_at(&named) {
            Ok(()) => Ok(named),
            Err(failure) => Err(Failure::new(format!("{}: {failure}", self.variable))
                .hint("unset it to create an environment with the libraries")),
        }
    }

    fn look_at(&self, python: &Path) -> Result<(), Failure> {
        output_of(Command::new(python).args(["-c", self.look])).map(drop)
    }

    fn pinned(&self, site: &Site<'_>) -> Result<PathBuf, Failure> {
        let Self { variable, name, needs, wheels, .. } = self;
        let venv = Venv::in_cache(site, *wheels);
        let python = venv.executable("python");
        venv.ensure().and_then(|()| self.look_at(&python)).map_err(|failure| {
            Failure::new(format!("cannot fetch the {name}: {failure}")).hint(format!(
                "they need {needs} and a package index that pip can reach; or set {variable} to a \
                 Python that has them"
            ))
        })?;
        Ok(python)
    }
}
