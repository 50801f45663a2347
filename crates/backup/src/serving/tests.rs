//! Backups of an engine that is open in this process.

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::backups::BackupRequest;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::NatsStatus;
use ledger_domain::Micros;
use ledger_engine::{Engine, Fence};
use tokio::task::spawn_blocking;

use super::{Schedule, Serving, ServingOptions};
use crate::id::BackupId;
use crate::manifest::seal;
use crate::prune::Retention;
use crate::stop::Stop;
use crate::target::{PATIENCE, Target};
use crate::tests::world::World;
use crate::{holdings, names};

fn options(folder: &std::path::Path) -> ServingOptions {
    ServingOptions {
        target: folder.to_str().unwrap().parse().unwrap(),
        patience: PATIENCE,
        bytes_per_second: None,
        schedule: None,
        retention: Retention::default(),
    }
}

async fn back_up(engine: &Engine) -> Result<u64, Problem> {
    let engine = engine.clone();
    let work = move || engine.backup(BackupRequest::default(), &|_| {});
    spawn_blocking(work).await.unwrap().map(|report| report.position)
}

/// Another instance owns the name.
#[derive(Debug)]
struct Foreign;

impl Fence for Foreign {
    fn refusal(&self) -> Option<String> {
        Some("another instance holds the lease".to_owned())
    }

    fn status(&self) -> NatsStatus {
        NatsStatus {
            prefix: "ledger".to_owned(),
            instance: "i".to_owned(),
            owner: false,
            holder: None,
            refusal: self.refusal(),
            drift: Vec::new(),
            window: None,
            requests_rate_limited: 0,
            requests_locked_out: 0,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_target_makes_no_backup() {
    let world = World::new().await;
    assert_eq!(back_up(&world.engine).await.unwrap_err().code, Code::BackupOff);
    assert!(world.engine.backup_status().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_not_the_owner_makes_no_backup() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    world.engine.set_fence(Arc::new(Foreign));
    let schedule = Some(Schedule::new(Duration::from_secs(1)));
    let serving =
        Serving::start(&world.engine, ServingOptions { schedule, ..options(folder.path()) });
    assert_eq!(back_up(&world.engine).await.unwrap_err().code, Code::NotOwner);
    serving.shutdown().await;
    assert!(!folder.path().join("manifests").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_run_made_is_known_and_not_what_somebody_else_put_there() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let target = Target::open(&options.target, PATIENCE, Stop::default()).unwrap();
    let made = world.back_up(&target, 0).await;
    let (backup, at) = (made.backup.parse().unwrap(), target.clone());
    let read = spawn_blocking(move || holdings::read(&at, backup).unwrap());
    let mut forged = read.await.unwrap().manifest;
    forged.backup = BackupId::after(Micros::new(0), Some(backup), &mut rand::rng());
    let text = seal(&forged, |_| [7; 32]).unwrap();
    std::fs::write(folder.path().join(names::manifest(forged.backup)), text).unwrap();
    let serving = Serving::start(&world.engine, options);
    let known = loop {
        if let Some(known) = world.engine.backup_status().unwrap().last_good {
            break known;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(known.backup, made.backup);
    serving.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_the_latest_backup_is_known_until_the_next_one() {
    let mut world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    let serving = Serving::start(&world.engine, options(&backups));
    let failure = back_up(&world.engine).await.unwrap_err();
    assert_eq!(failure.code, Code::BackupTargetUnavailable);
    let status = world.engine.backup_status().unwrap();
    assert_eq!((status.last_good, status.last_failure.unwrap().times), (None, 1));
    std::fs::create_dir(&backups).unwrap();
    world.grow(3).await;
    let position = back_up(&world.engine).await.unwrap();
    let status = world.engine.backup_status().unwrap();
    assert_eq!(status.last_good.unwrap().position, position);
    assert_eq!((status.last_failure, status.running), (None, None));
    serving.shutdown().await;
    let refused = back_up(&world.engine).await.unwrap_err();
    assert_eq!(refused.code, Code::ShuttingDown, "nothing is begun after the end");
}
