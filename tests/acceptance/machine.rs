//! The machine of an operator, on which the runbooks of `deploy/README.md` are run as they are
//! written, but for the places of folders and servers.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::settings;
use crate::wait::eventually;

/// Returns the blocks of commands of a section.
pub(crate) fn blocks(heading: &str) -> Vec<&'static str> {
    let readme = include_str!("../../deploy/README.md");
    let (_, section) = readme.split_once(&format!("\n{heading}\n")).expect("a section");
    let ends = if heading.starts_with("### ") { &["\n## ", "\n### "][..] } else { &["\n## "] };
    let end = ends.iter().filter_map(|end| section.find(end)).min().unwrap_or(section.len());
    let section = &section[..end];
    section.split("```sh\n").skip(1).map(|rest| rest.split_once("```").expect("an end").0).collect()
}

/// A folder in place of the root, and variables.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    pub(crate) variables: Vec<(String, String)>,
    /// Texts that are something else here.
    pub(crate) replaced: Vec<(String, String)>,
}

impl Machine {
    /// Makes one with a ledger in `/srv/ledger` whose master key is in `/etc/connledger`.
    pub(crate) async fn with_ledger(variables: Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let replaced = Vec::new();
        let mut machine = Self { folder, variables, replaced };
        for folder in ["srv", "etc/connledger"] {
            fs::create_dir_all(machine.folder.path().join(folder)).expect("a folder");
        }
        let init = "connledger init --data-dir /srv/ledger \
                    --master-key-file /etc/connledger/master.key --out /etc/admin.key";
        machine.run(init).await;
        let key = machine.here("/etc/admin.key");
        machine.variables.push(("CONNLEDGER_KEY_FILE".to_owned(), key));
        machine
    }

    /// Returns a text as it is here.
    pub(crate) fn here(&self, text: &str) -> String {
        let folder = self.folder.path().to_str().expect("text");
        let mut text = text
            .replace("/srv/", &format!("{folder}/srv/"))
            .replace("/etc/", &format!("{folder}/etc/"));
        for (there, here) in &self.replaced {
            text = text.replace(there, here);
        }
        text
    }

    fn shell(&self, script: &str) -> Command {
        let program = settings::connledger();
        let beside = program.parent().map(Path::display).expect("a folder");
        let mut command = Command::new("sh");
        command
            .args(["-eu", "-c", &format!("PATH={beside}:$PATH\n{}", self.here(script))])
            .env("CONNLEDGER_NATS_SERVER", settings::nats_server())
            .env("CONNLEDGER_LISTEN", "127.0.0.1:0")
            .envs(self.variables.iter().cloned())
            .kill_on_drop(true);
        command
    }

    /// Runs a block to its end.
    pub(crate) async fn run(&self, block: &str) -> String {
        let output = self.shell(block).output().await.expect("sh runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{block}\n{said}");
        format!("{}{said}", String::from_utf8_lossy(&output.stdout))
    }

    /// Runs a block whose last command serves a data directory, and waits until that is ready.
    pub(crate) async fn serve(&self, block: &str, data: &str) -> Child {
        let quiet = Stdio::null;
        let script = block.replace("connledger serve", "exec connledger serve");
        let mut command = self.shell(&script);
        let child = command.stdout(quiet()).stderr(quiet()).spawn().expect("sh runs");
        let file = self.here(&format!("{data}/server.json"));
        eventually("it serves", async || Path::new(&file).exists().then_some(())).await;
        child
    }
}

/// Asks a server to stop, and waits.
pub(crate) async fn stop(mut child: Child) {
    let pid = i32::try_from(child.id().expect("it runs")).expect("a small number");
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it is there");
    assert!(child.wait().await.expect("it ends").success());
}
