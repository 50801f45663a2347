//! A ledger, and targets that tests damage.

use std::sync::Arc;

use ledger_contract::backups::BackupReport;
use ledger_contract::headers::Headers;
use ledger_contract::records::Via;
use ledger_contract::{commands, subjects};
use ledger_domain::{Micros, Position, WorkspaceName};
use ledger_engine::{
    Caller, CommandRequest, Engine, EngineOptions, Portable, Received, RestoreOptions,
};
use ledger_vault::{KeyFile, Keyring};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use crate::create::{BackupOptions, back_up};
use crate::error::BackupError;
use crate::holdings;
use crate::id::BackupId;
use crate::restore::{ErasedSince, RestoreReport, restore};
use crate::target::Target;

/// When the first backup is made.
pub(crate) const NOW: Micros = Micros::new(1_800_000_000_000_000);
/// Segments are this small, so that there are several.
pub(crate) const SEGMENT_BYTES: u64 = 10_000;

/// A ledger in a folder.
pub(crate) struct World {
    pub(crate) engine: Engine,
    keys: String,
    folder: TempDir,
    made: usize,
}

impl World {
    /// Makes a ledger with a workspace.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("master.key");
        let keyring = Keyring::generate(&mut rand::rng());
        keyring.create_file(&key_file).unwrap();
        let keys = keyring.to_file_text().to_string();
        let mut options = EngineOptions::new(folder.path().join("data"), keyring);
        options.create = true;
        options.key_source = Some(Arc::new(KeyFile::new(key_file)));
        let engine = spawn_blocking(move || Engine::open(options).unwrap()).await.unwrap();
        let world = Self { engine, keys, folder, made: 0 };
        world.send("create-workspace", &json!({})).await;
        world
    }

    /// Opens a restored ledger.
    pub(crate) async fn open(folder: TempDir, keys: &str) -> Self {
        let keyring = Keyring::parse(keys).unwrap();
        let options = EngineOptions::new(folder.path().join("data"), keyring);
        let engine = spawn_blocking(move || Engine::open(options).unwrap()).await.unwrap();
        // Slugs must differ from those that are there.
        Self { engine, keys: keys.to_owned(), folder, made: 100_000 }
    }

    /// Opens the ledger again after it was shut down.
    pub(crate) async fn again(self) -> Self {
        let Self { engine, keys, folder, made } = self;
        drop(engine);
        Self { made, ..Self::open(folder, &keys).await }
    }

    pub(crate) fn keyring(&self) -> Keyring {
        Keyring::parse(&self.keys).unwrap()
    }

    pub(crate) fn keys(&self) -> &str {
        &self.keys
    }

    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Wraps everything under a new master key, and removes the former from the file.
    pub(crate) async fn rotate_master_key(&mut self) {
        let key_file = self.folder.path().join("master.key");
        let new = Keyring::add_to_file(&key_file, &mut rand::rng()).unwrap();
        self.send_to(subjects::ledger_workspace(), "rotate-master-key", &json!({})).await;
        let engine = self.engine.clone();
        spawn_blocking(move || engine.rewrap(&|_| {}).unwrap()).await.unwrap();
        let keyring = Keyring::read_file(&key_file).unwrap();
        self.keys = keyring.without(|key| key != new).to_file_text().to_string();
    }

    pub(crate) async fn send(&self, verb: &'static str, body: &Value) {
        let workspace = WorkspaceName::parse("workspace", "default").unwrap();
        self.send_to(workspace, verb, body).await;
    }

    async fn send_to(&self, workspace: WorkspaceName, verb: &'static str, body: &Value) {
        let body = body.to_string().into_bytes();
        let command = commands::parse(verb, &workspace, None, &body).unwrap();
        let context =
            self.engine.context(Caller::system("system:test"), Via::System, Headers::default());
        let received = Received::new(verb, body);
        let request = CommandRequest { received, workspace, command, context };
        self.engine.execute(request).await.unwrap();
    }

    /// Adds so many events.
    pub(crate) async fn grow(&mut self, events: usize) {
        for _ in 0..events {
            self.made += 1;
            let slug = format!("c-{}", self.made);
            let secrets = json!({ "k": format!("sk-{}", self.made) });
            let body = json!({ "slug": slug, "provider": "x", "secrets": secrets });
            self.send("create", &body).await;
        }
    }

    /// Backs it up, `minute` minutes after the first time.
    pub(crate) async fn back_up(&self, target: &Target, minute: i64) -> BackupReport {
        self.try_back_up(target, minute, false).await.unwrap()
    }

    pub(crate) async fn try_back_up(
        &self,
        target: &Target,
        minute: i64,
        full: bool,
    ) -> Result<BackupReport, BackupError> {
        let (ledger, target) = (self.engine.portable(), target.clone());
        let now = Micros::new(NOW.get() + minute * 60_000_000);
        let options =
            BackupOptions { full, bytes_per_second: None, segment_bytes: SEGMENT_BYTES, now };
        spawn_blocking(move || back_up(&ledger, &target, options, &|_| {})).await.unwrap()
    }

    /// Restores a backup into a new folder.
    pub(crate) async fn restore(
        &self,
        target: &Target,
        backup: Option<BackupId>,
    ) -> (Result<RestoreReport, BackupError>, TempDir) {
        let (target, keyring) = (target.clone(), self.keyring());
        let work = move || {
            let folder = tempfile::tempdir().unwrap();
            let into = folder.path().join("data");
            let options = RestoreOptions::new(&into, &keyring);
            (restore(&target, backup, ErasedSince::EraseAgain, options, &|_, _| {}), folder)
        };
        spawn_blocking(work).await.unwrap()
    }

    /// Returns the lines of all events.
    pub(crate) fn events(&self) -> Vec<u8> {
        lines(&self.engine.portable())
    }
}

pub(crate) fn lines(ledger: &Portable) -> Vec<u8> {
    let mut lines = Vec::new();
    ledger.write_events(Position::ZERO, ledger.position(), &mut lines).unwrap();
    lines
}

/// A target in memory, and its store.
pub(crate) fn in_memory() -> (Target, Arc<InMemory>) {
    let store = Arc::new(InMemory::new());
    (Target::of(Arc::clone(&store) as Arc<dyn ObjectStore>), store)
}

/// The backups, in order.
pub(crate) async fn ids(target: &Target) -> Vec<BackupId> {
    let target = target.clone();
    spawn_blocking(move || holdings::ids(&target).unwrap()).await.unwrap()
}

/// The names of all objects, in order.
pub(crate) async fn names(target: &Target) -> Vec<String> {
    let target = target.clone();
    let list = move || {
        let folders = ["manifests", "segments", "states"];
        let all = folders.iter().flat_map(|folder| target.list(folder).unwrap());
        all.map(|listed| listed.name).collect()
    };
    spawn_blocking(list).await.unwrap()
}
