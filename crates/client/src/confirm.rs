//! Confirms which generations of secrets are in use, for rotations that wait for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ledger_domain::Incarnation;
use serde_json::json;
use tokio::time::Instant;

use crate::command::{Accepted, CommandHeaders};
use crate::connect::Client;
use crate::error::ClientError;
use crate::mirror::{Kept, Seen, current};
use crate::reveal::Secret;
use crate::watch::is_same;

/// How often the same is confirmed again, so that the consumer does not count as gone.
const HEARTBEAT: Duration = Duration::from_hours(1);
/// How long to wait after a failure that may pass.
const REST: Duration = Duration::from_secs(5);
/// How long to wait after one that somebody has to mend.
const LONG_REST: Duration = Duration::from_mins(1);

/// Who uses secrets, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The name under which it confirms: one for each process, the same after a restart.
    pub name: String,
    /// The reason of the reveals with which it fetches new generations.
    pub reason: String,
}

impl Consumer {
    /// Returns a consumer.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

impl Client {
    /// Confirms which generations of a connection's secrets a consumer uses, by field. Without any,
    /// the consumer uses the connection no more.
    pub async fn confirm(
        &self,
        workspace: &str,
        connection: &str,
        consumer: &str,
        generations: &BTreeMap<String, u64>,
    ) -> Result<Accepted, ClientError> {
        let body = json!({
            "connection": connection,
            "consumer": consumer,
            "generations": generations,
        });
        let body = body.to_string().into_bytes();
        self.command(workspace, "confirm-secret", body, CommandHeaders::default()).await
    }
}

/// What is in use of one connection: generations by field, in one history.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InUse {
    generations: BTreeMap<String, u64>,
    incarnation: Option<Incarnation>,
}

/// Confirms for a mirror, until it is dropped.
pub(crate) struct Confirmer {
    client: Client,
    workspace: String,
    consumer: Consumer,
    kept: Arc<Kept>,
    /// What was confirmed last of each connection, and when.
    confirmed: HashMap<String, (InUse, Instant)>,
}

impl Confirmer {
    pub(crate) fn new(
        client: Client,
        workspace: &str,
        consumer: Consumer,
        kept: Arc<Kept>,
    ) -> Self {
        let workspace = workspace.to_owned();
        Self { client, workspace, consumer, kept, confirmed: HashMap::new() }
    }

    /// Fetches new generations and confirms them, whenever something changes.
    pub(crate) async fn run(mut self) {
        let kept = Arc::clone(&self.kept);
        loop {
            let pause = match self.catch_up().await {
                Ok(()) => HEARTBEAT,
                Err(error) => {
                    tracing::warn!(%error, "cannot confirm which secrets are in use yet");
                    let rest = if error.retry() { REST } else { LONG_REST };
                    error.retry_after().unwrap_or(rest)
                }
            };
            // A change that came meanwhile is remembered, and ends the wait at once. After a
            // failure it does not help.
            if pause == HEARTBEAT {
                tokio::time::timeout(pause, kept.changed.notified()).await.ok();
            } else {
                tokio::time::sleep(pause).await;
            }
        }
    }

    /// Brings everything up to date. What fails does not keep the rest from it; the first failure
    /// is returned.
    async fn catch_up(&mut self) -> Result<(), ClientError> {
        let mut used: BTreeMap<String, InUse> = BTreeMap::new();
        let mut failed = None;
        let not_yet =
            || ClientError::Unavailable("the ledger gave out no new value yet".to_owned());
        for ((id, field), slot) in self.kept.slots() {
            let Some(connection) = self.kept.by_id(&id) else { continue };
            if !connection.usable || !connection.generations.contains_key(&field) {
                continue;
            }
            // Nothing is fetched that nobody has asked for yet.
            if slot.in_use().await.is_none() {
                continue;
            }
            let from = (&self.client, self.workspace.as_str());
            let reason = &self.consumer.reason;
            let fetched = current(from, &self.kept, &connection, (&field, &slot), reason).await;
            failed = failed.or(match fetched {
                Ok(secret) => is_behind(&secret, &connection, &field).then(not_yet),
                Err(error) => Some(error),
            });
            let Some((generation, incarnation)) = slot.in_use().await else { continue };
            if !is_same(incarnation, connection.incarnation) {
                // Of two histories, the same generation may be two values.
                failed = failed.or_else(|| Some(not_yet()));
                continue;
            }
            let of =
                used.entry(id).or_insert_with(|| InUse { generations: [].into(), incarnation });
            of.generations.insert(field, generation);
        }
        for (id, in_use) in used {
            let confirmed = self.confirm(&id, in_use).await;
            failed = failed.or(confirmed.err());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Confirms what is in use of a connection, if that is new or was not said for long.
    async fn confirm(&mut self, id: &str, in_use: InUse) -> Result<(), ClientError> {
        let said = self.confirmed.get(id);
        if said.is_some_and(|(said, at)| *said == in_use && at.elapsed() < HEARTBEAT) {
            return Ok(());
        }
        let (workspace, name) = (&self.workspace, &self.consumer.name);
        self.client.confirm(workspace, id, name, &in_use.generations).await?;
        self.confirmed.insert(id.to_owned(), (in_use, Instant::now()));
        Ok(())
    }
}

/// Returns whether a value is an earlier one than the connection has, because the ledger could not
/// be reached.
fn is_behind(secret: &Secret, connection: &Seen, field: &str) -> bool {
    secret.incarnation() == connection.incarnation
        && connection.generations.get(field).is_some_and(|now| secret.generation() < *now)
}
