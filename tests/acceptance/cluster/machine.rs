//! The machine of one process, which a library makes a bad one that stands between the program and
//! the system.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/acceptance/cluster/machine.c");

/// What is wrong with a machine.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wrong {
    /// How much longer each sync takes.
    pub(super) sync: Duration,
    /// How far the clock is ahead.
    pub(super) clock: Duration,
    /// Whether the disk is full.
    pub(super) full: bool,
}

/// The machine of one process at a time.
#[derive(Debug)]
pub(super) struct Machine {
    folder: TempDir,
    file: File,
}

impl Machine {
    /// Makes one with which nothing is wrong.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", SOURCE, "-o"])
            .arg(folder.path().join("machine.so"))
            .output()
            .expect("whoever builds has a C compiler");
        let said = String::from_utf8_lossy(&compiled.stderr);
        assert!(compiled.status.success(), "{said}");
        let file = File::create(folder.path().join("wrong")).expect("a file");
        let machine = Self { folder, file };
        machine.is(Wrong::default());
        machine
    }

    /// Returns the words that start a program on it.
    pub(super) fn words(&self) -> Vec<String> {
        let at = |name| self.folder.path().join(name).display().to_string();
        let library = format!("LD_PRELOAD={}", at("machine.so"));
        vec!["env".to_owned(), library, format!("MACHINE={}", at("wrong"))]
    }

    /// Makes it a bad one, or a good one again.
    pub(super) fn is(&self, wrong: Wrong) {
        let Wrong { sync, clock, full } = wrong;
        let sync = i64::try_from(sync.as_micros()).expect("short");
        let clock = i64::try_from(clock.as_secs()).expect("not that far");
        let numbers = [sync, clock, i64::from(full)].map(i64::to_ne_bytes).concat();
        // The file is never shorter: it is mapped.
        self.file.write_all_at(&numbers, 0).expect("written");
    }
}

#[test]
fn a_machine_is_as_bad_as_it_is_said_to_be() {
    let machine = Machine::new();
    let words = machine.words();
    let run = |script: &str| {
        let run = Command::new(&words[0]).args(&words[1..]).args(["sh", "-c", script]).output();
        let run = run.expect("it runs");
        (run.status.success(), String::from_utf8_lossy(&run.stdout).trim().to_owned())
    };
    let now = || run("date +%s").1.parse::<i64>().expect("seconds");
    let folder = tempfile::tempdir().expect("a folder");
    let write = format!("cd {}; dd if=/dev/zero of=x bs=1 count=1", folder.path().display());
    let before = now();
    assert!(run(&write).0);
    machine.is(Wrong { clock: Duration::from_hours(1), full: true, ..Wrong::default() });
    assert!(!run(&write).0, "there is no room");
    assert!((now() - before - 3_600).abs() < 60);
    machine.is(Wrong { sync: Duration::from_millis(300), ..Wrong::default() });
    let started = std::time::Instant::now();
    assert!(run(&format!("{write} conv=fsync")).0);
    assert!(started.elapsed() >= Duration::from_millis(300));
    fs::remove_file(folder.path().join("x")).expect("it was written");
}
