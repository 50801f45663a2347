//! Takes the lease, renews it, and releases it at a clean stop.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State as Connection;
use async_nats::jetstream::{self, Context};
use ledger_contract::errors::Problem;
use ledger_contract::lease::Lease;
use ledger_contract::subjects::Subjects;
use ledger_contract::time;
use ledger_engine::{Engine, Fence as _};
use rand::Rng as _;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::bucket::{Bucket, Entry, WriteError};
use super::claim::{Step, Watched};
use super::moment::Moment;
use super::ownership::Ownership;
use super::{FencedBy, LeaseTime};
use crate::connect::{self, refused, unreachable};
use crate::stop::stopped;
use crate::topology::LeaseBucket;

/// How long an attempt waits for a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// Time between two looks at another's lease, and between attempts after an error.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long the lease is left to others after the event stream was found unsuitable.
const UNSUITABLE_DELAY: Duration = Duration::from_secs(10);
/// Stands for the lock of a data directory whose managed server holds the bucket: only the process
/// with that lock runs the server, on any machine.
const MANAGED_LOCK: &str = "managed";

/// Keeps the lease.
#[derive(Debug)]
pub(crate) struct Keeper {
    engine: Engine,
    client: Client,
    jetstream: Context,
    topology: LeaseBucket,
    bucket: Bucket,
    ownership: Arc<Ownership>,
    time: LeaseTime,
    instance: String,
    lock: String,
    /// The connection on which the server was checked and the bucket found.
    prepared: Option<u64>,
    /// The revision that this instance wrote last, while it holds the lease.
    held: Option<u64>,
    /// Whether a write has an unknown outcome, so that `held` may be outdated.
    is_in_doubt: bool,
    watched: Watched,
    /// When the lease may be taken again after the event stream was found unsuitable.
    not_before: Option<Moment>,
    /// What the last announcement in the log was about.
    announced: Option<String>,
}

/// What a keeper needs.
#[derive(Debug)]
pub(crate) struct KeeperOptions<'a> {
    pub(crate) subjects: &'a Subjects,
    pub(crate) topology: LeaseBucket,
    pub(crate) fenced_by: FencedBy,
    pub(crate) time: LeaseTime,
    pub(crate) instance: String,
}

impl Keeper {
    pub(crate) fn new(
        engine: Engine,
        client: Client,
        ownership: Arc<Ownership>,
        options: KeeperOptions<'_>,
    ) -> Self {
        let KeeperOptions { subjects, topology, fenced_by, time, instance } = options;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(time.patience());
        let lock = match fenced_by {
            FencedBy::DataDir => MANAGED_LOCK.to_owned(),
            FencedBy::Lease | FencedBy::LeaseIfReachable => engine
                .lock_name()
                // Without a name of the lock, the lease at least tells this process from others.
                .unwrap_or_else(|| format!("process {:032x}", rand::rng().random::<u128>())),
        };
        Self {
            bucket: Bucket::new(jetstream.clone(), subjects),
            engine,
            client,
            jetstream,
            topology,
            ownership,
            time,
            instance,
            lock,
            prepared: None,
            held: None,
            is_in_doubt: false,
            watched: Watched::default(),
            not_before: None,
            announced: None,
        }
    }

    /// Runs until it is told to stop, then releases the lease if the stream holds every event.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut states = self.ownership.subscribe();
        loop {
            let pause = match self.attempt().await {
                Ok(pause) => pause,
                Err(problem) => {
                    self.ownership.failed(&problem);
                    self.watched.interrupted();
                    LOOK_INTERVAL
                }
            };
            self.announce();
            let unsuitable = async {
                // An error means that the ownership is gone, and with it this keeper.
                states.wait_for(super::State::is_unsuitable).await.ok();
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = unsuitable => {}
                () = stopped(&mut stop) => break,
            }
        }
        self.leave().await;
    }

    /// Ends the tenure, and releases the lease unless some events are not published: a copy that
    /// took the lease at once would lack them.
    async fn leave(&mut self) {
        if self.held.is_none() {
            return;
        }
        self.ownership.free();
        let (published, head) = (self.engine.published(), self.engine.head());
        if published == head {
            self.release().await;
        } else {
            warn!(
                ledger.published = published.get(),
                ledger.position = head.get(),
                "some events are not published, so the lease is not released and runs out by itself"
            );
        }
    }

    /// Renews the lease, or takes it if that is permitted. Returns when to look again.
    async fn attempt(&mut self) -> Result<Duration, Problem> {
        if self.ownership.is_unsuitable() {
            self.release().await;
            self.not_before = Some(Moment::now() + UNSUITABLE_DELAY);
        }
        self.prepare().await?;
        if let (Some(revision), false) = (self.held, self.is_in_doubt)
            && self.write(revision, true).await?
        {
            return Ok(self.time.renewal());
        }
        let found = self.bucket.read().await?;
        let now = Moment::now();
        let step = self.watched.step(&found, &self.lock, self.time.whole(), now);
        let is_renewal = self.held.is_some() && matches!(found, Entry::Own(_));
        match &found {
            Entry::Own(_) => {}
            // Its holder has ended.
            Entry::Held(_, lease) if lease.lock == self.lock && step != Step::Leave => {}
            Entry::Held(_, lease) => self.lose(|ownership| ownership.held_by(lease.clone())),
            Entry::Absent | Entry::Released(_) => self.lose(Ownership::free),
            Entry::Foreign(_) => {
                self.lose(Ownership::free);
                let refusal = refused("the bucket of the lease holds something else than a lease");
                self.ownership.failed(&refusal);
            }
        }
        match step {
            Step::Leave => Ok(LOOK_INTERVAL),
            Step::Take(_) if self.not_before.is_some_and(|time| now < time) => Ok(LOOK_INTERVAL),
            Step::Take(revision) => {
                let taken = self.write(revision, is_renewal).await?;
                Ok(if taken { self.time.renewal() } else { Duration::ZERO })
            }
        }
    }

    /// Waits for a connection, and for each new one checks the server and finds the bucket.
    async fn prepare(&mut self) -> Result<(), Problem> {
        let is_connected = self.client.connection_state() == Connection::Connected;
        if is_connected && self.prepared == Some(self.connects()) {
            return Ok(());
        }
        let connects = self.connects();
        connect::check(&self.client, CONNECT_PATIENCE).await?;
        self.ownership.set_lease_drift(self.topology.ensure(&self.jetstream).await?);
        // A connection that was made meanwhile is checked by the next attempt.
        self.prepared = Some(connects.max(1));
        Ok(())
    }

    fn connects(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Writes the lease if the bucket is at `revision`. Returns whether this instance holds it now.
    async fn write(&mut self, revision: u64, is_renewal: bool) -> Result<bool, Problem> {
        let lease = self.lease();
        let sent_at = Moment::now();
        match self.bucket.write(revision, &lease).await {
            Ok(written) => {
                let until = sent_at + self.time.right();
                self.held = Some(written);
                self.is_in_doubt = false;
                self.watched.taken();
                if is_renewal {
                    self.ownership.renewed(lease, until);
                } else {
                    self.ownership.taken(lease, until);
                }
                Ok(true)
            }
            Err(WriteError::Moved) => Ok(false),
            Err(WriteError::Missing) => {
                self.prepared = None;
                self.is_in_doubt = true;
                Err(unreachable("the bucket of the lease is missing"))
            }
            Err(WriteError::Unknown(problem)) => {
                self.is_in_doubt = true;
                Err(problem)
            }
        }
    }

    fn lease(&self) -> Lease {
        let identity = self.engine.identity();
        Lease {
            ledger: identity.ledger.to_string(),
            incarnation: identity.incarnation.to_string(),
            epoch: identity.epoch,
            holder: self.instance.clone(),
            lock: self.lock.clone(),
            seconds: self.time.whole().as_secs(),
            renewed_at: time::format(self.engine.clock().now()),
        }
    }

    fn lose(&mut self, record: impl FnOnce(&Ownership)) {
        self.held = None;
        self.is_in_doubt = false;
        record(&self.ownership);
    }

    /// Gives the lease up, so that another instance may take it at once.
    async fn release(&mut self) {
        let Some(mut revision) = self.held.take() else { return };
        self.ownership.free();
        if self.client.connection_state() != Connection::Connected {
            return;
        }
        // A renewal whose outcome is unknown may have moved the bucket.
        if std::mem::take(&mut self.is_in_doubt) {
            match self.bucket.read().await {
                Ok(Entry::Own(found)) => revision = found,
                _ => return,
            }
        }
        match self.bucket.release(revision).await {
            Ok(_) => info!("lease released"),
            Err(error) => debug!(?error, "the lease was not released, and runs out by itself"),
        }
    }

    /// Logs each change of what this instance may do, once.
    fn announce(&mut self) {
        let topic = self.ownership.topic();
        if topic.is_none() || self.announced == topic {
            return;
        }
        self.announced = topic;
        let status = self.ownership.status();
        let (prefix, epoch) = (status.prefix, self.engine.identity().epoch);
        match status.refusal {
            _ if status.owner => {
                info!(nats.prefix = prefix, ledger.epoch = epoch, "this instance owns the name");
            }
            Some(reason) => {
                warn!(nats.prefix = prefix, reason, "this instance refuses commands");
            }
            None => {
                warn!(nats.prefix = prefix, "this instance accepts commands without the lease");
            }
        }
    }
}
