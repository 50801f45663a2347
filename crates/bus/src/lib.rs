//! NATS: a micro service that answers commands and queries, a relay that publishes events to a
//! JetStream stream, and a managed nats-server where none is given.
//!
//! The meaning of a command belongs to `ledger-engine`, the shapes of messages to
//! `ledger-contract`, and a gateway's use of events to `ledger-client`.
//!
//! Start with [`Bus`], [`connect`] and [`ManagedServer`].
//!
//! `responder/` is the micro service, `relay/` publishes the outbox, and `topology.rs` creates the
//! stream and the bucket. `managed/` runs a nats-server under a guard process, so that it ends with
//! the ledger, even after `kill -9`.
//!
//! # Invariants
//!
//! - The stream's sequence equals the log's position; a stream that differs is refused
//!   (test: `the_stream_itself_tells_where_to_go_on`).
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

mod connect;
mod managed;
mod relay;
mod responder;
mod stop;
mod topology;
mod version;

use std::time::Duration;

use async_nats::Client;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use ledger_engine::{AdmissionLimits, Engine};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{info, warn};

pub use connect::{ConnectOptions, check, connect, public_url};
pub use managed::{
    GUARD_COMMAND, MANAGED_INBOX_PREFIX, ManagedOptions, ManagedServer, NATS_SERVER_VARIABLE,
    find_server, guard_main, managed_client_url,
};

use relay::Relay;
use responder::Responder;
use topology::{Choices, Topology};

/// Header of an operation's progress messages, with the value `true`. The final answer lacks it.
pub const PROGRESS: &str = "Ledger-Progress";

/// How long a shutdown waits for requests in progress and for the last events.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);

/// Options of the bus.
#[derive(Clone, Debug)]
pub struct BusOptions {
    /// The connection for requests and replies, from [`connect`].
    pub client: Client,
    /// Options of a second connection for events, so that no reply waits behind them.
    pub relay: ConnectOptions,
    /// Names of subjects and streams.
    pub subjects: Subjects,
    /// How long the event stream remembers message ids.
    pub duplicate_window: Duration,
    /// Replicas of the streams in a NATS cluster.
    pub replicas: usize,
    /// Limits on what is in progress over NATS.
    pub limits: AdmissionLimits,
    /// Whether requests in the clear are rejected.
    pub sealed_only: bool,
}

impl BusOptions {
    /// Returns the defaults.
    pub fn new(client: Client, relay: ConnectOptions) -> Self {
        Self {
            client,
            relay,
            subjects: Subjects::default(),
            duplicate_window: Duration::from_mins(2),
            replicas: 1,
            limits: AdmissionLimits::default(),
            sealed_only: false,
        }
    }
}

/// The running bus.
#[derive(Debug)]
pub struct Bus {
    client: Client,
    responder: Responder,
    stop: watch::Sender<bool>,
    /// Dropped to end the relay at once.
    cut_off: oneshot::Sender<()>,
    relayed: oneshot::Receiver<()>,
}

impl Bus {
    /// Starts to answer and relay. While NATS is down, both wait for it.
    pub async fn start(engine: Engine, options: BusOptions) -> Result<Self, Problem> {
        let BusOptions { client, relay, subjects, .. } = options.clone();
        let choices = Choices {
            duplicate_window: options.duplicate_window,
            replicas: options.replicas.max(1),
        };
        let topology = Topology::new(&subjects, engine.ledger_id(), choices);
        let (stop, stopped) = watch::channel(false);
        let (for_relay, events) = (engine.clone(), subjects.clone());
        let begin =
            move |connection| Relay::new(for_relay, connection, events, topology, stopped).run();
        let (cut_off, relayed) = spawn(relay, begin).await?;
        let responder = Responder::start(engine, &options).await?;
        Ok(Self { client, responder, stop, cut_off, relayed })
    }

    /// Stops accepting messages, completes those in progress, and sends their replies and the last
    /// events. Gives up after ten seconds; the next start publishes the remaining events.
    pub async fn shutdown(self) {
        let deadline = Instant::now() + DRAIN_PATIENCE;
        self.responder.stop(deadline).await;
        self.stop.send_replace(true);
        if timeout_at(deadline, self.relayed).await.is_err() {
            warn!("some events are not published yet; the next start publishes them");
        }
        drop(self.cut_off);
        let connected = self.client.connection_state() == async_nats::connection::State::Connected;
        if connected && timeout(Duration::from_secs(1), self.client.flush()).await.is_err() {
            warn!("the last replies may not have been sent");
        }
        info!("bus stopped");
    }
}

/// Starts the relay with its own thread, runtime and connection. Returns a sender that ends it at
/// once when dropped, and a receiver that resolves when it has ended.
async fn spawn<Running: Future<Output = ()>>(
    options: ConnectOptions,
    begin: impl FnOnce(Client) -> Running + Send + 'static,
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
            let client = connected.as_ref().ok().cloned();
            // The receiver is gone if the start was abandoned.
            started.send(connected.map(|_| ())).ok();
            let Some(client) = client else { return };
            tokio::select! {
                () = begin(client) => {}
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
