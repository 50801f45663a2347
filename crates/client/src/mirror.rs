//! A gateway's in-memory copy of a workspace: the latest public state of its connections, and the
//! secrets that it uses.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use ledger_contract::ResumePoint;
use ledger_domain::Incarnation;
use parking_lot::{Mutex, RwLock};
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::confirm::{Confirmer, Consumer};
use crate::connect::Client;
use crate::error::ClientError;
use crate::lease::{Leases, Revoked};
use crate::reveal::Secret;
use crate::slot::{KnownGeneration, Slot};
use crate::watch::{Notice, Restart, WatchItem, WatchScope, Watcher};

/// How often it is looked for leases whose end is near.
const RENEW_INTERVAL: Duration = Duration::from_mins(1);

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
    /// Generation of each secret field's former value, while a rotation keeps it.
    pub former_generations: BTreeMap<String, u64>,
    /// The connection's version.
    pub version: u64,
    /// The latest generation of each secret field that was replaced because others know it, if
    /// there is one.
    pub compromised: BTreeMap<String, u64>,
    /// Log position of the last change.
    pub position: u64,
    /// The history in which generations, version and position count.
    pub incarnation: Option<Incarnation>,
}

/// The reason of reveals that replace compromised values.
const RENEWAL_REASON: &str = "the value before it is compromised";
/// How long to wait before what failed is fetched again.
const RENEWAL_REST: Duration = Duration::from_secs(5);

pub(crate) type SecretName = (String, String);

#[derive(Debug, Default)]
struct State {
    by_id: HashMap<String, Arc<Seen>>,
    ids: HashMap<String, String>,
}

/// What the mirror and its tasks share.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    state: RwLock<State>,
    secrets: Mutex<HashMap<SecretName, Arc<Slot>>>,
    leases: Leases,
    /// Told when leases are in doubt.
    doubted: Notify,
    /// Told when a connection changes, and when a value comes into use or out of it.
    pub(crate) changed: Arc<Notify>,
    /// Told when a value was dropped because others know it.
    pub(crate) lacking: Notify,
}

impl Kept {
    /// Returns a connection by id.
    pub(crate) fn by_id(&self, id: &str) -> Option<Arc<Seen>> {
        self.state.read().by_id.get(id).cloned()
    }

    /// Drops the values that are not to be held any more. Whoever holds one keeps it.
    fn drop_revoked(&self, revoked: &Revoked) {
        let is_kept = |id: &str| match revoked {
            Revoked::All => false,
            Revoked::Connection(revoked) => id != revoked,
        };
        self.secrets.lock().retain(|(id, _), _| is_kept(id));
        tracing::warn!(?revoked, "leases on secrets were revoked; dropping what was fetched");
        self.changed.notify_one();
    }

    /// Returns the secrets that were ever asked for, by connection and field.
    pub(crate) fn slots(&self) -> Vec<(SecretName, Arc<Slot>)> {
        let secrets = self.secrets.lock();
        secrets.iter().map(|(name, slot)| (name.clone(), Arc::clone(slot))).collect()
    }

    /// Drops what is held of values of a connection that others know.
    fn drop_compromised(&self, seen: &Seen) {
        for (field, generation) in &seen.compromised {
            let name = (seen.id.clone(), field.clone());
            let slot = self.secrets.lock().get(&name).cloned();
            if slot.is_some_and(|slot| slot.compromise(*generation, seen.incarnation)) {
                let (connection, generation) = (&*seen.slug, *generation);
                tracing::warn!(connection, field, generation, "dropped a compromised secret");
                self.lacking.notify_one();
            }
        }
    }
}

/// Returns the current value of a secret field, from its slot or from the ledger.
pub(crate) async fn current(
    (client, workspace): (&Client, &str),
    kept: &Kept,
    connection: &Seen,
    (field, slot): (&str, &Slot),
    reason: &str,
) -> Result<Arc<Secret>, ClientError> {
    let generation = connection.generations.get(field).copied();
    let wanted = KnownGeneration { generation, incarnation: connection.incarnation };
    let fetch = async || {
        let from = (client, workspace);
        let mut secret = kept.leases.fetch(from, &connection.id, field, reason).await?;
        secret.tell_dropped(Arc::clone(&kept.changed));
        kept.changed.notify_one();
        Ok(secret)
    };
    slot.get(wanted, fetch).await
}

/// Follows a workspace and keeps the latest state of its connections. Fetches secrets when they are
/// first needed, and again after a change to a later generation. Dropping it wipes everything.
///
/// It takes a lease on the secrets of each connection that it is asked for, reads later generations
/// under it and renews it. If a lease is revoked, it drops the values at once, and what is asked
/// for next takes another lease, as far as the ledger gives one. A ledger without leases is asked
/// for reveals instead, which the log says. Of connections that another workspace shares, it learns
/// of a revocation only when it asks again.
///
/// If the watch starts anew, for instance because the ledger was restored, the former states and
/// secrets are served until the new states are complete. Then what is not among them is gone.
///
/// Values that were replaced as compromised are dropped as soon as the notification arrives, also
/// if the ledger cannot be reached afterwards, and the new ones are fetched at once. A [`Secret`]
/// that a caller still holds says so ([`Secret::is_compromised`]).
#[derive(Debug)]
pub struct Mirror {
    client: Client,
    workspace: String,
    kept: Arc<Kept>,
    caught_up: watch::Receiver<Option<ResumePoint>>,
    restarted: watch::Receiver<Option<Restart>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Mirror {
    /// Starts following a workspace.
    pub fn follow(client: Client, workspace: &str) -> Self {
        let kept = Arc::new(Kept::default());
        let (reached, caught_up) = watch::channel(None);
        let (restarts, restarted) = watch::channel(None);
        let told = Told { reached, restarts };
        let items = client.watch(WatchScope::Workspace(workspace.to_owned()), None);
        let task = tokio::spawn(Follower::new(Arc::clone(&kept), told).follow(items));
        let renewing = tokio::spawn(renew(client.clone(), workspace.to_owned(), Arc::clone(&kept)));
        let renewer = Renewer { client: client.clone(), workspace: workspace.to_owned() };
        let tasks = vec![task, renewing, tokio::spawn(renewer.run(Arc::clone(&kept)))];
        Self { client, workspace: workspace.to_owned(), kept, caught_up, restarted, tasks }
    }

    /// Starts following a workspace as a consumer of those connections whose secrets are asked for.
    ///
    /// It fetches a new generation of them as soon as there is one, and confirms it once nobody
    /// holds a [`Secret`] of an earlier generation. So a rotation that waits for confirmations ends
    /// when the last consumer has changed over, and no request fails. Hold a secret no longer than
    /// the request that uses it.
    pub fn follow_as(client: Client, workspace: &str, consumer: Consumer) -> Self {
        let mut mirror = Self::follow(client.clone(), workspace);
        let confirmer = Confirmer::new(client, workspace, consumer, Arc::clone(&mirror.kept));
        mirror.tasks.push(tokio::spawn(confirmer.run()));
        mirror
    }

    /// Waits until the state of every connection has been received.
    pub async fn ready(&self) -> Result<(), ClientError> {
        let mut caught_up = self.caught_up.clone();
        let ready = caught_up.wait_for(Option::is_some).await;
        ready.map(drop).map_err(|_| ClientError::Internal("the watch has ended".to_owned()))
    }

    /// Returns a channel with the point of the last change applied. Positions of two histories
    /// cannot be compared.
    pub fn points(&self) -> watch::Receiver<Option<ResumePoint>> {
        self.caught_up.clone()
    }

    /// Returns a channel with the reason for which the watch last started anew, if it ever did. The
    /// former states are served until [`Self::points`] has a point after that.
    pub fn restarts(&self) -> watch::Receiver<Option<Restart>> {
        self.restarted.clone()
    }

    /// Returns a connection by id or slug.
    pub fn connection(&self, name: &str) -> Option<Arc<Seen>> {
        let state = self.kept.state.read();
        let id = state.ids.get(&name.to_ascii_lowercase()).map_or(name, String::as_str);
        state.by_id.get(id).cloned()
    }

    /// Returns every connection, in no order.
    pub fn connections(&self) -> Vec<Arc<Seen>> {
        self.kept.state.read().by_id.values().cloned().collect()
    }

    /// Returns the current value of a secret field, and fetches it if necessary. While the ledger
    /// is unreachable, returns the last known value and asks the ledger only every few seconds.
    pub async fn secret(
        &self,
        connection: &Seen,
        field: &str,
        reason: &str,
    ) -> Result<Arc<Secret>, ClientError> {
        let name = (connection.id.clone(), field.to_owned());
        let slot = Arc::clone(self.kept.secrets.lock().entry(name).or_default());
        let from = (&self.client, self.workspace.as_str());
        current(from, &self.kept, connection, (field, &slot), reason).await
    }
}

/// Renews the leases of a mirror in time, and at once if they are in doubt.
async fn renew(client: Client, workspace: String, kept: Arc<Kept>) {
    let mut ticks = tokio::time::interval(RENEW_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = kept.doubted.notified() => {}
        }
        let from = (&client, workspace.as_str());
        kept.leases.renew(from, |revoked| kept.drop_revoked(revoked)).await;
    }
}

/// What the users of a mirror are told.
struct Told {
    reached: watch::Sender<Option<ResumePoint>>,
    restarts: watch::Sender<Option<Restart>>,
}

/// Applies the items of a watcher.
struct Follower {
    kept: Arc<Kept>,
    told: Told,
    /// The new states, while they are not complete.
    next: Option<State>,
}

impl Follower {
    fn new(kept: Arc<Kept>, told: Told) -> Self {
        Self { kept, told, next: Some(State::default()) }
    }

    async fn follow(mut self, mut items: Watcher) {
        while let Some(item) = items.next().await {
            self.apply(item);
        }
    }

    fn apply(&mut self, item: WatchItem) {
        match item {
            WatchItem::Initial(notice) => {
                if let Some(next) = &mut self.next {
                    // Its secrets are looked through when all are there.
                    drop(next.take(&notice));
                }
            }
            WatchItem::CaughtUp { point } => {
                if let Some(next) = self.next.take() {
                    self.replace(next);
                }
                self.told.reached.send_replace(Some(point));
            }
            WatchItem::Change(notice) => {
                if let Some(revoked) = self.kept.leases.ended(&notice) {
                    self.kept.drop_revoked(&revoked);
                }
                let seen = self.kept.state.write().take(&notice);
                if let Some(seen) = seen {
                    self.kept.drop_compromised(&seen);
                }
                self.kept.changed.notify_one();
                self.told.reached.send_replace(Some(notice.resume_point()));
            }
            WatchItem::Restarted { reason } => {
                self.next = Some(State::default());
                self.kept.leases.doubt();
                self.kept.doubted.notify_one();
                self.told.restarts.send_replace(Some(reason));
            }
            WatchItem::Interrupted { .. } | WatchItem::Resumed => {}
        }
    }

    /// Puts complete states in the place of the former ones, and wipes the secrets of connections
    /// that are gone.
    fn replace(&self, next: State) {
        let mut secrets = self.kept.secrets.lock();
        secrets.retain(|(id, _), _| next.by_id.contains_key(id));
        drop(secrets);
        let all: Vec<_> = next.by_id.values().cloned().collect();
        *self.kept.state.write() = next;
        for seen in &all {
            self.kept.drop_compromised(seen);
        }
        self.kept.changed.notify_one();
    }
}

impl State {
    /// Applies a notification, and returns the new state of its connection. One without a state, or
    /// with an earlier one, changes nothing.
    fn take(&mut self, notice: &Notice) -> Option<Arc<Seen>> {
        let seen = Arc::new(read(notice)?);
        if let Some(before) = self.by_id.get(&seen.id) {
            if before.position > seen.position {
                return None;
            }
            let slug = before.slug.to_ascii_lowercase();
            if self.ids.get(&slug) == Some(&seen.id) {
                self.ids.remove(&slug);
            }
        }
        if seen.usable || !self.ids.contains_key(&seen.slug.to_ascii_lowercase()) {
            self.ids.insert(seen.slug.to_ascii_lowercase(), seen.id.clone());
        }
        self.by_id.insert(seen.id.clone(), Arc::clone(&seen));
        Some(seen)
    }
}

/// Fetches new values in the place of those that were dropped because others know them.
struct Renewer {
    client: Client,
    workspace: String,
}

impl Renewer {
    async fn run(self, kept: Arc<Kept>) {
        loop {
            let failed = self.renew(&kept).await;
            if let Err(error) = &failed {
                tracing::warn!(%error, "cannot fetch what replaces a compromised secret yet");
            }
            let rest = failed.err().map(|error| error.retry_after().unwrap_or(RENEWAL_REST));
            // Without a failure, until there is more to do.
            let told = kept.lacking.notified();
            match rest {
                Some(rest) => drop(tokio::time::timeout(rest, told).await),
                None => told.await,
            }
        }
    }

    /// Fetches what is lacking. Returns the first failure.
    async fn renew(&self, kept: &Kept) -> Result<(), ClientError> {
        let mut failed = None;
        for ((id, field), slot) in kept.slots() {
            let Some(connection) = kept.by_id(&id) else { continue };
            let is_there = connection.usable && connection.generations.contains_key(&field);
            if !is_there || !slot.lacks_value() {
                continue;
            }
            let from = (&self.client, self.workspace.as_str());
            let fetched = current(from, kept, &connection, (&field, &slot), RENEWAL_REASON).await;
            match fetched {
                Ok(secret) => {
                    let (connection, generation) = (&*connection.slug, secret.generation());
                    tracing::info!(connection, field, generation, "uses the new secret");
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(()), Err)
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
        former_generations: view
            .secrets
            .iter()
            .filter_map(|(name, secret)| {
                Some((name.clone().into_owned(), secret.former.as_ref()?.generation))
            })
            .collect(),
        compromised: view
            .secrets
            .iter()
            .filter_map(|(name, secret)| Some((name.clone().into_owned(), secret.compromised?)))
            .collect(),
        slug: view.slug.into_owned(),
        provider: view.provider.into_owned(),
        id: view.id,
        version: view.version,
        position: view.position,
        incarnation: notice.incarnation,
    })
}

#[cfg(test)]
mod tests {
    use ledger_contract::records::{self, Happened};
    use ledger_contract::view::ConnectionView;
    use ledger_domain::{ConnectionId, Position, evolve};
    use serde_json::json;
    use serde_json::value::to_raw_value;

    use super::*;

    /// The record of a connection that was created, as it stands in logs.
    const CREATED: &[u8] = include_bytes!("../../../schemas/events/connection_created/v1.json");

    /// Returns the notice of a connection of this name in a history.
    fn notice(slug: &str, position: u64, incarnation: Incarnation) -> Notice {
        let record = records::decode(Position::new(7), CREATED).unwrap();
        let Happened::Connection(event) = record.happened else { panic!("not a connection") };
        let facts = record.metadata.facts(ConnectionId::from_bytes([1; 16]));
        let connection = evolve(None, event, &facts).unwrap();
        let mut view = serde_json::to_value(ConnectionView::of(&connection)).unwrap();
        view["slug"] = json!(slug);
        view["id"] = json!(format!("id-of-{slug}"));
        view["position"] = json!(position);
        Notice::of_listed(&to_raw_value(&view).unwrap(), incarnation).unwrap()
    }

    fn caught_up(position: u64, incarnation: Incarnation) -> WatchItem {
        WatchItem::CaughtUp { point: ResumePoint::new(Position::new(position), incarnation) }
    }

    #[test]
    fn a_mirror_serves_what_it_had_until_the_new_states_are_complete() {
        let [own, other] = [1, 2].map(|byte| Incarnation::from_bytes([byte; 16]));
        let kept = Arc::new(Kept::default());
        let (restarts, restarted) = watch::channel(None);
        let told = Told { reached: watch::channel(None).0, restarts };
        let mut follower = Follower::new(Arc::clone(&kept), told);
        let served = || {
            let mut slugs: Vec<_> =
                kept.state.read().by_id.values().map(|seen| seen.slug.clone()).collect();
            slugs.sort();
            slugs
        };
        follower.apply(WatchItem::Initial(notice("kept", 3, own)));
        follower.apply(caught_up(3, own));
        follower.apply(WatchItem::Change(notice("lost", 9, own)));
        assert_eq!(served(), ["kept", "lost"]);
        for id in ["id-of-kept", "id-of-lost"] {
            kept.secrets.lock().entry((id.to_owned(), "api_key".to_owned())).or_default();
        }

        assert_eq!(*restarted.borrow(), None);
        let reason = Restart::HistoryChanged { now: Some(other) };
        let restart = WatchItem::Restarted { reason };
        follower.apply(restart.clone());
        assert_eq!(*restarted.borrow(), Some(reason));
        follower.apply(WatchItem::Initial(notice("half", 4, other)));
        assert_eq!(served(), ["kept", "lost"], "the new states are not complete");
        // It starts anew once more, before it has caught up.
        follower.apply(restart);
        for (slug, position) in [("kept", 2), ("other", 4)] {
            follower.apply(WatchItem::Initial(notice(slug, position, other)));
        }
        assert_eq!(served(), ["kept", "lost"]);
        follower.apply(caught_up(4, other));
        assert_eq!(served(), ["kept", "other"], "what is not among them is gone");
        let state = kept.state.read();
        let seen = &state.by_id["id-of-kept"];
        // A lower position of another history is no earlier one.
        assert_eq!((seen.position, seen.incarnation), (2, Some(other)));
        assert!(!state.ids.contains_key("lost"));
        let secrets = kept.secrets.lock();
        assert_eq!(secrets.len(), 1, "a secret of a connection that is gone was kept");
    }
}
