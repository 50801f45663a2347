//! Backups of a ledger in which connections were erased.

use std::io::Read as _;
use std::time::{Duration, Instant};

use ledger_domain::Position;
use ledger_engine::RestoreOptions;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::world::{World, in_memory, names};
use crate::error::BackupError;
use crate::id::BackupId;
use crate::names::SEGMENTS;
use crate::packing::lines_of;
use crate::restore::{ErasedSince, RestoreReport, restore};
use crate::target::Target;

/// A setting that must be gone.
const CANARY: &str = "canary-71b0f3d95e";

impl World {
    /// Makes a connection with the canary, and returns its id.
    async fn canary(&self, slug: &str) -> String {
        let body = json!({
            "slug": slug, "provider": "x", "config": {"u": CANARY}, "secrets": {"k": "sk-1"},
        });
        self.send("create", &body).await;
        let lines = String::from_utf8(self.events()).unwrap();
        let line = lines.lines().rfind(|line| line.contains(CANARY)).unwrap();
        let (_, rest) = line.split_once("\"stream\":\"connection/").unwrap();
        rest.get(..36).unwrap().to_owned()
    }

    async fn erase(&self, id: &str) {
        self.send("erase", &json!({"connection": id, "reason": "contract ended"})).await;
        self.emptied().await;
    }

    /// Waits until every erasure is carried out.
    async fn emptied(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.engine.portable().erased().unwrap().iter().all(|one| one.is_emptied) {
            assert!(Instant::now() < deadline, "erasures are not carried out");
            tokio::task::yield_now().await;
        }
    }

    async fn restore_with(
        &self,
        target: &Target,
        backup: &str,
        erased: ErasedSince,
    ) -> (Result<RestoreReport, BackupError>, TempDir) {
        let (target, keyring) = (target.clone(), self.keyring());
        let backup: BackupId = backup.parse().unwrap();
        let work = move || {
            let folder = tempfile::tempdir().unwrap();
            let into = folder.path().join("data");
            let options = RestoreOptions::new(&into, &keyring);
            (restore(&target, Some(backup), erased, options, &|_, _| {}), folder)
        };
        spawn_blocking(work).await.unwrap()
    }
}

/// Returns the texts of the segments that a backup names, joined.
async fn text_of(target: &Target, backup: &str) -> String {
    let (target, backup): (_, BackupId) = (target.clone(), backup.parse().unwrap());
    let read = move || {
        let manifest = crate::holdings::read(&target, backup).unwrap().manifest;
        let mut text = String::new();
        for part in manifest.parts() {
            let object = target.get(&part.name, part.bytes).unwrap();
            lines_of(object).unwrap().read_to_string(&mut text).unwrap();
        }
        text
    };
    spawn_blocking(read).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_backup_has_nothing_of_what_was_erased_and_takes_over_the_rest() {
    let (target, _) = in_memory();
    let mut world = World::new().await;
    world.grow(120).await;
    let first = world.back_up(&target, 0).await;
    let id = world.canary("main").await;
    world.grow(120).await;
    let second = world.back_up(&target, 1).await;
    assert!(text_of(&target, &second.backup).await.contains(CANARY));
    world.erase(&id).await;
    let third = world.back_up(&target, 2).await;
    let text = text_of(&target, &third.backup).await;
    assert!(!text.contains(CANARY), "a segment has what was erased");
    let created = text.lines().find(|line| line.contains(&id)).unwrap();
    assert!(!created.contains("\"key\":"), "its data key: {created}");
    assert!(third.segments_written < third.segments, "segments without it are taken over");
    let of_first = |name: &String| name.starts_with(SEGMENTS) && name.contains(&first.backup);
    assert!(names(&target).await.iter().any(of_first));

    let (restored, folder) = world.restore(&target, Some(third.backup.parse().unwrap())).await;
    let report = restored.unwrap();
    assert!(report.erased_again.is_empty() && report.came_back.is_empty(), "{report:?}");
    let restored = World::open(folder, world.keys()).await;
    restored.emptied().await;
    assert_eq!(restored.events(), world.events());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_backup_brings_no_erased_secret_back_unless_told() {
    let (target, _) = in_memory();
    let mut world = World::new().await;
    let id = world.canary("main").await;
    world.grow(5).await;
    let early = world.back_up(&target, 0).await;
    world.erase(&id).await;
    let late = world.back_up(&target, 1).await;

    let (restored, folder) =
        world.restore_with(&target, &early.backup, ErasedSince::EraseAgain).await;
    let report = restored.unwrap();
    assert_eq!(report.erased_again, std::slice::from_ref(&id));
    let again = World::open(folder, world.keys()).await;
    let head = Position::new(report.position + 1);
    let mut moved = again.engine.subscribe_head();
    moved.wait_for(|now| *now >= head).await.unwrap();
    again.emptied().await;
    let text = String::from_utf8(again.events()).unwrap();
    assert!(!text.contains(CANARY), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.contains("connection_erased") && last.contains("system:restore"), "{last}");
    assert!(!again.data_key_is_there(&id));

    let (restored, folder) = world.restore_with(&target, &early.backup, ErasedSince::Keep).await;
    let report = restored.unwrap();
    assert_eq!((&report.erased_again, &report.came_back), (&vec![], &vec![id.clone()]));
    let kept = World::open(folder, world.keys()).await;
    assert!(String::from_utf8(kept.events()).unwrap().contains(CANARY));
    assert!(kept.data_key_is_there(&id));
    // It was kept on purpose, so backups of this history do not erase it.
    let next = kept.back_up(&target, 2).await;
    let (restored, _folder) =
        world.restore_with(&target, &next.backup, ErasedSince::EraseAgain).await;
    assert!(restored.unwrap().erased_again.is_empty());
    let (restored, _folder) =
        world.restore_with(&target, &late.backup, ErasedSince::EraseAgain).await;
    assert!(restored.unwrap().erased_again.is_empty(), "it is erased there");
}

impl World {
    /// Returns whether the portable form has the data key of a connection.
    fn data_key_is_there(&self, id: &str) -> bool {
        let lines = String::from_utf8(self.events()).unwrap();
        let created = lines.lines().find(|line| line.contains(id)).unwrap();
        created.contains("\"key\":\"")
    }
}
