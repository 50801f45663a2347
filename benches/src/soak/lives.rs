//! Lives of connections: made, changed in every way, archived, restored, and made anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use super::door::Door;
use super::worker::Worker;
use crate::failure::{Failure, Outcome};
use crate::load;

/// Connections of one keeper.
const KEPT: usize = 64;
/// What is done to every connection of a keeper, one after the other, again and again.
const ROUND: [&str; 9] = [
    "reveal-secret",
    "rotate-secret",
    "update",
    "mark-degraded",
    "mark-operational",
    "disable",
    "enable",
    "archive",
    "restore",
];
/// After so many rounds a connection is archived for good, and its name is given to a new one.
const ROUNDS: u64 = 10;

/// Some connections that one task alone changes.
pub(super) struct Keeper {
    door: Door,
    prefix: String,
    /// Their ids; the place is part of the slug.
    ids: Vec<String>,
    /// The next one, counted through all steps.
    next: usize,
    /// Where the log ends, for those who read it.
    head: Arc<AtomicU64>,
    done: Arc<AtomicU64>,
}

impl Keeper {
    pub(super) const fn new(
        door: Door,
        prefix: String,
        head: Arc<AtomicU64>,
        done: Arc<AtomicU64>,
    ) -> Self {
        Self { door, prefix, ids: Vec::new(), next: 0, head, done }
    }

    async fn live(&mut self, place: usize, verb: &str, round: u64) -> Outcome<()> {
        let id = self.ids.get(place).ok_or_else(|| Failure::new("no such connection"))?.clone();
        let body = match verb {
            "reveal-secret" => return self.door.reveal(&id).await,
            "rotate-secret" => json!({"secrets": {"api_key": format!("sk-soak-key-{round:012}")}}),
            "update" => json!({"display_name": format!("In round {round}")}),
            "restore" if (round + 1).is_multiple_of(ROUNDS) => {
                let id = self.create(place).await?;
                if let Some(old) = self.ids.get_mut(place) {
                    *old = id;
                }
                return Ok(());
            }
            _ => json!({}),
        };
        let body = object(body);
        self.door.command(verb, Some(&id), body, &self.head).await.map(drop)
    }

    async fn create(&mut self, place: usize) -> Outcome<String> {
        let body = load::create_body(&self.prefix, u64::try_from(place)?);
        let body = object(serde_json::from_str(&body)?);
        self.door.command("create", None, body, &self.head).await
    }
}

impl Worker for Keeper {
    /// Makes the connections first, and then does the next thing to the next one.
    async fn step(&mut self) -> Outcome<()> {
        if self.ids.len() < KEPT {
            let id = self.create(self.ids.len()).await?;
            self.ids.push(id);
        } else {
            let (place, step) = (self.next % KEPT, self.next / KEPT);
            let (verb, round) = (ROUND.get(step % ROUND.len()), step / ROUND.len());
            let round = u64::try_from(round)?;
            self.live(place, verb.copied().unwrap_or_default(), round).await?;
            self.next += 1;
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
