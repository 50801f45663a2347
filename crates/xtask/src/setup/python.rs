//! Python environments in the cache, by which executables and libraries are fetched without root.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::output_of;
use crate::environment;
use crate::failure::Failure;
use crate::setup::packages::SystemPackage;
use crate::setup::{Site, cache};
use crate::talk;
use crate::versions;

const PYTHON: SystemPackage = SystemPackage {
    what: "python3",
    debian: &["python3", "python3-venv"],
    fedora: "python3",
    macos: "xcode-select --install",
};

/// A virtual environment, which may not exist yet.
#[derive(Debug)]
pub(super) struct Venv {
    root: PathBuf,
}

impl Venv {
    pub(super) fn in_cache(site: &Site<'_>, name: &str) -> Self {
        Self { root: site.cache.path("venv").join(name) }
    }

    pub(super) fn executable(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// Returns the path of a file beside the environment, which need not exist.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Returns a folder inside an installed package, if it exists.
    pub(super) fn library_folder(&self, inside: &str) -> Option<PathBuf> {
        let releases = cache::entries(&self.root.join("lib"));
        let mut folders =
            releases.into_iter().map(|release| release.join("site-packages").join(inside));
        folders.find(|folder| folder.is_dir())
    }

    /// Installs pinned packages. Creates the environment first if it is missing or broken.
    pub(super) fn install(&self, requirements: &[&str]) -> Result<(), Failure> {
        self.install_within(requirements, None)
    }

    /// Installs pinned packages, with a file that pins their dependencies.
    pub(super) fn install_within(
        &self,
        requirements: &[&str],
        constraints: Option<&Path>,
    ) -> Result<(), Failure> {
        self.make()?;
        talk::installing(&requirements.join(", "), &format!("pip, into {}", self.root.display()));
        let mut pip = Command::new(self.executable("python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        if let Some(file) = constraints {
            pip.arg("--constraint").arg(file);
        }
        output_of(pip.args(requirements)).map(drop)
    }

    fn make(&self) -> Result<(), Failure> {
        let pip_works = || {
            output_of(Command::new(self.executable("python")).args(["-m", "pip", "--version"]))
                .is_ok()
        };
        if pip_works() {
            return Ok(());
        }
        if let Some(folder) = self.root.parent() {
            cache::make_folder(folder)?;
        }
        // On Debian, python3 without python3-venv fails only halfway.
        if self.create().is_err() || !pip_works() {
            PYTHON.install()?;
            self.create()?;
        }
        Ok(())
    }

    fn create(&self) -> Result<(), Failure> {
        let python = environment::executable("python3").ok_or_else(|| PYTHON.by_hand())?;
        output_of(Command::new(python).args(["-m", "venv", "--clear"]).arg(&self.root)).map(drop)
    }
}

/// Returns whether a Python can import the pinned version of a package.
pub(super) fn has_package(python: &Path, requirement: &str) -> bool {
    let (name, version) = versions::pinned(requirement);
    let program = format!("import importlib.metadata as m; print(m.version('{name}'))");
    output_of(Command::new(python).args(["-c", &program]))
        .is_ok_and(|printed| printed.trim() == version)
}
