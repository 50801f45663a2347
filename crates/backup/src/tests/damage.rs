//! Objects that are not as they were written.

use std::sync::Arc;

use ledger_vault::Keyring;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use tokio::task::spawn_blocking;

use super::dying::Dying;
use super::world::{World, in_memory, names};
use crate::error::BackupError;
use crate::restore::{ErasedSince, restore};
use crate::target::Target;
use crate::verify::{VerifyReport, verify};

/// Changes the text of an object.
pub(super) async fn edit(store: &InMemory, name: &str, change: impl FnOnce(String) -> String) {
    let path = Path::from(name);
    let text = store.get(&path).await.unwrap().bytes().await.unwrap();
    let text = change(String::from_utf8(text.to_vec()).unwrap());
    store.put(&path, PutPayload::from(text.into_bytes())).await.unwrap();
}

async fn flip(store: &InMemory, name: &str) {
    let path = Path::from(name);
    let mut bytes = store.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    store.put(&path, PutPayload::from(bytes)).await.unwrap();
}

async fn check(target: &Target, keyring: Option<Keyring>) -> Result<VerifyReport, BackupError> {
    let target = target.clone();
    spawn_blocking(move || verify(&target, None, keyring.as_ref(), &|_| {})).await.unwrap()
}

/// Returns a ledger with a backup of several segments.
async fn backed_up() -> (World, Target, Arc<InMemory>) {
    let mut world = World::new().await;
    let (target, store) = in_memory();
    world.grow(120).await;
    world.back_up(&target, 0).await;
    (world, target, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_object_is_named_and_nothing_is_restored() {
    let (world, target, store) = backed_up().await;
    let all = names(&target).await;
    assert!(all.len() >= 4, "{all:?}");
    for name in all {
        let store = Arc::new(store.fork());
        flip(&store, &name).await;
        let target = Target::of(store);
        let (refused, folder) = world.restore(&target, None).await;
        let told = refused.unwrap_err();
        assert!(told.is_damage() && told.to_string().contains(&name), "{name}: {told}");
        let left = std::fs::read_dir(folder.path().join("data"));
        let left = left.map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect());
        let left: Vec<_> = left.unwrap_or_default();
        assert!(left.iter().all(|file| file == "ledger.lock"), "{name}: {left:?}");
        for keyring in [None, Some(world.keyring())] {
            let told = match check(&target, keyring).await {
                Ok(report) => report.damage.join("; "),
                Err(error) => error.to_string(),
            };
            assert!(told.contains(&name), "{name}: {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_object_is_named() {
    let (world, target, store) = backed_up().await;
    for name in names(&target).await.into_iter().filter(|name| !name.starts_with("manifests")) {
        let store = Arc::new(store.fork());
        store.delete(&Path::from(name.as_str())).await.unwrap();
        let target = Target::of(store);
        let (refused, _) = world.restore(&target, None).await;
        let told = refused.unwrap_err().to_string();
        assert!(told.contains(&name) && told.contains("missing"), "{told}");
        // The next backup writes what is missing, and what follows it.
        let healed = world.back_up(&target, 1).await;
        let (restored, _) = world.restore(&target, None).await;
        assert_eq!(restored.unwrap().backup.to_string(), healed.backup);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_backup_is_found_whole_with_and_without_the_master_key() {
    let (world, target, _) = backed_up().await;
    let by_digest = check(&target, None).await.unwrap();
    assert!(by_digest.damage.is_empty() && !by_digest.authentic);
    let by_key = check(&target, Some(world.keyring())).await.unwrap();
    assert!(by_key.damage.is_empty() && by_key.authentic);
    assert_eq!(by_key.position, world.engine.head().get());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_reads_each_object_once() {
    let (world, target, store) = backed_up().await;
    let requests = i64::try_from(names(&target).await.len()).unwrap() + 1;
    let dying = |requests| Target::of(Arc::new(Dying::after(Arc::clone(&store), requests, true)));
    let report = check(&dying(requests), Some(world.keyring())).await.unwrap();
    assert!(report.authentic, "{report:?}");
    check(&dying(requests - 1), Some(world.keyring())).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_master_key_is_told_before_anything_is_written() {
    let (world, target, _) = backed_up().await;
    let other = || Keyring::generate(&mut rand::rng());
    assert!(matches!(check(&target, Some(other())).await, Err(BackupError::Restore(_))));
    let folder = tempfile::tempdir().unwrap();
    let (into, at) = (folder.path().join("data"), target.clone());
    let work = move || {
        let keyring = other();
        let options = ledger_engine::RestoreOptions::new(&into, &keyring);
        (restore(&at, None, ErasedSince::EraseAgain, options, &|_, _| {}), into.exists())
    };
    let (refused, is_there) = spawn_blocking(work).await.unwrap();
    let problem = ledger_contract::errors::Problem::from(refused.unwrap_err());
    assert_eq!(problem.code, ledger_contract::errors::Code::MasterKeyWrong);
    assert!(!is_there);
    drop(world);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_sound_backup_is_restored_and_the_damaged_ones_are_named() {
    let (mut world, target, store) = backed_up().await;
    let sound = world.engine.head().get();
    world.grow(5).await;
    let later = world.back_up(&target, 1).await;
    flip(&store, &format!("manifests/{}.json", later.backup)).await;
    let (restored, _) = world.restore(&target, None).await;
    let restored = restored.unwrap();
    assert_eq!(restored.position, sound);
    assert_eq!(restored.left_out.len(), 1);
    assert!(restored.left_out[0].contains(&later.backup), "{restored:?}");
    let (refused, _) = world.restore(&target, Some(later.backup.parse().unwrap())).await;
    assert!(refused.unwrap_err().is_damage());
}
