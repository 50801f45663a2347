//! What the tests start and what comes with the system: databases, a server for syslog, and the
//! tool that checks metrics.
//!
//! A program that is installed is taken. Otherwise the packages of the system are unpacked into a
//! folder, which sets up no service and changes nothing of the machine. A program there is reached
//! by a script that names its libraries.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::output_of;
use crate::environment::{self, Variables};
use crate::failure::Failure;
use crate::setup::Site;
use crate::setup::cache::{Mark, entries, make_folder};
use crate::setup::packages::{SystemPackage, is_root};
use crate::talk;

/// A program of a server.
pub(super) struct Program {
    pub(super) name: &'static str,
    /// Where its package has it, below `/usr`: names of folders, in which `*` is any.
    pub(super) folders: &'static [&'static str],
    /// The file of the package that is it under another name.
    pub(super) stands_for: Option<&'static str>,
}

/// A server or the like, and what it takes to start one.
pub(super) struct Server {
    pub(super) variable: &'static str,
    /// What has it say its version.
    pub(super) says_version: &'static str,
    pub(super) programs: &'static [Program],
    pub(super) package: SystemPackage,
}

const SERVERS: [Server; 5] = [
    Server {
        variable: "CONNLEDGER_MARIADB_SERVER",
        says_version: "--version",
        programs: &[Program { name: "mariadbd", folders: &["sbin", "bin"], stands_for: None }],
        package: SystemPackage {
            what: "MariaDB server",
            debian: &["mariadb-server-core"],
            fedora: "mariadb-server",
            macos: "brew install mariadb",
        },
    },
    Server {
        variable: "CONNLEDGER_POSTGRES",
        says_version: "--version",
        programs: &[
            Program { name: "postgres", folders: &["lib/postgresql/*/bin"], stands_for: None },
            Program { name: "initdb", folders: &["lib/postgresql/*/bin"], stands_for: None },
        ],
        package: SystemPackage {
            what: "PostgreSQL server",
            debian: &["postgresql"],
            fedora: "postgresql-server",
            macos: "brew install postgresql",
        },
    },
    Server {
        variable: "CONNLEDGER_PROMTOOL",
        says_version: "--version",
        programs: &[Program { name: "promtool", folders: &["bin"], stands_for: None }],
        package: SystemPackage {
            what: "promtool",
            debian: &["prometheus"],
            fedora: "prometheus",
            macos: "brew install prometheus",
        },
    },
    Server {
        variable: "CONNLEDGER_REDIS_SERVER",
        says_version: "--version",
        programs: &[Program {
            name: "redis-server",
            folders: &["bin"],
            // One program, which looks at how it is called. The package with that name is a
            // service.
            stands_for: Some("redis-check-rdb"),
        }],
        package: SystemPackage {
            what: "Redis server",
            debian: &["redis-tools"],
            fedora: "redis",
            macos: "brew install redis",
        },
    },
    Server {
        variable: "CONNLEDGER_RSYSLOGD",
        says_version: "-v",
        programs: &[Program { name: "rsyslogd", folders: &["sbin"], stands_for: None }],
        package: SystemPackage {
            what: "syslog server",
            debian: &["rsyslog", "rsyslog-openssl"],
            fedora: "rsyslog rsyslog-openssl",
            macos: "brew install rsyslog",
        },
    },
];

/// Ensures that there are the servers, and sets the variables that name them.
pub(super) fn ensure(site: &Site<'_>, variables: &mut Variables) -> Result<(), Failure> {
    ensure_all(site, &SERVERS, variables)
}

/// Ensures that there are these programs, and sets the variables that name them.
pub(super) fn ensure_all(
    site: &Site<'_>,
    servers: &[Server],
    variables: &mut Variables,
) -> Result<(), Failure> {
    let unpacked = Unpacked::of(site);
    for server in servers {
        let path = match site.personal.get(server.variable).map(PathBuf::from) {
            Some(named) => named,
            None => match server.installed() {
                Some(installed) => installed,
                None => unpacked.server(server)?,
            },
        };
        let version =
            output_of(Command::new(&path).arg(server.says_version)).map_err(|failure| {
                Failure::new(format!("{}: {failure}", server.variable))
                    .hint(format!("unset it; or {}", server.package.ways()))
            })?;
        let version = version.lines().next().unwrap_or_default();
        talk::ok(server.package.what, &format!("{version} at {}", path.display()));
        let path = path.to_string_lossy().into_owned();
        variables.insert(server.variable.to_owned(), path);
    }
    Ok(())
}

impl Server {
    /// Returns the server's own program, if the machine has all of them in one folder.
    fn installed(&self) -> Option<PathBuf> {
        let first = self.programs.first()?;
        let in_path = environment::executable(first.name).and_then(|path| path.canonicalize().ok());
        // A link may be called as nothing else than what it leads to.
        let in_path = in_path.filter(|path| path.ends_with(first.name));
        let in_package = first.below(Path::new("/usr"));
        in_path.into_iter().chain(in_package).find(|path| {
            let has = |program: &Program| path.with_file_name(program.name).is_file();
            self.programs.iter().all(has)
        })
    }
}

impl Program {
    /// Returns the program in the folders of its package, the newest version first.
    fn below(&self, usr: &Path) -> Vec<PathBuf> {
        let file = self.stands_for.unwrap_or(self.name);
        let mut found = Vec::new();
        for folder in self.folders {
            let folders = match folder.split_once("/*/") {
                None => vec![usr.join(folder)],
                Some((above, below)) => entries(&usr.join(above))
                    .into_iter()
                    .rev()
                    .map(|version| version.join(below))
                    .collect(),
            };
            found.extend(folders.into_iter().map(|folder| folder.join(file)));
        }
        found.retain(|path| path.is_file());
        found
    }
}

/// Where scripts are, apart from all that packages have.
const SCRIPTS: &str = "usr/scripts";

/// The folder that packages are unpacked into.
struct Unpacked {
    folder: PathBuf,
}

impl Unpacked {
    fn of(site: &Site<'_>) -> Self {
        // PostgreSQL does not run as root, and whoever it runs as cannot read root's own cache.
        let folder = if is_root() {
            PathBuf::from("/var/cache/connection-ledger/databases")
        } else {
            site.cache.path("databases")
        };
        Self { folder }
    }

    /// Returns a script that starts a server, and unpacks its packages if they are not there yet.
    fn server(&self, server: &Server) -> Result<PathBuf, Failure> {
        let Some(first) = server.programs.first() else {
            return Err(server.package.by_hand());
        };
        let folder = self.folder.join(first.name);
        let script = folder.join(SCRIPTS).join(first.name);
        let mark = Mark::of(&folder);
        let packages = server.package.debian.join(" ");
        if mark.names(&packages) && script.is_file() {
            return Ok(script);
        }
        if environment::executable("apt-get").is_none() {
            return Err(server.package.by_hand());
        }
        talk::installing(server.package.what, &format!("packages: {packages}"));
        mark.clear()?;
        unpack(&folder, server.package.debian).map_err(|failure| {
            let what = server.package.what;
            Failure::new(format!("cannot fetch the {what}: {failure}")).hint(server.package.ways())
        })?;
        for program in server.programs {
            write_script(&folder, program)
                .map_err(|failure| failure.hint(server.package.ways()))?;
        }
        mark.set(&packages)?;
        Ok(script)
    }
}

/// Fetches packages, and those that they need and the machine has not, and unpacks them.
fn unpack(folder: &Path, packages: &[&str]) -> Result<(), Failure> {
    let (archives, lists) = (folder.join("archives"), folder.join("lists"));
    for needed in [&archives, &lists] {
        make_folder(&needed.join("partial"))?;
    }
    let fetch = |own_lists: bool| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-y", "--no-install-recommends", "-o", "Debug::NoLocking=1"]);
        command.arg("-o").arg(format!("Dir::Cache::archives={}", archives.display()));
        command.args(["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]);
        if own_lists {
            command.arg("-o").arg(format!("Dir::State::lists={}", lists.display()));
        }
        command
    };
    let download = |own_lists: bool| {
        output_of(fetch(own_lists).args(["--download-only", "install"]).args(packages))
    };
    // The lists of a fresh image are empty, and not everybody may write them.
    download(false)
        .or_else(|_| output_of(fetch(true).arg("update")).and_then(|_| download(true)))?;
    for archive in entries(&archives) {
        if archive.extension().is_some_and(|extension| extension == "deb") {
            output_of(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(folder))?;
        }
    }
    Ok(())
}

/// Writes a script that starts a program with the libraries beside it.
fn write_script(folder: &Path, program: &Program) -> Result<(), Failure> {
    let found = program.below(&folder.join("usr")).into_iter();
    let found = found.chain(program.below(Path::new("/usr"))).next();
    let Some(mut target) = found else {
        return Err(Failure::new(format!("the packages have no {}", program.name)));
    };
    let written = |path: &Path, result: std::io::Result<()>| {
        result.map_err(|error| Failure::io("write", path, &error))
    };
    if program.stands_for.is_some() {
        let link = folder.join("called").join(program.name);
        make_folder(&folder.join("called"))?;
        if !link.exists() {
            written(&link, std::os::unix::fs::symlink(&target, &link))?;
        }
        target = link;
    }
    let libraries = ["lib", "usr/lib"].map(|lib| folder.join(lib));
    let of_system = libraries.iter().flat_map(|lib| entries(lib));
    let of_system = of_system.filter(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    // Some packages keep libraries of their own in a folder below, where their programs look.
    let has_libraries = |path: &PathBuf| {
        let mut names = entries(path).into_iter();
        names.any(|name| name.to_string_lossy().contains(".so"))
    };
    let libraries = of_system.flat_map(|path| {
        let below = entries(&path).into_iter().filter(has_libraries).collect::<Vec<_>>();
        std::iter::once(path).chain(below)
    });
    let libraries: Vec<String> =
        libraries.map(|path| path.to_string_lossy().into_owned()).collect();
    let script = folder.join(SCRIPTS).join(program.name);
    make_folder(&folder.join(SCRIPTS))?;
    let text = format!(
        "#!/bin/sh\nexec env LD_LIBRARY_PATH='{}' '{}' \"$@\"\n",
        libraries.join(":"),
        target.display()
    );
    written(&script, std::fs::write(&script, text))?;
    let mode = std::fs::Permissions::from_mode(0o755);
    written(&script, std::fs::set_permissions(&script, mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_of_a_package_is_found_and_started_with_its_libraries() {
        let folder = tempfile::tempdir().expect("a folder");
        let usr = folder.path().join("usr");
        for version in ["14", "15"] {
            let bin = usr.join("lib/postgresql").join(version).join("bin");
            std::fs::create_dir_all(&bin).expect("made");
            let program = bin.join("postgres");
            std::fs::write(&program, format!("#!/bin/sh\necho {version} $LD_LIBRARY_PATH $1\n"))
                .expect("written");
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&program, mode).expect("set");
        }
        let libraries = usr.join("lib/x86_64-linux-gnu");
        std::fs::create_dir_all(&libraries).expect("made");
        let program =
            Program { name: "postgres", folders: &["lib/postgresql/*/bin"], stands_for: None };
        assert_eq!(program.below(&usr).len(), 2);
        write_script(folder.path(), &program).expect("written");
        let script = folder.path().join(SCRIPTS).join("postgres");
        let said = output_of(Command::new(script).arg("here")).expect("it runs");
        assert_eq!(said, format!("15 {} here\n", libraries.display()));
    }
}
