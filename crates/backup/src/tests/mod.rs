//! Backups of a ledger, at targets in memory.

mod damage;
mod dying;
mod erased;
mod forged;
mod retention;
mod rotated;
pub(crate) mod world;

use std::sync::Arc;

use ledger_domain::Position;
use ledger_engine::{EngineOptions, RestoreOptions, Until};
use tokio::task::spawn_blocking;

use crate::error::BackupError;
use crate::holdings;
use crate::manifest::FORM;
use crate::restore::{ErasedSince, restore};
use crate::target::Target;
use dying::Dying;
use world::{World, in_memory, names};

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_ledger_tells_the_same_as_the_one_that_was_backed_up() {
    let mut world = World::new().await;
    let (target, _) = in_memory();
    world.grow(40).await;
    world.back_up(&target, 0).await;
    world.grow(60).await;
    let report = world.back_up(&target, 1).await;
    assert_eq!(report.position, world.engine.head().get());
    let expected = world.events();
    world.grow(1).await;
    let (restored, folder) = world.restore(&target, None).await;
    let restored = restored.unwrap();
    assert_eq!((restored.position, restored.backup.to_string()), (report.position, report.backup));
    assert_ne!(restored.incarnation, restored.former_incarnation);
    let restored = World::open(folder, world.keys()).await;
    assert_eq!(restored.events(), expected);
    assert_eq!(restored.engine.ledger_id(), world.engine.ledger_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_costs_what_is_new_and_takes_over_the_rest() {
    let mut world = World::new().await;
    let (target, store) = in_memory();
    world.grow(200).await;
    let first = world.back_up(&target, 0).await;
    assert!(first.segments > 2, "{first:?}");
    assert_eq!(first.events_written, first.position);
    world.grow(3).await;
    let second = world.back_up(&target, 1).await;
    assert!(second.events_written < 80, "{second:?}");
    assert!(second.bytes_written < first.bytes_written / 2, "{second:?} after {first:?}");
    let third = world.back_up(&target, 2).await;
    assert_eq!((third.events_written, third.segments_written), (0, 0));
    // Two lists, two reads of manifests, and a state and a manifest that are written and read back.
    let counting = Target::of(Arc::new(Dying::after(store, 7, true)));
    world.back_up(&counting, 3).await;
    let full = world.try_back_up(&target, 4, true).await.unwrap();
    assert_eq!(full.events_written, full.position);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_log_is_backed_up_and_restored_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let keys = ledger_vault::Keyring::generate(&mut rand::rng()).to_file_text().to_string();
    let keyring = ledger_vault::Keyring::parse(&keys).unwrap();
    let mut options = EngineOptions::new(folder.path().join("data"), keyring);
    options.create = true;
    let engine = spawn_blocking(move || ledger_engine::Engine::open(options).unwrap());
    drop(engine.await.unwrap());
    let world = World::open(folder, &keys).await;
    let (target, _) = in_memory();
    assert_eq!(world.back_up(&target, 0).await.segments, 0);
    let (restored, folder) = world.restore(&target, None).await;
    assert_eq!(restored.unwrap().position, 0);
    assert_eq!(World::open(folder, &keys).await.engine.head(), Position::ZERO);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_ends_at_the_position_that_was_asked_for() {
    let mut world = World::new().await;
    let (target, _) = in_memory();
    world.grow(150).await;
    world.back_up(&target, 0).await;
    let (until, keyring) = (Until::Position(Position::new(77)), world.keyring());
    let (at, folder) = (target.clone(), tempfile::tempdir().unwrap());
    let into = folder.path().join("data");
    let work = move || {
        let options = RestoreOptions { until, ..RestoreOptions::new(&into, &keyring) };
        restore(&at, None, ErasedSince::EraseAgain, options, &|_, _| {}).unwrap()
    };
    assert_eq!(spawn_blocking(work).await.unwrap().position, 77);
    let restored = World::open(folder, world.keys()).await;
    assert!(world.events().starts_with(&restored.events()));
    assert_eq!(restored.engine.head(), Position::new(77));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_ends_at_any_request_is_none_or_whole() {
    let mut world = World::new().await;
    world.grow(60).await;
    let (first, store) = in_memory();
    let earlier = world.back_up(&first, 0).await.position;
    world.grow(60).await;
    let (mut requests, mut made) = (0, 0);
    // Once nothing dies, everything was tried.
    while made < 2 {
        for last_takes_effect in [false, true] {
            let store = Arc::new(store.fork());
            let dying = Dying::after(Arc::clone(&store), requests, last_takes_effect);
            let tried = world.try_back_up(&Target::of(Arc::new(dying)), 1, false).await;
            made += usize::from(tried.is_ok());
            let target = Target::of(store);
            let (restored, folder) = world.restore(&target, None).await;
            let restored = restored.unwrap();
            let head = world.engine.head().get();
            assert!([earlier, head].contains(&restored.position), "{requests}: {restored:?}");
            assert!(tried.is_err() || restored.position == head, "{requests}");
            assert!(restored.left_out.is_empty(), "{requests}: {restored:?}");
            drop(folder);
        }
        requests += 1;
    }
    assert!(requests > 8, "a backup takes more than {requests} requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_are_both_whole() {
    let mut world = World::new().await;
    let (target, _) = in_memory();
    world.grow(100).await;
    let (one, other) =
        tokio::join!(world.try_back_up(&target, 0, false), world.try_back_up(&target, 0, false));
    for report in [one.unwrap(), other.unwrap()] {
        let (restored, _) = world.restore(&target, Some(report.backup.parse().unwrap())).await;
        assert_eq!(restored.unwrap().position, world.engine.head().get());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_for_one_ledger() {
    let (one, other) = (World::new().await, World::new().await);
    let (target, _) = in_memory();
    one.back_up(&target, 0).await;
    let refused = other.try_back_up(&target, 1, false).await.unwrap_err();
    assert!(matches!(refused, BackupError::Foreign { .. }), "{refused}");
    assert_eq!(names(&target).await.len(), 3, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_went_on_by_itself_takes_nothing_over_that_it_does_not_have() {
    let mut world = World::new().await;
    let (target, _) = in_memory();
    world.grow(30).await;
    world.engine.shutdown();
    // A directory that is copied while nobody has it open has the same history.
    let copied = tempfile::tempdir().unwrap();
    let mut copy = std::process::Command::new("cp");
    let copied_to = copy.arg("-r").arg(world.data_dir()).arg(copied.path()).status().unwrap();
    assert!(copied_to.success());
    let keys = world.keys().to_owned();
    let mut copy = World::open(copied, &keys).await;
    let mut world = world.again().await;
    world.grow(50).await;
    world.back_up(&target, 0).await;
    copy.grow(100).await;
    let report = copy.back_up(&target, 1).await;
    assert!(report.events_written >= 100, "{report:?}");
    let (restored, folder) = copy.restore(&target, None).await;
    assert_eq!(restored.unwrap().position, copy.engine.head().get());
    assert_eq!(World::open(folder, &keys).await.events(), copy.events());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_newer_program_wrote_is_refused_by_name() {
    let world = World::new().await;
    let (target, store) = in_memory();
    let report = world.back_up(&target, 0).await;
    damage::edit(&store, &format!("manifests/{}.json", report.backup), |text| {
        text.replace(&format!("\"form\":{FORM},"), &format!("\"form\":{},", FORM + 1))
    })
    .await;
    let (refused, _) = world.restore(&target, None).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, BackupError::Newer { .. }), "{refused}");
    let listing = target.clone();
    let listed = spawn_blocking(move || holdings::list(&listing, None).unwrap()).await.unwrap();
    assert!(listed[0].damage.as_ref().unwrap().contains("newer"));
}
