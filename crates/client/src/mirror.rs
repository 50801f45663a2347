//! A gateway's in-memory copy of a workspace: the latest public state of its connections, and the
//! secrets that it uses.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::StreamExt as _;
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connect::Client;
use crate::error::ClientError;
use crate::reveal::Secret;
use crate::slot::Slot;
use crate::watch::{Notice, WatchItem, WatchScope};

/// A connection as a gateway needs it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The connection's id.
    pub id: String,
    /// The connection's slug.
    pub slug: String,
    /// The external service.
    pub provider: String,
    /// Whether it may be used: enabled and not archived.
    pub usable: bool,
    /// Settings that are not secret.
    pub config: BTreeMap<String, Value>,
    /// Generation of each secret field's current value.
    pub generations: BTreeMap<String, u64>,
    /// The connection's version.
    pub version: u64,
    /// Log position of the last change.
    pub position: u64,
}

type SecretName = (String, String);

#[derive(Debug, Default)]
struct State {
    by_id: HashMap<String, Arc<Seen>>,
    ids: HashMap<String, String>,
}

/// Follows a workspace and keeps the latest state of its connections. Fetches secrets when they are
/// first needed, and again after a change to a later generation. Dropping it wipes everything.
#[derive(Debug)]
pub struct Mirror {
    client: Client,
    workspace: String,
    state: Arc<RwLock<State>>,
    secrets: Mutex<HashMap<SecretName, Arc<Slot>>>,
    caught_up: watch::Receiver<Option<u64>>,
    task: JoinHandle<()>,
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mirror {
    /// Starts following a workspace.
    pub fn follow(client: Client, workspace: &str) -> Self {
        let state = Arc::new(RwLock::new(State::default()));
        let (told, caught_up) = watch::channel(None);
        let mut items = client.watch(WatchScope::Workspace(workspace.to_owned()), None);
        let kept = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Some(item) = items.next().await {
                match item {
                    WatchItem::Initial(notice) | WatchItem::Change(notice) => {
                        kept.write().take(&notice);
                        let position = notice.position;
                        told.send_if_modified(|last| {
                            let known = last.is_some();
                            if known {
                                *last = Some(position);
                            }
                            known
                        });
                    }
                    WatchItem::CaughtUp { position } => {
                        told.send_replace(Some(position));
                    }
                    WatchItem::Interrupted { .. } | WatchItem::Resumed => {}
                }
            }
        });
        let secrets = Mutex::default();
        Self { client, workspace: workspace.to_owned(), state, secrets, caught_up, task }
    }

    /// Waits until the state of every connection has been received.
    pub async fn ready(&self) -> Result<(), ClientError> {
        let mut caught_up = self.caught_up.clone();
        let ready = caught_up.wait_for(Option::is_some).await;
        ready.map(drop).map_err(|_| ClientError::Internal("the watch has ended".to_owned()))
    }

    /// Returns a channel with the position of the last change applied.
    pub fn positions(&self) -> watch::Receiver<Option<u64>> {
        self.caught_up.clone()
    }

    /// Returns a connection by id or slug.
    pub fn connection(&self, name: &str) -> Option<Arc<Seen>> {
        let state = self.state.read();
        let id = state.ids.get(&name.to_ascii_lowercase()).map_or(name, String::as_str);
        state.by_id.get(id).cloned()
    }

    /// Returns the current value of a secret field, and fetches it if necessary. While the ledger
    /// is unreachable, returns the last known value and asks the ledger only every few seconds.
    pub async fn secret(
        &self,
        connection: &Seen,
        field: &str,
        reason: &str,
    ) -> Result<Arc<Secret>, ClientError> {
        let wanted = connection.generations.get(field).copied();
        let name = (connection.id.clone(), field.to_owned());
        let slot = Arc::clone(self.secrets.lock().entry(name).or_default());
        let fetch = async || {
            let fields = [field];
            let revealed = self.client.reveal(&self.workspace, &connection.id, &fields, reason);
            let missing = || ClientError::Internal(format!("there is no secret {field}"));
            revealed.await?.remove(field).ok_or_else(missing)
        };
        slot.get(wanted, fetch).await
    }
}

impl State {
    /// Applies a notification. One without a connection's state changes nothing.
    fn take(&mut self, notice: &Notice) {
        let Some(seen) = read(notice).map(Arc::new) else { return };
        if let Some(before) = self.by_id.get(&seen.id) {
            if before.position > seen.position {
                return;
            }
            let slug = before.slug.to_ascii_lowercase();
            if self.ids.get(&slug) == Some(&seen.id) {
                self.ids.remove(&slug);
            }
        }
        if seen.usable || !self.ids.contains_key(&seen.slug.to_ascii_lowercase()) {
            self.ids.insert(seen.slug.to_ascii_lowercase(), seen.id.clone());
        }
        self.by_id.insert(seen.id.clone(), seen);
    }
}

fn read(notice: &Notice) -> Option<Seen> {
    let notification = notice.notification().ok()?;
    let view = notification.connection?;
    let value = |raw: &serde_json::value::RawValue| serde_json::from_str(raw.get()).ok();
    Some(Seen {
        usable: view.enabled && view.lifecycle == "active",
        config: view
            .config
            .iter()
            .filter_map(|(name, raw)| Some((name.clone().into_owned(), value(raw)?)))
            .collect(),
        generations: view
            .secrets
            .iter()
            .map(|(name, secret)| (name.clone().into_owned(), secret.generation))
            .collect(),
        slug: view.slug.into_owned(),
        provider: view.provider.into_owned(),
        id: view.id,
        version: view.version,
        position: view.position,
    })
}
