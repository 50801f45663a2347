//! Manifests of somebody who can write to the target, and has no key.

use std::sync::Arc;

use ledger_domain::Micros;
use ledger_vault::Keyring;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{CopyOptions, ObjectStore as _, ObjectStoreExt as _, PutPayload};
use tokio::task::spawn_blocking;

use super::retention::{backed_up, pruned, pruned_by_key};
use super::world::{NOW, World, ids, names};
use crate::error::BackupError;
use crate::holdings::{self, Holding};
use crate::id::BackupId;
use crate::manifest::{Manifest, seal};
use crate::names::{manifest as name_of, state};
use crate::target::Target;

/// Writes a manifest whose digest is right.
async fn put(store: &InMemory, manifest: &Manifest) {
    let text = seal(manifest, |_| [7; 32]).unwrap();
    let path = Path::from(name_of(manifest.backup));
    store.put(&path, PutPayload::from(text)).await.unwrap();
}

async fn read(target: &Target, backup: BackupId) -> Manifest {
    let target = target.clone();
    let read = spawn_blocking(move || holdings::read(&target, backup).unwrap());
    read.await.unwrap().manifest
}

/// Makes the oldest backup look as if it were the newest one, years from now.
async fn forge_newest(target: &Target, store: &InMemory, oldest: BackupId) -> BackupId {
    let mut forged = read(target, oldest).await;
    let later = Micros::new(NOW.get() * 2);
    forged.backup = BackupId::after(later, None, &mut rand::rng());
    let (from, to) = (Path::from(state(oldest, 0)), Path::from(state(forged.backup, 0)));
    store.copy_opts(&from, &to, CopyOptions::default()).await.unwrap();
    put(store, &forged).await;
    forged.backup
}

async fn list(target: &Target, keyring: Option<Keyring>) -> Result<Vec<Holding>, BackupError> {
    let target = target.clone();
    spawn_blocking(move || holdings::list(&target, keyring.as_ref())).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_manifest_is_no_backup_and_no_reason_to_remove_one() {
    let (mut world, target, store) = backed_up().await;
    let own = ids(&target).await;
    let forged = forge_newest(&target, &store, own[0]).await;
    let by_key = pruned_by_key(&world, &target).await;
    let done = pruned(&world, &target, 5, false).await.unwrap();
    for report in [&by_key, &done] {
        assert!(report.checked);
        assert_eq!(report.not_authentic, [forged]);
        assert_eq!((report.kept, report.removed.as_slice()), (2, &own[..4]));
        assert_eq!(report.objects, 0, "a manifest from then may need what was written before");
    }
    assert!(names(&target).await.contains(&name_of(forged)), "it is left for the operator");
    // Later backups are in an order of their own.
    world.grow(1).await;
    let next = world.back_up(&target, 9).await;
    assert!(own[5].to_string() < next.backup && next.backup < forged.to_string());
    assert!(next.segments_written < next.segments || next.segments == 1, "{next:?}");
    let (restored, _) = world.restore(&target, None).await;
    let restored = restored.unwrap();
    assert_eq!((restored.backup.to_string(), restored.left_out.len()), (next.backup, 1));
    // Once the operator has removed it, so are the objects that nobody needs.
    store.delete(&Path::from(name_of(forged))).await.unwrap();
    assert!(pruned(&world, &target, 5, false).await.unwrap().objects > 0);
    let (restored, _) = world.restore(&target, None).await;
    assert_eq!(restored.unwrap().position, world.engine.head().get());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_edited_manifest_named_before_is_left_alone() {
    let (world, target, store) = backed_up().await;
    let own = ids(&target).await;
    let path = Path::from(name_of(own[5]));
    let original = store.get(&path).await.unwrap().bytes().await.unwrap();
    let mut edited = read(&target, own[5]).await;
    (edited.segments, edited.position) = (Vec::new(), 0);
    put(&store, &edited).await;
    let done = pruned(&world, &target, 5, false).await.unwrap();
    assert_eq!((done.kept, done.not_authentic), (2, vec![own[5]]));
    // Whoever has the original, as a store with versions does, has the backup.
    store.put(&path, PutPayload::from(original)).await.unwrap();
    let (restored, _) = world.restore(&target, Some(own[5])).await;
    assert_eq!(restored.unwrap().position, world.engine.head().get());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_says_which_manifests_are_not_the_ledgers_own() {
    let (world, target, store) = backed_up().await;
    let own = ids(&target).await;
    let forged = forge_newest(&target, &store, own[0]).await;
    let unchecked = list(&target, None).await.unwrap();
    assert!(unchecked.iter().all(|one| one.authentic.is_none() && one.damage.is_none()));
    for one in list(&target, Some(world.keyring())).await.unwrap() {
        assert_eq!(one.authentic, Some(one.backup != forged), "{one:?}");
        assert_eq!(one.damage.is_some(), one.backup == forged, "{one:?}");
    }
    let other = Keyring::generate(&mut rand::rng());
    let refused = list(&target, Some(other)).await.unwrap_err();
    assert!(matches!(refused, BackupError::Restore(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_key_of_its_own_no_manifest_is_believed() {
    let world = World::new().await;
    let store = Arc::new(InMemory::new());
    let target = Target::of(Arc::clone(&store) as _);
    let real = world.back_up(&target, 0).await.backup.parse().unwrap();
    let mut forged = read(&target, real).await;
    forged.epoch += 1;
    put(&store, &forged).await;
    let listed = list(&target, Some(world.keyring())).await.unwrap();
    assert_eq!(listed[0].authentic, Some(false), "{listed:?}");
    let done = pruned_by_key(&world, &target).await;
    assert_eq!((done.kept, done.not_authentic), (0, vec![real]));
}
