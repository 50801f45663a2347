//! The runbooks of `deploy/README.md`, run as they are written, but for the places of folders.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::s3_server::{S3Server, variables};
use crate::output::text;
use crate::settings;
use crate::wait::eventually;

/// The blocks of commands of a section.
fn blocks() -> Vec<&'static str> {
    let readme = include_str!("../../../deploy/README.md");
    let (_, section) = readme.split_once("\n## Backups\n").expect("a section");
    let (section, _) = section.split_once("\n## ").expect("a section after it");
    section.split("```sh\n").skip(1).map(|rest| rest.split_once("```").expect("an end").0).collect()
}

/// The machine of an operator.
struct Machine {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Machine {
    /// Returns a block as it is run here.
    fn here(&self, block: &str) -> String {
        let folder = text(self.folder.path());
        block
            .replace("/srv/", &format!("{folder}/srv/"))
            .replace("/etc/", &format!("{folder}/etc/"))
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
    async fn run(&self, block: &str) -> String {
        let output = self.shell(block).output().await.expect("sh runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{block}\n{said}");
        format!("{}{said}", String::from_utf8_lossy(&output.stdout))
    }

    /// Runs a block whose last command serves a data directory, and waits until that is ready.
    async fn serve(&self, block: &str, data: &str) -> Child {
        let (before, serve) = block.split_once("connledger serve").expect("it serves");
        if !before.trim().is_empty() {
            self.run(before).await;
        }
        let quiet = Stdio::null;
        let mut command = self.shell(&format!("exec connledger serve{serve}"));
        let child = command.stdout(quiet()).stderr(quiet()).spawn().expect("sh runs");
        let file = self.here(&format!("{data}/server.json"));
        eventually("it serves", async || Path::new(&file).exists().then_some(())).await;
        child
    }
}

async fn stop(mut child: Child) {
    let pid = i32::try_from(child.id().expect("it runs")).expect("a small number");
    let pid = nix::unistd::Pid::from_raw(pid);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it is there");
    assert!(child.wait().await.expect("it ends").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbooks_for_backups_run_as_written() {
    let s3 = S3Server::start().await;
    let url = s3.url();
    let variables =
        variables(&url).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut machine =
        Machine { folder: tempfile::tempdir().expect("a folder"), variables: variables.collect() };
    for folder in ["srv", "etc/connledger"] {
        fs::create_dir_all(machine.folder.path().join(folder)).expect("a folder");
    }
    let key = machine.folder.path().join("admin.key");
    machine
        .run(&format!(
            "connledger init --data-dir /srv/ledger --master-key-file /etc/connledger/master.key --out {}",
            text(&key)
        ))
        .await;
    machine.variables.push(("CONNLEDGER_KEY_FILE".to_owned(), text(&key).to_owned()));
    let blocks = blocks();
    let [serve, at_once, look, offline, lost, mistake] = blocks[..] else {
        panic!("the section has other blocks: {blocks:#?}")
    };
    let child = machine.serve(serve, "/srv/ledger").await;
    let create =
        "connledger create --data-dir /srv/ledger --slug main --provider x --secret k=sk-012345";
    machine.run(create).await;
    let told = machine.run(at_once).await;
    assert!(told.contains("backed up to position") && told.contains("last backup"), "{told}");
    let told = machine.run(look).await;
    assert!(told.contains("every line is the ledger's own"), "{told}");
    stop(child).await;
    let told = machine.run(offline).await;
    assert!(told.contains("s3://backups/ledger"), "{told}");
    let (restore, serve) = lost.split_once("connledger serve").expect("it serves");
    let told = machine.run(restore).await;
    assert!(told.contains("new history"), "{told}");
    let child = machine.serve(&format!("connledger serve{serve}"), "/srv/ledger-restored").await;
    let shown = machine.run("connledger get main --data-dir /srv/ledger-restored --json").await;
    let shown: serde_json::Value =
        serde_json::from_str(shown.lines().next().expect("a line")).expect("JSON");
    stop(child).await;
    let before = shown["updated_at"].as_str().expect("a time").to_owned();
    machine.variables.push(("BEFORE".to_owned(), before));
    let told = machine.run(mistake).await;
    assert!(told.contains("restored to position"), "{told}");
}
