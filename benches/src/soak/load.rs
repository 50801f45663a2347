//! The load: who does what, how often, and how it ends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::door::{Door, Web};
use super::feeds::{Watching, WebFollower};
use super::lives::Keeper;
use super::questions::{NatsReader, WebReader};
use super::rate;
use super::worker::{STILL, STILL_CONNECTIONS, Worker};
use crate::failure::{Failure, Outcome};
use crate::flight::fly;
use crate::ledger;
use crate::load::{self, Dice};
use crate::server::Server;

/// Keepers over HTTP, and as many over NATS.
const KEEPERS: u64 = 8;
const WEB_READERS: u64 = 8;
const NATS_READERS: u64 = 4;
const WEB_FOLLOWERS: u64 = 8;
const WATCHERS: u64 = 2;
/// Connections that the load has open at most, each follower's last one included, which the
/// server may not have closed yet.
pub(super) const SOCKETS_MAX: u64 = KEEPERS + WEB_READERS + 2 * WEB_FOLLOWERS;
/// Between two commands of a keeper: 400 commands a second in all.
const KEEPER_INTERVAL: Duration = Duration::from_millis(40);
/// Between two questions of a reader: 600 questions a second in all.
const READER_INTERVAL: Duration = Duration::from_millis(20);
/// Between two feeds of a follower: 80 feeds a second in all.
const FOLLOWER_INTERVAL: Duration = Duration::from_millis(100);
/// Between two watchers of a watcher.
const WATCHER_INTERVAL: Duration = Duration::from_millis(500);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Commands in flight while the still connections are made.
const MAKERS: usize = 64;

/// How often things are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Each as soon as the last one is done, so that caches and buffers fill soon.
    AsFastAsItGoes,
    /// At set times.
    Steady,
}

/// Running load.
pub(super) struct Load {
    tasks: JoinSet<Outcome<()>>,
    counts: Counts,
}

#[derive(Clone, Default)]
struct Counts {
    head: Arc<AtomicU64>,
    commands: Arc<AtomicU64>,
    questions: Arc<AtomicU64>,
    feeds: Arc<AtomicU64>,
    watchers: Arc<AtomicU64>,
}

/// What was done a second.
pub(super) struct Rates {
    commands: f64,
    questions: f64,
    feeds: f64,
    watchers: f64,
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commands, questions, feeds, watchers } = self;
        write!(
            f,
            "{commands:.0} commands/s, {questions:.0} questions/s, {feeds:.0} feeds/s, \
             {watchers:.1} watchers/s"
        )
    }
}

/// Makes the connections that questions are about.
pub(super) async fn prepare(server: &Server) -> Outcome<()> {
    let sender = server.sender("create");
    let create = move |number| {
        let sender = sender.clone();
        async move {
            let body = load::create_body(STILL, number);
            sender.send(&format!("{STILL}-{number}"), body).await.map(drop)
        }
    };
    fly(0..STILL_CONNECTIONS, MAKERS, create).await.map(drop)
}

impl Load {
    pub(super) async fn start(server: &Server, pace: Pace) -> Outcome<Self> {
        let mut load = Self { tasks: JoinSet::new(), counts: Counts::default() };
        let (asker, client) = (server.asker()?, server.gateway().await?);
        let status = server.query("status", "{}").await?;
        let position = ledger::number(&status, "position")?;
        load.counts.head.store(position, Ordering::Relaxed);
        let counts = load.counts.clone();
        // Connections of the warm-up stay as they are.
        let life = if pace == Pace::Steady { "steady" } else { "warm" };
        for number in 0..2 * KEEPERS {
            let door = if number < KEEPERS {
                Door::Http(Web::open(&asker).await?)
            } else {
                Door::Nats(client.clone())
            };
            let (head, done) = (Arc::clone(&counts.head), Arc::clone(&counts.commands));
            let keeper = Keeper::new(door, format!("{life}-{number}"), head, done);
            load.spawn(pace, KEEPER_INTERVAL, keeper);
        }
        for number in 0..WEB_READERS {
            let (web, done) = (Web::open(&asker).await?, Arc::clone(&counts.questions));
            let reader = WebReader { web, dice: Dice::new(number), done };
            load.spawn(pace, READER_INTERVAL, reader);
        }
        for number in 0..NATS_READERS {
            let (client, done) = (client.clone(), Arc::clone(&counts.questions));
            let reader = NatsReader { client, dice: Dice::new(100 + number), done };
            load.spawn(pace, READER_INTERVAL, reader);
        }
        for number in 0..WEB_FOLLOWERS {
            let (head, done) = (Arc::clone(&counts.head), Arc::clone(&counts.feeds));
            let dice = Dice::new(200 + number);
            let follower = WebFollower { asker: asker.clone(), dice, head, done };
            load.spawn(pace, FOLLOWER_INTERVAL, follower);
        }
        for number in 0..WATCHERS {
            let (head, done) = (Arc::clone(&counts.head), Arc::clone(&counts.watchers));
            let dice = Dice::new(300 + number);
            let watching = Watching { client: client.clone(), dice, head, done };
            // Watchers are the NATS server's load, not the ledger's, so they are never in a hurry.
            load.spawn(Pace::Steady, WATCHER_INTERVAL, watching);
        }
        Ok(load)
    }

    fn spawn(&mut self, pace: Pace, every: Duration, mut worker: impl Worker) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.tasks.spawn(async move {
            loop {
                if pace == Pace::Steady {
                    ticks.tick().await;
                }
                match timeout(PATIENCE, worker.step()).await {
                    Ok(done) => done?,
                    Err(_) => return Err(Failure::new("something was not answered in time")),
                }
            }
        });
    }

    /// Waits until something has failed.
    pub(super) async fn failed(&mut self) -> Failure {
        match self.tasks.join_next().await {
            Some(Ok(Err(failure))) => failure,
            Some(Err(error)) => error.into(),
            Some(Ok(Ok(()))) | None => Failure::new("the load ended by itself"),
        }
    }

    /// Returns what was done a second in a time.
    pub(super) fn rates(&self, time: Duration) -> Rates {
        let rate = |count: &AtomicU64| rate(count.load(Ordering::Relaxed), time);
        Rates {
            commands: rate(&self.counts.commands),
            questions: rate(&self.counts.questions),
            feeds: rate(&self.counts.feeds),
            watchers: rate(&self.counts.watchers),
        }
    }

    /// Ends it in the middle of what it does.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
