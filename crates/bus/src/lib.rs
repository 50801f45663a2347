//! NATS: a micro service that answers commands and queries, a relay that publishes events to a
//! JetStream stream, and a managed nats-server where none is given.
//!
//! The meaning of a command belongs to `ledger-engine`, the shapes of messages to
//! `ledger-contract`, and a gateway's use of events to `ledger-client`.
//!
//! Start with [`Bus`], [`connect`] and [`ManagedServer`].
//!
//! `lease/` decides which instance owns the names, `responder/` is the micro service, which
//! `service_switch.rs` starts and stops, `relay/` publishes the outbox, and `topology/` makes the
//! stream and the buckets and compares them with what they should be. `managed/` runs a nats-server
//! under a guard process, so that it ends with the ledger, even after `kill -9`.
//!
//! # Invariants
//!
//! - The stream's sequence equals the log's position; a stream that differs is refused
//!   (test: `the_stream_itself_tells_where_to_go_on`).
//! - A stream that holds another history of this ledger is refused until it is adopted
//!   (test: `a_stream_of_another_history_is_refused_by_name_until_it_is_adopted`).
//! - A stream of another ledger is never made anew
//!   (test: `a_stream_of_another_ledger_is_never_adopted`).
//! - Streams are made anew only by the owner under its lease
//!   (test: `only_the_owner_under_its_lease_makes_the_streams_anew`).
//! - What the stream removes has reached the bucket before
//!   (test: `what_the_stream_removes_has_reached_the_bucket_before`).
//! - A bucket that lacks states is filled from the first event, where that is permitted
//!   (test: `a_bucket_that_is_deleted_after_the_window_moved_is_filled_from_the_first_event`).
//! - A window lacks no event of its time, also after it was made longer
//!   (test: `a_window_becomes_longer_once_everything_that_lasts_shorter_has_left`).
//! - A bucket that cannot be mended, or that lacks events for good, stops no event
//!   (test: `what_a_limit_kept_from_the_bucket_is_told_and_not_waited_for`).
//! - Over NATS, an instance that its stream refuses answers what its status is and nothing else
//!   (test: `an_instance_that_its_stream_refuses_tells_its_status_over_nats_and_nothing_else`).
//! - What somebody set by hand on a stream stays and is named
//!   (test: `a_window_follows_its_options_and_limits_by_hand_stay_and_are_named`).
//! - Of two copies of a ledger on one NATS server, one accepts commands and publishes
//!   (test: `the_second_copy_refuses_by_name_and_the_first_answers_everything`).
//! - An owner that was stopped past its lease accepts and publishes nothing
//!   (test: `an_owner_that_was_stopped_past_its_lease_refuses_and_never_mixes_in`).
//! - A holder gives its lease up before its time only because the event stream is not a copy of its
//!   log (test: `only_an_unsuitable_stream_ends_a_tenure_before_its_time`).
//! - A stopping owner releases its lease only if the stream holds every event
//!   (test: `a_lease_is_not_released_while_an_event_is_unpublished`).
//! - An instance of which a part has ended unexpectedly accepts no commands
//!   (test: `a_part_that_panics_ends_the_right_to_write`).
//! - A lease is taken over only when it was released, when its holder is known to have ended, or
//!   after its whole time without a change
//!   (test: `a_lease_is_taken_over_after_its_whole_time_without_a_change`).
//! - Every message names the history in which its position counts
//!   (test: `headers_identify_the_event_its_position_and_its_history`).
//! - An event counts as published only when the stream holds it at its position
//!   (test: `an_acknowledgment_of_another_place_is_not_believed`).
//! - Wrong keys over NATS are refused before they are opened or hashed, and shut nobody else out
//!   (test: `wrong_keys_over_nats_are_refused_early_and_shut_nobody_else_out`).
//! - What is read ahead of the relay is sent once and in order, or not at all
//!   (test: `a_backlog_is_published_once_and_in_order_whatever_interrupts_it`).
//! - A thread that reads ahead ends with its relay, and reads no more than the relay takes
//!   (test: `a_thread_of_which_nobody_takes_anything_reads_little_and_ends_when_dropped`).
//! - No reply of the ledger is stored as an event (test: `answers_go_to_inboxes_only`).
//! - The managed server's client user cannot change a stream
//!   (test: `the_client_user_can_change_no_stream`).
//! - A user of a NATS server in operator mode has exactly the rights of the same user in
//!   `deploy/nats/ledger.conf` (test: `both_ways_to_set_up_a_server_give_each_user_the_same`).
//! - Over NATS, each role may do what the table of permissions says and nothing else
//!   (test: `everyone_over_nats_may_do_what_the_table_says_and_nothing_else`).
//! - A listener on every subject can neither read nor replay a sealed request
//!   (test: `a_listener_on_everything_finds_no_secret_and_no_key_and_can_replay_nothing`).
//! - A sealed request is valid only on the subject that it names
//!   (test: `a_sealed_request_is_good_on_its_subject_alone`).
//! - A sealed request is valid once, within 30 seconds of its creation
//!   (test: `a_sealed_request_is_good_for_half_a_minute_and_once`).
//! - A restart of the ledger does not make a recorded request valid again
//!   (test: `what_was_heard_before_a_restart_cannot_be_sent_after_it`).

mod checkpoints;
mod connect;
mod cut_off;
mod jetstream_error;
mod kv;
mod lease;
mod managed;
mod part;
mod relay;
mod responder;
mod service_switch;
mod shared_log;
mod stop;
mod topology;
mod version;

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use ledger_engine::{AdmissionLimits, Engine};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

pub use checkpoints::CheckpointStream;
pub use connect::{ConnectOptions, Connection, check, connect, public_url};
pub use lease::FencedBy;
pub use ledger_guard::Rates;
pub use managed::{
    GUARD_COMMAND, MANAGED_INBOX_PREFIX, ManagedOptions, ManagedServer, NATS_SERVER_VARIABLE,
    find_server, guard_main, managed_client_url, own_program,
};

pub use relay::Adopts;
pub use responder::Freshness;
pub use shared_log::{LogState, Tenures};
pub use topology::{FORMAT, INCARNATION, LEDGER_ID, Window, kept};

use lease::{Keeper, KeeperOptions, LeaseTime, Ownership};
use part::{Part, Watchdog};
use relay::{Relay, RelayOptions};
use responder::Senders;
use service_switch::ServiceSwitch;
use topology::{Choices, LeaseBucket, Topology};

/// Header of an operation's progress messages, with the value `true`. The final answer lacks it.
pub const PROGRESS: &str = "Ledger-Progress";

/// How long a shutdown waits for requests in progress.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);
/// How long a shutdown waits for the last events after that.
const PUBLISH_PATIENCE: Duration = Duration::from_secs(10);
/// How long a shutdown waits until the lease is released.
const RELEASE_PATIENCE: Duration = Duration::from_secs(2);
/// The time of a lease by default.
const LEASE_TIME: Duration = Duration::from_secs(10);

/// The rates by default, in requests per second. Gateways send more than clients of the HTTP API.
/// All strangers together may cause about a tenth of a processor's work.
pub const RATES: Rates = Rates { per_key: 20_000, per_source: 100, strangers: 1_000 };

/// Options of the bus.
#[derive(Clone, Debug)]
pub struct BusOptions {
    /// The connection for requests and replies, from [`connect`].
    pub connection: Connection,
    /// Options of a second connection for events, so that no reply waits behind them.
    pub relay: ConnectOptions,
    /// Names of subjects and streams.
    pub subjects: Subjects,
    /// Copies of the streams in a NATS cluster; `None` for one of new streams, and as many as there
    /// are of others.
    pub replicas: Option<usize>,
    /// How much of the log the event stream holds.
    pub window: Window,
    /// Whether there is a bucket with the latest state of every connection.
    pub bucket: bool,
    /// Whether streams of this ledger that hold another history are made anew.
    pub adopts: Adopts,
    /// Limits on what is in progress over NATS.
    pub limits: AdmissionLimits,
    /// Limits on how often requests come in.
    pub rates: Rates,
    /// Whether requests in the clear are rejected.
    pub sealed_only: bool,
    /// What keeps a second instance from writing.
    pub fenced_by: FencedBy,
    /// How long the lease lasts without a renewal, in whole seconds.
    pub lease_time: Duration,
    /// Name of this instance, for people.
    pub instance: String,
    /// The log that several nodes share, if this is one of them: it owns the names only while it
    /// writes that log.
    pub log: Option<watch::Receiver<LogState>>,
}

impl BusOptions {
    /// Returns the defaults.
    pub fn new(connection: Connection, relay: ConnectOptions) -> Self {
        Self {
            connection,
            relay,
            subjects: Subjects::default(),
            replicas: None,
            window: Window::default(),
            bucket: true,
            adopts: Adopts::default(),
            limits: AdmissionLimits::default(),
            rates: RATES,
            sealed_only: false,
            fenced_by: FencedBy::Lease,
            lease_time: LEASE_TIME,
            instance: format!("process {}", std::process::id()),
            log: None,
        }
    }
}

/// The running bus.
#[derive(Debug)]
pub struct Bus {
    client: Client,
    ownership: Arc<Ownership>,
    service: Part,
    keeper: Part,
    stop_relay: watch::Sender<bool>,
    /// Dropped to end the relay at once.
    cut_off: oneshot::Sender<()>,
    relayed: oneshot::Receiver<()>,
}

impl Bus {
    /// Starts to seek ownership of the names, and answers and relays once it has it. From now on
    /// the engine accepts commands only as [`BusOptions::fenced_by`] says. While NATS is down, all
    /// parts wait for it.
    pub async fn start(engine: Engine, options: BusOptions) -> Result<Self, Problem> {
        let BusOptions { connection, subjects, instance, .. } = &options;
        let fenced_by = options.fenced_by;
        let choices = Choices {
            replicas: options.replicas.map(|number| number.max(1)),
            window: options.window,
            bucket: options.bucket,
        };
        let ownership = Ownership::new(subjects, instance.clone(), engine.identity(), fenced_by);
        let ownership = Arc::new(ownership);
        engine.set_fence(ownership.clone());
        let (stop_relay, stopped) = watch::channel(false);
        let (for_relay, events, owned) = (engine.clone(), subjects.clone(), ownership.clone());
        let (adopts, log) = (options.adopts, options.log.clone());
        let begin = move |Connection { client, denials, .. }| async move {
            let _watchdog = Watchdog::new("relay", owned.clone(), stopped.clone());
            let topology = Topology::new(&events, for_relay.identity(), choices, denials);
            let options =
                RelayOptions { client, subjects: events, topology, adopts, ownership: owned, log };
            Box::pin(Relay::new(for_relay, options, stopped).run()).await;
        };
        let (cut_off, relayed) = spawn(options.relay.clone(), begin).await?;
        let Connection { client, denials, .. } = connection.clone();
        let keeper = KeeperOptions {
            subjects,
            topology: LeaseBucket::new(subjects, choices, denials),
            fenced_by,
            time: LeaseTime::new(options.lease_time),
            instance: instance.clone(),
        };
        let keeper = Keeper::new(engine.clone(), client.clone(), ownership.clone(), keeper);
        let keeper = Part::start("keeper", &ownership, |stop| keeper.run(stop));
        let senders = Arc::new(Senders::new(options.rates, ownership.limited()));
        let service = ServiceSwitch { engine, options, ownership: ownership.clone(), senders };
        let service = Part::start("service switch", &ownership, |stop| service.run(stop));
        Ok(Self { client, ownership, service, keeper, stop_relay, cut_off, relayed })
    }

    /// Waits until it is decided whether this instance owns the names, and until the server knows
    /// what requests are received; at most for `patience`.
    pub async fn settled(&self, patience: Duration) {
        let mut states = self.ownership.subscribe();
        // Without a result in time, requests come later.
        timeout(patience, states.wait_for(lease::State::is_settled)).await.map(drop).ok();
    }

    /// Returns what tells when this instance holds the lease of the names.
    pub fn tenures(&self) -> Tenures {
        Tenures::new(self.ownership.clone())
    }

    /// Waits until a part of the bus has ended although it was not told to, after which the engine
    /// accepts no commands.
    pub async fn until_broken(&self) -> Problem {
        let part = self.ownership.until_part_ended().await;
        Problem::because(Code::Internal, format!("the {part} of the bus has ended unexpectedly"))
    }

    /// Waits until another history of the ledger was begun, because the streams were to be adopted
    /// and another copy went on with this one. The engine accepts no commands until it is opened
    /// anew.
    pub async fn until_history_begun(&self) {
        self.ownership.until_history_begun().await;
    }

    /// Stops accepting messages, completes those in progress, sends their replies and the last
    /// events, and releases the lease if the stream holds every event. Gives up after ten seconds
    /// for the requests and ten more for the events; the next start publishes the remaining ones.
    pub async fn shutdown(self) {
        self.service.stop(Instant::now() + DRAIN_PATIENCE).await;
        self.stop_relay.send_replace(true);
        if timeout(PUBLISH_PATIENCE, self.relayed).await.is_err() {
            warn!("some events are not published yet; the next start publishes them");
        }
        drop(self.cut_off);
        let connected = self.client.connection_state() == async_nats::connection::State::Connected;
        if connected && timeout(Duration::from_secs(1), self.client.flush()).await.is_err() {
            warn!("the last replies may not have been sent");
        }
        self.keeper.stop(Instant::now() + RELEASE_PATIENCE).await;
        info!("bus stopped");
    }
}

/// Starts the relay with its own thread, runtime and connection. Returns a sender that ends it at
/// once when dropped, and a receiver that resolves when it has ended.
async fn spawn<Running: Future<Output = ()>>(
    options: ConnectOptions,
    begin: impl FnOnce(Connection) -> Running + Send + 'static,
) -> Result<(oneshot::Sender<()>, oneshot::Receiver<()>), Problem> {
    let cannot = |error: &std::io::Error| {
        Problem::because(Code::Internal, format!("the relay cannot be started: {error}"))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| cannot(&error))?;
    let (cut_off, cut) = oneshot::channel::<()>();
    let (done, relayed) = oneshot::channel();
    let (started, is_started) = oneshot::channel();
    let work = move || {
        runtime.block_on(async {
            let connected = connect(&options).await;
            let connection = connected.as_ref().ok().cloned();
            // The receiver is gone if the start was abandoned.
            started.send(connected.map(|_| ())).ok();
            let Some(connection) = connection else { return };
            tokio::select! {
                () = begin(connection.clone()) => {}
                _ = cut => {}
            }
        });
        // The receiver is gone if the bus was dropped without a shutdown.
        done.send(()).ok();
    };
    let spawned = std::thread::Builder::new().name("ledger-relay".to_owned()).spawn(work);
    spawned.map_err(|error| cannot(&error))?;
    is_started.await.unwrap_or_else(|_| Err(Problem::new(Code::Internal)))?;
    Ok((cut_off, relayed))
}
