//! Backups of a ledger whose master key was rotated.

use ledger_vault::Keyring;

use super::world::{World, in_memory};
use crate::error::BackupError;
use crate::holdings::list;

#[tokio::test(flavor = "multi_thread")]
async fn the_next_backup_after_a_rotation_needs_the_new_key_only() {
    let (target, _) = in_memory();
    let mut world = World::new().await;
    world.grow(30).await;
    let first = world.back_up(&target, 0).await;
    world.grow(3).await;
    let second = world.back_up(&target, 1).await;
    assert!(second.segments_written < second.segments, "most is taken over");
    let former = world.keyring();

    world.rotate_master_key().await;
    let new = world.keyring();
    let third = world.back_up(&target, 2).await;
    assert_eq!(third.segments_written, third.segments, "nothing is taken over");
    world.grow(3).await;
    let fourth = world.back_up(&target, 3).await;
    assert!(fourth.segments_written < fourth.segments, "now it is again");

    let listed = list_all(&target).await;
    let ids = |keyring: &Keyring| Some([keyring.active_id().to_string()].into());
    let taken: Vec<_> = listed.into_iter().map(|one| one.summary.unwrap().master_keys).collect();
    assert_eq!(taken, [ids(&former), ids(&former), ids(&new), ids(&new)]);

    let (restored, _folder) = world.restore(&target, Some(fourth.backup.parse().unwrap())).await;
    assert_eq!(restored.unwrap().position, world.engine.head().get());
    let (refused, _folder) = world.restore(&target, Some(first.backup.parse().unwrap())).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, BackupError::Restore(_)), "{refused:?}");
    let said = ledger_contract::errors::Problem::from(refused).to_string();
    for key in [former.active_id(), new.active_id()] {
        assert!(said.contains(&key.to_string()), "{said}");
    }
}

async fn list_all(target: &crate::target::Target) -> Vec<crate::holdings::Holding> {
    let target = target.clone();
    tokio::task::spawn_blocking(move || list(&target, None).unwrap()).await.unwrap()
}
