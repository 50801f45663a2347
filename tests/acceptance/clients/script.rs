//! Running a script that uses a published client, and reading what it tells.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use std::{fmt, fs};

use serde_json::Value;
use tokio::process::Command;
use tokio::time::timeout;

use crate::canary::{CANARY, sings};
use crate::service::Service;
use crate::settings;

/// How long a script may take; clients wait seconds before they ask again.
const PATIENCE: Duration = Duration::from_mins(2);
/// The workspace that a development server makes.
const WORKSPACE: &str = "default";
/// The last line of a script that has come to its end.
const DONE: &str = "done";
/// A port on which nobody answers, for clients that would talk to anyone but us.
const NOWHERE: &str = "http://127.0.0.1:9";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Python,
    Node,
    /// Node.js, which has a browser do it.
    Browser,
}

/// A script in the folder of its language, named without its ending.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    pub(crate) language: Language,
    pub(crate) name: &'a str,
}

impl Script<'_> {
    /// Runs the script against a service to its end, and returns the names of the checks it passed.
    ///
    /// It runs in an empty folder, which is its home too, and sees no variable of ours but those
    /// that say where the server is.
    pub(crate) async fn run(&self, service: &Service) -> BTreeSet<String> {
        let home = tempfile::tempdir().expect("a folder");
        // Files, so that what a script said before its time was up is there too.
        let said = Said::within(home.path());
        let mut command = self.command(home.path());
        command
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env("LEDGER_URL", service.http_url())
            .env("LEDGER_KEY", service.key())
            .env("LEDGER_WORKSPACE", WORKSPACE)
            .env("LEDGER_CANARY", CANARY)
            .envs(self.browser().map(|path| ("CONNLEDGER_CHROMIUM", path)))
            .env("DO_NOT_TRACK", "1")
            .env("NO_COLOR", "1")
            .env("HTTPS_PROXY", NOWHERE)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(create(&said.out))
            .stderr(create(&said.err))
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the script starts");
        let ended = timeout(PATIENCE, child.wait()).await;
        let status =
            ended.unwrap_or_else(|_| panic!("{self:?} goes on after {PATIENCE:?}\n{said}"));
        let status = status.expect("it can be waited for");
        assert!(status.success(), "{self:?}: {status}\n{said}");
        let (out, err) = (read(&said.out), read(&said.err));
        assert!(!sings(out.as_bytes()) && !sings(err.as_bytes()), "{self:?}: a secret\n{said}");
        checks_in(&out).unwrap_or_else(|wrong| panic!("{self:?}: no check: {wrong:?}\n{said}"))
    }

    /// Returns the browser that it starts, if it starts one.
    fn browser(&self) -> Option<PathBuf> {
        matches!(self.language, Language::Browser).then(settings::chromium)
    }

    fn command(&self, home: &Path) -> Command {
        match self.language {
            Language::Python => {
                let mut command = Command::new(settings::clients_python());
                command.arg(folder("python").join(format!("{}.py", self.name)));
                command
            }
            Language::Node => {
                copy_modules(&folder("node"), home);
                self.in_node(home, &settings::clients_node_modules())
            }
            Language::Browser => {
                copy_modules(&folder("node"), home);
                copy_modules(&folder("browser"), home);
                self.in_node(home, &settings::browser_node_modules())
            }
        }
    }
}

impl Script<'_> {
    /// Returns the command for a module. It finds packages beside itself and nowhere else.
    fn in_node(&self, home: &Path, packages: &Path) -> Command {
        symlink(packages, home.join("node_modules")).expect("a link can be made");
        let mut command = Command::new(settings::node());
        command.arg(home.join(format!("{}.mjs", self.name)));
        command
    }
}

/// Returns the folder with the scripts of a language.
pub(crate) fn folder(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(language)
}

fn copy_modules(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the scripts are there") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "mjs") {
            let name = path.file_name().expect("a file has a name");
            fs::copy(&path, to.join(name)).expect("it can be copied");
        }
    }
}

/// Where the output of a script goes.
struct Said {
    out: PathBuf,
    err: PathBuf,
}

impl Said {
    fn within(folder: &Path) -> Self {
        Self { out: folder.join("standard-output"), err: folder.join("standard-error") }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, path) in [("output", &self.out), ("error", &self.err)] {
            writeln!(formatter, "standard {name}:\n{}", read(path))?;
        }
        Ok(())
    }
}

fn create(path: &Path) -> fs::File {
    fs::File::create(path).expect("a file can be made")
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).expect("it was made before")).into_owned()
}

/// Reads the lines `{"check": name}` and the last one, `done`, or returns the line that is wrong.
fn checks_in(told: &str) -> Result<BTreeSet<String>, String> {
    let mut lines: Vec<_> = told.lines().collect();
    let last = lines.pop().unwrap_or_default();
    if last != DONE {
        return Err(last.to_owned());
    }
    lines.into_iter().map(|line| check_in(line).ok_or_else(|| line.to_owned())).collect()
}

fn check_in(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    line["check"].as_str().map(str::to_owned)
}

#[test]
fn only_checks_and_then_done_are_taken_for_an_answer() {
    let passed = checks_in("{\"check\": \"a\"}\n{\"check\": \"b\"}\ndone\n").expect("good");
    assert_eq!(passed, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    for (told, wrong) in [
        ("", ""),
        ("{\"check\": \"a\"}\n", "{\"check\": \"a\"}"),
        ("done\n{\"check\": \"a\"}\n", "{\"check\": \"a\"}"),
        ("hello\ndone\n", "hello"),
        ("{\"check\": 1}\ndone\n", "{\"check\": 1}"),
    ] {
        assert_eq!(checks_in(told), Err(wrong.to_owned()), "{told}");
    }
}
