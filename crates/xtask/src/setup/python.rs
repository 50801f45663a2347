//! Python environments in the cache, by which executables and libraries are fetched without root.

use std::path::PathBuf;
use std::process::Command;

use crate::cargo::output_of;
use crate::environment;
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::cache::{self, Mark, fingerprint};
use crate::setup::packages::SystemPackage;
use crate::talk;
use crate::wheels::Wheels;

/// Options of pip: only files with the pinned hashes, and only wheels, as a source package runs
/// code of its own when it is installed. Some name a newer Python than they need; whether they run
/// is looked at afterwards.
const PIP_INSTALL: [&str; 10] = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
    "--ignore-requires-python",
    "--only-binary",
    ":all:",
    "--requirement",
];

const PYTHON: SystemPackage = SystemPackage {
    what: "python3",
    debian: &["python3", "python3-venv"],
    fedora: "python3",
    macos: "xcode-select --install",
};

/// A virtual environment with pinned wheels, which may not exist yet.
#[derive(Debug)]
pub(super) struct Venv {
    root: PathBuf,
    wheels: Wheels,
}

impl Venv {
    /// Other wheels have another folder, so that checkouts of different versions share the cache.
    pub(super) fn in_cache(site: &Site<'_>, wheels: Wheels) -> Self {
        let name = format!("{}-{:016x}", wheels.name, fingerprint(wheels.requirements));
        Self { root: site.cache.path("venv").join(name), wheels }
    }

    pub(super) fn executable(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// Returns a folder inside an installed package, if it exists.
    pub(super) fn library_folder(&self, inside: &str) -> Option<PathBuf> {
        let releases = cache::entries(&self.root.join("lib"));
        let mut folders =
            releases.into_iter().map(|release| release.join("site-packages").join(inside));
        folders.find(|folder| folder.is_dir())
    }

    /// Returns whether exactly the pinned wheels were installed and their Python still works.
    pub(super) fn is_complete(&self) -> bool {
        Mark::of(&self.root).names(self.wheels.requirements)
            && output_of(Command::new(self.executable("python")).arg("--version")).is_ok()
    }

    /// Installs the wheels unless they are complete.
    pub(super) fn ensure(&self) -> Result<(), Failure> {
        if self.is_complete() {
            return Ok(());
        }
        self.make()?;
        let asked_for = self.wheels.asked_for().collect::<Vec<_>>().join(", ");
        talk::installing(&asked_for, &format!("pip, into {}", self.root.display()));
        let file = self.root.join("requirements.txt");
        std::fs::write(&file, self.wheels.requirements)
            .map_err(|error| Failure::io("write", &file, &error))?;
        let mut pip = Command::new(self.executable("python"));
        output_of(pip.args(PIP_INSTALL).arg(&file))?;
        Mark::of(&self.root).set(self.wheels.requirements)
    }

    /// Creates the environment, empty even if it exists.
    fn make(&self) -> Result<(), Failure> {
        Mark::of(&self.root).clear()?;
        if let Some(folder) = self.root.parent() {
            cache::make_folder(folder)?;
        }
        let pip = || Command::new(self.executable("python"));
        let pip_works = || output_of(pip().args(["-m", "pip", "--version"])).is_ok();
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
