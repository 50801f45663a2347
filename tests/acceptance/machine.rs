//! The runbooks of `deploy/README.md` on a machine of their own: run as they are written, but for
//! the places of folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::settings;
use crate::wait::eventually;

/// Returns the blocks of commands of a section.
pub(crate) fn blocks(section: &str) -> Vec<&'static str> {
    let readme = include_str!("../../deploy/README.md");
    let (before, text) = readme.split_once(&format!("# {section}\n")).expect("a section");
    let ends = if before.ends_with("\n##") { &["\n## ", "\n### "][..] } else { &["\n## "] };
    let end = ends.iter().filter_map(|end| text.find(end)).min().expect("a section after it");
    let text = &text[..end];
    text.split("```sh\n").skip(1).map(|rest| rest.split_once("```").expect("an end").0).collect()
}

/// The machine of an operator.
pub(crate) struct Machine {
    folder: TempDir,
    variables: Vec<(String, String)>,
    /// Addresses that are others here.
    addresses: Vec<(String, String)>,
}

impl Machine {
    /// Makes a machine with a new ledger in `/srv/ledger`, whose master key is in
    /// `/etc/connledger/master.key`, and commands that have its admin key.
    pub(crate) async fn with_ledger(variables: Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut machine = Self { folder, variables, addresses: Vec::new() };
        for folder in ["/srv", "/etc/connledger"] {
            fs::create_dir_all(machine.place(folder)).expect("a folder");
        }
        let key = machine.place("/admin.key");
        let key = key.to_str().expect("text");
        machine
            .run(&format!(
                "connledger init --data-dir /srv/ledger --master-key-file \
                 /etc/connledger/master.key --out {key}"
            ))
            .await;
        machine.set("CONNLEDGER_KEY_FILE", key);
        machine
    }

    /// Sets a variable for what is run from now on.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Replaces an address in what is run from now on.
    pub(crate) fn replace(&mut self, address: &str, here: &str) {
        self.addresses.push((address.to_owned(), here.to_owned()));
    }

    /// Returns where a file or folder is here.
    pub(crate) fn place(&self, path: &str) -> PathBuf {
        self.folder.path().join(path.trim_start_matches('/'))
    }

    /// Returns a block as it is run here.
    fn here(&self, block: &str) -> String {
        let folder = self.folder.path().to_str().expect("text");
        let mut block = block
            .replace("/srv/", &format!("{folder}/srv/"))
            .replace("/etc/", &format!("{folder}/etc/"));
        for (address, here) in &self.addresses {
            block = block.replace(address, here);
        }
        block
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
        let mut command = self.shell(&block.replace("connledger serve", "exec connledger serve"));
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
