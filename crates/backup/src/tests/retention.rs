//! Removing old backups.

use std::sync::Arc;

use ledger_domain::Micros;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use tokio::task::spawn_blocking;

use super::dying::Dying;
use super::world::{NOW, World, ids, in_memory, names};
use crate::checker::Trust;
use crate::error::BackupError;
use crate::holdings;
use crate::prune::{PruneReport, Retention, prune};
use crate::target::Target;

const LAST_TWO: Retention = Retention { last: Some(2), younger_than: None };

pub(super) async fn pruned(
    world: &World,
    target: &Target,
    days: i64,
    dry_run: bool,
) -> Result<PruneReport, BackupError> {
    let (target, ledger) = (target.clone(), world.engine.portable());
    let work = move || {
        let now = Micros::new(NOW.get() + days * 86_400_000_000);
        prune(&target, Trust::Ledger(&ledger), LAST_TWO, now, dry_run, &|_| {})
    };
    spawn_blocking(work).await.unwrap()
}

/// Says what the master key would remove.
pub(super) async fn pruned_by_key(world: &World, target: &Target) -> PruneReport {
    let (target, keyring) = (target.clone(), world.keyring());
    let work = move || prune(&target, Trust::MasterKey(&keyring), LAST_TWO, NOW, true, &|_| {});
    spawn_blocking(work).await.unwrap().unwrap()
}

/// Returns a ledger with several backups, the oldest first.
pub(super) async fn backed_up() -> (World, Target, Arc<InMemory>) {
    let mut world = World::new().await;
    let (target, store) = in_memory();
    for minute in 0..6 {
        world.grow(25).await;
        world.back_up(&target, minute).await;
    }
    (world, target, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_after_a_prune_can_be_restored() {
    let (mut world, target, _) = backed_up().await;
    let before = names(&target).await;
    let look = pruned(&world, &target, 0, true).await.unwrap();
    assert_eq!((look.removed.len(), look.kept), (4, 2));
    assert_eq!(names(&target).await, before, "it was only a look");
    let done = pruned(&world, &target, 0, false).await.unwrap();
    assert_eq!((done.removed, done.kept), (look.removed, 2));
    let left = names(&target).await;
    assert!(left.len() < before.len());
    for backup in ids(&target).await {
        let (restored, _) = world.restore(&target, Some(backup)).await;
        restored.unwrap();
    }
    assert_eq!(
        pruned(&world, &target, 0, false).await.unwrap().objects,
        0,
        "there is nothing more to do"
    );
    world.grow(1).await;
    world.back_up(&target, 9).await;
    let (restored, _) = world.restore(&target, None).await;
    assert_eq!(restored.unwrap().position, world.engine.head().get());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prune_that_ends_at_any_request_leaves_whole_backups() {
    let (world, _, store) = backed_up().await;
    let (mut requests, mut done) = (0, 0);
    while done < 2 {
        for last_takes_effect in [false, true] {
            let store = Arc::new(store.fork());
            let dying = Dying::after(Arc::clone(&store), requests, last_takes_effect);
            let tried = pruned(&world, &Target::of(Arc::new(dying)), 0, false).await;
            done += usize::from(tried.is_ok());
            let target = Target::of(store as Arc<dyn ObjectStore>);
            let at = target.clone();
            let left = spawn_blocking(move || holdings::list(&at, None).unwrap()).await.unwrap();
            assert!(left.len() >= 2 && left.iter().all(|one| one.damage.is_none()), "{left:?}");
        }
        requests += 3;
    }
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_unfinished_backup_wrote_is_removed_a_day_later() {
    let mut world = World::new().await;
    let (target, store) = in_memory();
    world.grow(60).await;
    let earlier = world.back_up(&target, 0).await.position;
    world.grow(60).await;
    // Enough requests for a segment, and not for the manifest.
    let dying = Dying::after(Arc::clone(&store), 6, true);
    world.try_back_up(&Target::of(Arc::new(dying)), 1, false).await.unwrap_err();
    let unfinished = names(&target).await;
    assert_eq!(pruned(&world, &target, 0, false).await.unwrap().objects, 0, "it may still run");
    assert_eq!(names(&target).await, unfinished);
    assert!(pruned(&world, &target, 2, false).await.unwrap().objects > 0);
    assert!(names(&target).await.len() < unfinished.len());
    let (restored, _) = world.restore(&target, None).await;
    assert_eq!(restored.unwrap().position, earlier);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_left_alone_and_counts_for_nothing() {
    let (world, target, store) = backed_up().await;
    let all = ids(&target).await;
    let latest = all.last().unwrap();
    super::damage::edit(&store, &format!("manifests/{latest}.json"), |text| text + "}").await;
    let done = pruned(&world, &target, 5, false).await.unwrap();
    assert_eq!(done.damaged, [*latest]);
    assert_eq!(done.kept, 2);
    let (restored, _) = world.restore(&target, None).await;
    assert_eq!(restored.unwrap().backup, all[4]);
}
