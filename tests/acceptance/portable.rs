//! `export` and `import` as people type them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use ledger_engine::Engine;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::output::{said, text};
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

const SECRET: &str = "sk-canary-value-1";

/// A ledger that is not served any more, and room for what is made of it.
struct Moving {
    service: Service,
    room: TempDir,
}

impl Moving {
    async fn new() -> Self {
        let mut service = Service::start(&["--nats", "managed"]).await;
        for slug in ["main", "second", "third"] {
            let secret = format!("api_key={SECRET}");
            let create = ["create", "--slug", slug, "--provider", "openai", "--secret", &secret];
            let created = service.run(&create).await;
            assert!(created.status.success(), "{}", said(&created));
        }
        assert!(service.stop().await.success());
        Self { service, room: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// Prepares a command on a folder with the master key of the ledger.
    fn command(&self, args: &[&str], data_dir: &Path) -> Command {
        let mut command = Command::new(settings::connledger());
        command.args(args).arg("--data-dir").arg(data_dir).arg("--master-key-file");
        command.arg(self.service.data_dir().join("dev-master.key"));
        command
    }

    async fn run(&self, args: &[&str], data_dir: &Path) -> Output {
        let run = self.command(args, data_dir).stdin(Stdio::null()).output();
        run.await.expect("connledger runs")
    }

    /// Exports a ledger to standard output.
    async fn exported(&self, data_dir: &Path) -> Vec<u8> {
        let exported = self.run(&["export", "--out", "-"], data_dir).await;
        assert!(exported.status.success(), "{}", said(&exported));
        exported.stdout
    }

    /// Starts an import from standard input.
    fn importing(&self, data_dir: &Path) -> Child {
        let mut command = self.command(&["import", "-"], data_dir);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        command.kill_on_drop(true).spawn().expect("connledger starts")
    }

    /// Fails unless a ledger has the same events, and all that follows from them.
    async fn expect_same(&self, data_dir: &Path) {
        let [one, other] = [&self.service.data_dir(), data_dir];
        assert!(events(&self.exported(one).await) == events(&self.exported(other).await));
        let verified = self.run(&["replay", "--verify"], data_dir).await;
        assert!(verified.status.success(), "{}", said(&verified));
    }
}

/// The lines of an export that have events.
fn events(text: &[u8]) -> Vec<&[u8]> {
    let lines = text.split(|byte| *byte == b'\n');
    lines.filter(|line| line.starts_with(b"{\"event\"")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_moves_through_a_file_and_through_a_pipe() {
    let moving = Moving::new().await;
    let first = moving.service.data_dir();
    for name in ["ledger.jsonl", "ledger.jsonl.zst"] {
        let (file, target) = (moving.path(name), moving.path(&format!("of-{name}")));
        let export = ["export", "--json", "--out", text(&file)];
        let exported = moving.run(&export, &first).await;
        assert!(exported.status.success(), "{}", said(&exported));
        let report: Value = serde_json::from_slice(&exported.stdout).expect("JSON");
        assert_eq!((&report["connections"], &report["keys"]), (&3.into(), &3.into()), "{report}");
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        let again = moving.run(&export, &first).await;
        assert_eq!(again.status.code(), Some(2), "{}", said(&again));
        assert!(said(&again).contains("never overwrites"), "{}", said(&again));

        let imported = moving.run(&["import", "--json", text(&file)], &target).await;
        assert!(imported.status.success(), "{}", said(&imported));
        let moved: Value = serde_json::from_slice(&imported.stdout).expect("JSON");
        for same in ["ledger_id", "position"] {
            assert_eq!(moved[same], report[same]);
        }
        assert_eq!(moved["former_incarnation"], report["incarnation"]);
        assert_ne!(moved["incarnation"], report["incarnation"]);
        moving.expect_same(&target).await;
    }
    let half = fs::read(moving.path("ledger.jsonl.zst")).expect("readable");
    let (file, target) = (moving.path("half.jsonl.zst"), moving.path("of-half"));
    fs::write(&file, &half[..half.len() / 2]).expect("written");
    let refused = moving.run(&["import", text(&file)], &target).await;
    assert!(said(&refused).contains("portable_cut_off"), "{}", said(&refused));
    fs::remove_file(&file).expect("there");

    let plain = fs::read_to_string(moving.path("ledger.jsonl")).expect("text");
    assert!(plain.contains("main") && !plain.contains(SECRET), "secrets stay sealed");
    let names = fs::read_dir(moving.room.path()).expect("readable");
    let mut names = names.map(|entry| entry.expect("readable").file_name());
    assert!(names.all(|name| !name.to_string_lossy().starts_with('.')), "no part is left");

    let target = moving.path("piped");
    let mut import = moving.importing(&target);
    let mut input = import.stdin.take().expect("piped");
    input.write_all(&moving.exported(&first).await).await.expect("it reads");
    drop(input);
    assert!(import.wait().await.expect("it ends").success());
    moving.expect_same(&target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_ends_at_a_position_or_a_time_and_says_what_it_cannot_reach() {
    let moving = Moving::new().await;
    let (file, target) = (moving.path("ledger.jsonl"), moving.path("moved"));
    fs::write(&file, moving.exported(&moving.service.data_dir()).await).expect("written");
    let import = async |more: &[&str]| {
        let args = [&["import", "--json", text(&file)][..], more].concat();
        let Output { status, stdout, stderr } = moving.run(&args, &target).await;
        let imported: Value = serde_json::from_slice(&stdout).unwrap_or_default();
        (status.code(), imported, String::from_utf8_lossy(&stderr).into_owned())
    };
    for (beyond, words) in [
        (["--to-position", "999"], "beyond the end"),
        (["--to-time", "2020-01-01T00:00:00Z"], "before the first event"),
    ] {
        let (code, _, said) = import(&beyond).await;
        assert!(said.contains("restore_target_unknown") && said.contains(words), "{said}");
        assert_eq!(code, Some(1));
        assert!(!target.exists(), "nothing was written");
    }
    assert_eq!(import(&["--to-time", "yesterday"]).await.0, Some(2));
    let (code, imported, said) = import(&["--to-position", "3"]).await;
    assert_eq!((code, &imported["position"]), (Some(0), &3.into()), "{said}");
    let third = imported["recorded_at"].as_str().expect("a time").to_owned();
    let (code, _, said) = import(&["--to-position", "3"]).await;
    assert!(code == Some(1) && said.contains("data_dir_not_empty"), "{said}");
    fs::remove_dir_all(&target).expect("removed");
    let (code, imported, said) = import(&["--to-time", &third]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(imported["position"].as_u64() >= Some(3), "{imported}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_served_is_not_exported() {
    let service = Service::start(&["--nats", "off"]).await;
    let file = service.folder().join("ledger.jsonl");
    let refused = service.run(&["export", "--out", text(&file)]).await;
    let said = said(&refused);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("[data_dir_in_use]") && said.contains("stop its server"), "{said}");
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_at_any_moment_leaves_no_ledger_and_is_repeated() {
    let moving = Moving::new().await;
    let all = moving.exported(&moving.service.data_dir()).await;
    let ends: Vec<usize> = (1..=all.len()).filter(|end| all.get(end - 1) == Some(&b'\n')).collect();
    let state = all.windows(9).position(|part| part == b"{\"event\":").expect("events");
    let target = moving.path("moved");
    // Within the header, after it, after the state, within and after some events, and with all.
    let moments =
        [0, 40, ends[0], state, state + 40, ends[ends.len() / 2], all.len() - 1, all.len()];
    for given in moments {
        let mut import = moving.importing(&target);
        let mut input = import.stdin.take().expect("piped");
        input.write_all(&all[..given]).await.expect("it reads");
        input.flush().await.expect("it reads");
        if given >= ends[0] {
            eventually("the import has begun", async || {
                target.join("ledger-restoring").exists().then_some(())
            })
            .await;
        }
        // It waits for more, or for the end, which never comes.
        import.kill().await.expect("it runs");
        drop(input);
        assert!(!Engine::exists(&target), "after {given} bytes");
    }
    let served = moving.run(&["replay"], &target).await;
    assert!(said(&served).contains("restore_unfinished"), "{}", said(&served));
    // From here on it may have ended before it is killed.
    for _ in 0..4 {
        let mut import = moving.importing(&target);
        let mut input = import.stdin.take().expect("piped");
        input.write_all(&all).await.expect("it reads");
        drop(input);
        import.kill().await.expect("it was started");
        if Engine::exists(&target) {
            moving.expect_same(&target).await;
            fs::remove_dir_all(&target).expect("removed");
        }
    }
    let mut import = moving.importing(&target);
    let mut input = import.stdin.take().expect("piped");
    input.write_all(&all).await.expect("it reads");
    drop(input);
    assert!(import.wait().await.expect("it ends").success());
    moving.expect_same(&target).await;
}

/// Runs a program, whose data directory is in a small disk of its own, and lists the directory.
const SMALL_DISK: &str = r#"
    mount -t tmpfs -o size="$2" none "$1" || exit 9
    folder=$1
    shift 2
    "$@"
    code=$?
    ls -A "$folder/data"
    exit $code
"#;

#[tokio::test(flavor = "multi_thread")]
async fn an_import_onto_a_full_disk_says_so_and_leaves_no_ledger() {
    let moving = Moving::new().await;
    let (file, disk) = (moving.path("ledger.jsonl"), moving.path("disk"));
    fs::write(&file, moving.exported(&moving.service.data_dir()).await).expect("written");
    fs::create_dir(&disk).expect("made");
    for (size, left) in [("24m", Some("ledger.lock\n")), ("1m", None)] {
        let import = moving.command(&["import", text(&file)], &disk.join("data"));
        let mut under = Command::new("unshare");
        under.args(["--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"]);
        under.arg(&disk).arg(size).arg(import.as_std().get_program());
        under.args(import.as_std().get_args());
        let refused = under.output().await.expect("it runs");
        let (said, listed) = (said(&refused), String::from_utf8_lossy(&refused.stdout));
        assert!(!refused.status.success() && refused.status.code() != Some(9), "{said}");
        assert!(!listed.contains("ledger-format"), "{listed}");
        if let Some(left) = left {
            assert!(said.contains("[disk_full]") && said.contains("repeat the import"), "{said}");
            assert_eq!(listed, left);
        }
    }
}
