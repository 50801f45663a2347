//! The program is killed in the middle of a backup or of a restore.

use std::process::Stdio;
use std::time::Duration;

use rand::Rng as _;
use tokio::process::Command;
use tokio::time::Instant;

use super::{Stopped, expect_code, load, run, told};
use crate::output::{said, text};
use crate::service::Service;
use crate::wait::eventually;

const ROUNDS: usize = 10;

/// Runs a command and kills it after a part of a time. Returns whether it had ended before.
async fn kill_within(mut command: Command, time: Duration) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = quiet.spawn().expect("connledger starts");
    let end = Instant::now() + time.mul_f64(rand::rng().random());
    let ended = eventually("the time has come", || {
        let ended = child.try_wait().expect("it can be asked").is_some();
        std::future::ready((ended || Instant::now() >= end).then_some(ended))
    })
    .await;
    child.kill().await.expect("it can be killed");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_is_none_and_the_next_one_is_whole() {
    let mut ledger = Stopped::with(300).await;
    let backups = ledger.backups.clone();
    let list = ["backup", "list", "--json", "--from", text(&backups)];
    let started = Instant::now();
    ledger.back_up().await;
    let takes = started.elapsed();
    for round in 0..ROUNDS {
        if round % 3 == 2 {
            ledger.service.start_again().await;
            let first = 1_000 + round * 100;
            load(&ledger.service, first..first + 20).await;
            assert!(ledger.service.stop().await.success());
        }
        let full = ["backup", "--full", "--to", text(&backups)];
        kill_within(ledger.service.command(&full), takes).await;
        let listed = run(&list, &[]).await;
        assert!(listed.status.success(), "{}", said(&listed));
        let listed = String::from_utf8(listed.stdout).expect("text");
        assert!(!listed.contains("damage"), "{listed}");
        let restored = Service::nowhere(&[]);
        told(&ledger.restore_here(&restored.data_dir(), &["--json"]).await);
    }
    let newest = ledger.back_up().await;
    let restored = Service::nowhere(&[]);
    let report = told(&ledger.restore_here(&restored.data_dir(), &["--json"]).await);
    assert_eq!(report["position"], newest["position"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_restore_leaves_no_ledger_and_can_be_run_again() {
    let ledger = Stopped::with(300).await;
    let backed_up = ledger.back_up().await;
    let key = ledger.key();
    let restore =
        ["backup", "restore", "--from", text(&ledger.backups), "--master-key-file", text(&key)];
    let first = Service::nowhere(&[]);
    let started = Instant::now();
    told(&ledger.restore_here(&first.data_dir(), &["--json"]).await);
    let takes = started.elapsed();
    let mut killed = 0;
    for _ in 0..ROUNDS {
        let restored = Service::nowhere(&[]);
        if kill_within(restored.command(&restore), takes).await {
            continue;
        }
        let verify = ["replay", "--verify", "--master-key-file", text(&key)];
        let opened = restored.run(&verify).await;
        if opened.status.success() {
            // It was killed after its end, which is as good as none.
            continue;
        }
        killed += 1;
        let said = said(&opened);
        let is_no_ledger =
            said.contains("[data_dir_missing]") || said.contains("[restore_unfinished]");
        assert!(is_no_ledger, "{said}");
        let again = told(&ledger.restore_here(&restored.data_dir(), &["--json"]).await);
        assert_eq!(again["position"], backed_up["position"]);
        expect_code(&ledger.restore_here(&restored.data_dir(), &[]).await, "data_dir_not_empty");
    }
    assert!(killed > 0, "no restore was killed in the middle");
}
