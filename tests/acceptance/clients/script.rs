//! Running a script that uses a published client, and reading what it tells.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

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
        let mut command = self.command(home.path());
        command
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env("LEDGER_URL", service.http_url())
            .env("LEDGER_KEY", service.key())
            .env("LEDGER_WORKSPACE", WORKSPACE)
            .env("LEDGER_CANARY", CANARY)
            .env("DO_NOT_TRACK", "1")
            .env("NO_COLOR", "1")
            .env("HTTPS_PROXY", NOWHERE)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let child = command.spawn().expect("the script starts");
        let ended = timeout(PATIENCE, child.wait_with_output()).await;
        let output = ended.unwrap_or_else(|_| panic!("{} is not done in {PATIENCE:?}", self.name));
        let output = output.expect("its output can be read");
        let said = shown(&output);
        assert!(output.status.success(), "{}: {}\n{said}", self.name, output.status);
        assert!(!sings(&output.stdout) && !sings(&output.stderr), "{}: a secret", self.name);
        checks_in(&output.stdout)
            .unwrap_or_else(|wrong| panic!("{}: not a check: {wrong:?}\n{said}", self.name))
    }

    fn command(&self, home: &Path) -> Command {
        match self.language {
            Language::Python => {
                let mut command = Command::new(settings::clients_python());
                command.arg(folder("python").join(format!("{}.py", self.name)));
                command
            }
            Language::Node => {
                // A module finds packages beside itself and nowhere else.
                copy_modules(&folder("node"), home);
                symlink(settings::clients_node_modules(), home.join("node_modules"))
                    .expect("a link can be made");
                let mut command = Command::new(settings::node());
                command.arg(home.join(format!("{}.mjs", self.name)));
                command
            }
        }
    }
}

fn folder(language: &str) -> PathBuf {
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

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("standard output:\n{}\nstandard error:\n{}", text(&output.stdout), text(&output.stderr))
}

/// Reads the lines `{"check": name}` and the last one, `done`, or returns the line that is wrong.
fn checks_in(told: &[u8]) -> Result<BTreeSet<String>, String> {
    let told = String::from_utf8_lossy(told);
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
    let passed = checks_in(b"{\"check\": \"a\"}\n{\"check\": \"b\"}\ndone\n").expect("good");
    assert_eq!(passed, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    for (told, wrong) in [
        ("", ""),
        ("{\"check\": \"a\"}\n", "{\"check\": \"a\"}"),
        ("done\n{\"check\": \"a\"}\n", "{\"check\": \"a\"}"),
        ("hello\ndone\n", "hello"),
        ("{\"check\": 1}\ndone\n", "{\"check\": 1}"),
    ] {
        assert_eq!(checks_in(told.as_bytes()), Err(wrong.to_owned()), "{told}");
    }
}
