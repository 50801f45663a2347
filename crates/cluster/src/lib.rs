//! Cluster mode: several nodes of one ledger, which share its log in a replicated JetStream stream.
//!
//! The order of events is kept by the stream. The lease of the ledger's names, which `ledger-bus`
//! takes, says which node may try to write; the expected sequence of each message says which one
//! does. What a group means belongs to `ledger-engine`, and the shapes of messages to
//! `ledger-contract`.
//!
//! Start with [`Cluster`]. `stream.rs` makes and compares the stream and the bucket beside it,
//! `append.rs` is what the engine of the writer appends with, `read.rs` checks messages and puts
//! groups together, `join.rs` finds where a copy of the ledger begins to follow, `node.rs` follows
//! and leads, `door.rs` is what HTTP requests pass, `forward.rs` takes them to the writer,
//! `synced.rs` asks the servers whether they sync, `ask.rs` tells and asks what nodes are,
//! `measured.rs` is what metrics say of one, and `repair.rs` makes the stream anew after the
//! servers lost it.
//!
//! # Invariants
//!
//! - A command is answered only after the stream has acknowledged its group
//!   (test: `nothing_acknowledged_is_lost_and_all_logs_are_equal`).
//! - A node that is not at the end of the stream cannot write: each message expects its predecessor
//!   (test: `nothing_acknowledged_is_lost_and_all_logs_are_equal`).
//! - A message that was changed, moved or written by somebody else is not followed
//!   (test: `a_message_of_somebody_else_stops_a_node_by_name`).
//! - What clients see of a connection is linearizable if they name the last position that they know
//!   (test: `what_clients_see_of_a_connection_is_linearizable_whatever_fails`).
//! - An erasure reaches every node, and the wrapped data key beside the log
//!   (test: `a_node_joins_from_a_backup_and_erasures_reach_all`).
//! - A node whose log is not that of the writer follows it no further
//!   (test: `a_node_whose_log_was_altered_stops_by_name`).
//! - Each node has the master keys that the log says, from where it is told to read them
//!   (test: `master_keys_are_changed_on_every_node_and_beside_the_log`).
//! - Servers that lost the log stream cost no event that a node has
//!   (test: `a_log_stream_that_is_lost_is_made_anew_from_the_newest_copy`).
//! - Every node answers queries, and takes commands to the writer
//!   (test: `every_node_answers_and_a_reader_may_ask_for_a_position`).

mod append;
mod ask;
mod door;
mod forward;
mod join;
mod measured;
mod node;
mod read;
mod repair;
mod stream;
mod synced;

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::{self, Context};
use axum::Router;
use ledger_bus::{ConnectOptions, LogState, Tenures};
use ledger_contract::cluster::NodeStatus;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::subjects::Subjects;
use ledger_engine::Engine;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use ask::ask_nodes;
pub use door::Door;
pub use forward::Forwarded;
pub use repair::{Examined, Loss, Repair};

use append::StreamLog;
use node::{Known, Node};
use stream::LogStream;

/// How long an append waits for its acknowledgment. Without one, its outcome is unknown.
const APPEND_PATIENCE: Duration = Duration::from_secs(2);
/// How long other requests to the stream wait.
const REQUEST_PATIENCE: Duration = Duration::from_secs(3);

/// Wait before the servers are asked again.
const RETRY_DELAY: Duration = Duration::from_millis(250);

/// Options of a node.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// The connection to the cluster of NATS servers.
    pub client: Client,
    /// Names of subjects and streams.
    pub subjects: Subjects,
    /// The name of this node.
    pub node: String,
    /// Copies of the stream.
    pub replicas: usize,
    /// A connection to the system account of the servers, over which they tell how they sync.
    pub system: Option<ConnectOptions>,
    /// Whether servers that do not sync each write, or do not tell, are accepted.
    pub accepts_unsynced: bool,
}

/// The parts of a node that are known everywhere in it.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) engine: Engine,
    pub(crate) client: Client,
    pub(crate) jetstream: Context,
    pub(crate) subjects: Subjects,
    pub(crate) node: String,
    pub(crate) stream: LogStream,
    pub(crate) known: Mutex<Known>,
}

/// A running node.
#[derive(Debug)]
pub struct Cluster {
    common: Arc<Common>,
    log: Arc<StreamLog>,
    state: watch::Sender<LogState>,
    stop: watch::Sender<bool>,
    options: ClusterOptions,
    tasks: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Has the engine append to the stream from now on. Nothing runs before [`Self::run`].
    ///
    /// Errors: `not_in_cluster` if the ledger has what a cluster cannot share.
    pub fn prepare(engine: Engine, options: ClusterOptions) -> Result<Self, Problem> {
        let mut jetstream = jetstream::new(options.client.clone());
        jetstream.set_timeout(REQUEST_PATIENCE);
        let stream = LogStream::new(&options.subjects, engine.identity(), options.replicas);
        let common = Arc::new(Common {
            client: options.client.clone(),
            jetstream,
            subjects: options.subjects.clone(),
            node: options.node.clone(),
            stream,
            known: Mutex::new(Known::default()),
            engine,
        });
        let measured = Arc::downgrade(&common);
        common.engine.metrics().add(measured);
        let log = Arc::new(StreamLog::new(Arc::clone(&common)));
        common
            .engine
            .share_log(Arc::clone(&log) as Arc<dyn ledger_engine::GroupLog>)
            .map_err(|no| Problem::because(Code::NotInCluster, no.to_string()))?;
        let (state, stop) = (watch::Sender::new(LogState::Follows), watch::Sender::new(false));
        Ok(Self { common, log, state, stop, options, tasks: Vec::new() })
    }

    /// Returns what tells the bus whether this node writes the log.
    pub fn log_state(&self) -> watch::Receiver<LogState> {
        self.state.subscribe()
    }

    /// Waits for the servers and checks them, then follows the log, and leads while `tenures`
    /// permit it.
    ///
    /// Errors: `nats_refused` for servers that may lose what they acknowledged.
    pub async fn run(&mut self, tenures: Tenures) -> Result<(), Problem> {
        let mut told = false;
        while let Err(problem) = self.check().await {
            if problem.code != Code::NatsUnreachable {
                return Err(problem);
            }
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(error = problem.message, "the NATS servers are waited for");
            }
            // Whoever cannot write yet keeps no other node from it.
            if let Some(tenure) = tenures.now() {
                tenures.leave(tenure, &Problem::because(Code::NotOwner, &*problem.message));
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
        let (common, log, state) = (&self.common, &self.log, self.state.clone());
        let node = Node::new(Arc::clone(common), Arc::clone(log), tenures, state);
        self.tasks.push(tokio::spawn(node.run(self.stop.subscribe())));
        let telling = ask::tell(Arc::clone(common)).await?;
        self.tasks.push(tokio::spawn(telling));
        self.tasks.push(tokio::spawn(ask::keep_comparing(Arc::clone(common))));
        Ok(())
    }

    async fn check(&self) -> Result<(), Problem> {
        self.common.stream.find_or_make(&self.common).await?;
        synced::check(&self.common, &self.options).await
    }

    /// Returns what HTTP requests pass before they reach the routes of this node.
    pub fn door(&self, private: bool) -> Door {
        Door::new(Arc::clone(&self.common), private)
    }

    /// Answers the requests that other nodes send here, with routes that reveal secrets and routes
    /// that do not.
    pub async fn receive(&mut self, private: Router, open: Router) -> Result<(), Problem> {
        let receiving = forward::receive(Arc::clone(&self.common), private, open).await?;
        self.tasks.push(tokio::spawn(receiving));
        Ok(())
    }

    /// Returns what this node says of itself.
    pub fn status(&self) -> NodeStatus {
        ask::status(&self.common, None)
    }

    /// Stops to lead and to follow.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        self.common.engine.stop_leading();
        for task in self.tasks {
            task.abort();
            // A task that was aborted has ended, too.
            task.await.ok();
        }
    }
}

/// Returns the problem of NATS that passes by itself.
pub(crate) fn away(message: impl Into<String>) -> Problem {
    Problem::because(Code::NatsUnreachable, message)
}

/// Returns the problem of a log that is not the one that this node follows.
pub(crate) fn differs(message: impl Into<String>) -> Problem {
    Problem::because(Code::LogDiffers, message)
}
