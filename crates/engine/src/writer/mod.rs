//! The writer: one thread decides and one commits.
//!
//! ```text
//! callers ──bounded queue──> decider ──group──> committer ──replies──> callers
//!                               ^                  │
//!                               └─── committed ────┘
//! ```
//!
//! While the committer waits for the disk, the decider collects the next group, so groups grow with
//! the latency of the disk. Commands that arrive one by one are committed by the decider itself,
//! which saves a thread switch.
//!
//! The decider works on states that are not durable yet. That is sound because a failed write stops
//! everything, and no answer or query reveals anything about a group before it is durable.

mod alerts;
mod beside;
mod changes;
mod clock;
mod committer;
mod decider;
mod follow;
mod handovers;
mod leases;
mod ledger;
mod policies;
mod principals;
mod queue;
mod quotas;
mod recent;
mod removals;
mod senders;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::thread::JoinHandle;

use ledger_contract::records::{Metadata, Provenance};
use ledger_domain::principal::KeyDigest;
use ledger_domain::{
    AlertCommand, Alerts, Connection, ConnectionId, ConsumerCommand, ConsumerEvent, Expected,
    Handover, HandoverCommand, HandoverId, Ledger, MasterKeyId, Micros, Policies, PolicyCommand,
    Position, Principal, PrincipalCommand, PrincipalName, RevealSecret, WorkspaceCreated,
    WorkspaceName,
};
use ledger_store::Batch;
use ledger_store::tables::Receipt;
use ledger_vault::{Keyring, WrappedDataKey};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::Span;

pub(crate) use handovers::{KeyWrapping, Wrapping};
pub(crate) use leases::LeaseWork;
pub(crate) use recent::Recent;
pub(crate) use removals::Removal;

use committer::Committer;
use decider::Decider;
use queue::{Queue, Refused};

use crate::access::Permit;
use crate::alerts::SharedWrites;
use crate::engine::Shared;
use crate::errors::{ExecuteError, Fault, Unavailable};
use crate::execute::Outcome;
use crate::fingerprint::Fingerprint;
use crate::leases::LeasesChanged;
use crate::master_keys::KeyUse;
use crate::replication::{FollowedGroup, GroupBeside};

/// Most commands in one group.
const GROUP_COMMANDS_MAX: usize = 1_024;
/// Most bytes in one group.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A command that needs only the current state to be decided.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) work: Work,
    pub(crate) envelope: Envelope,
}

/// The circumstances of a command, whatever its work is.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) workspace: WorkspaceName,
    /// The fingerprint, if the command can be repeated.
    pub(crate) fingerprint: Option<Fingerprint>,
    pub(crate) permit: Permit,
    pub(crate) expected: Expected,
    pub(crate) deadline: Option<Micros>,
    pub(crate) provenance: Provenance,
    /// The span of the command.
    pub(crate) span: Span,
}

/// The work of a command.
#[derive(Debug)]
pub(crate) enum Work {
    /// A command to a connection.
    Connection {
        id: ConnectionId,
        command: Box<ledger_domain::Command>,
        /// The wrapped data key of a new connection.
        new_key: Option<Vec<u8>>,
    },
    /// The creation of a workspace.
    Workspace(WorkspaceCreated),
    /// A command to a principal, and how the key is handed over that it issues, if it is.
    Principal {
        name: PrincipalName,
        command: Box<PrincipalCommand>,
        wrapping: Option<Box<KeyWrapping>>,
    },
    /// A reveal of a connection's secrets.
    Reveal { id: ConnectionId, command: RevealSecret },
    /// A handover of a connection's secrets.
    HandOver { id: ConnectionId, wrapping: Box<Wrapping> },
    /// A command to a handover. `digest` is that of its token, if that is not the credential.
    Handover { id: HandoverId, digest: Option<KeyDigest>, command: HandoverCommand },
    /// Something about a consumer of a connection.
    Consumer { id: ConnectionId, command: ConsumerCommand },
    /// A command about policies of the workspace or the ledger to which it is sent.
    Policy(PolicyCommand),
    /// A command about an alert of the workspace or the ledger to which it is sent.
    Alert(AlertCommand),
    /// Records that secrets of a connection are overdue.
    Overdue(ConnectionId),
    /// Something about leases on secrets.
    Lease(LeaseWork),
    /// A command to the ledger itself.
    Ledger(LedgerWork),
}

/// A command to the ledger itself, with what it takes.
#[derive(Debug)]
pub(crate) enum LedgerWork {
    /// Makes the active key of these the ledger's.
    Rotate(GivenKeys),
    /// Notes that everything is wrapped under the active key.
    NoteRewrapped(MasterKeyId),
    /// Uses a master key no more.
    Retire(MasterKeyId),
    /// Drops all keys that open a secret.
    Seal,
    /// Uses these keys again.
    Unseal(GivenKeys),
}

/// Master keys as they were read for a command.
#[derive(Debug)]
pub(crate) struct GivenKeys {
    pub(crate) ring: Keyring,
    /// By how many shares they were given; zero if they come from the key source.
    pub(crate) shares: u8,
    /// They count among those in use, unless they are to unseal the ledger.
    #[expect(dead_code, reason = "it is held until the command is decided")]
    pub(crate) in_use: Option<KeyUse>,
}

/// A data key that was wrapped anew.
#[derive(Debug)]
pub(crate) struct Rewrapped {
    pub(crate) id: ConnectionId,
    /// Its stored form before.
    pub(crate) before: Box<[u8]>,
    pub(crate) after: WrappedDataKey,
}

/// Tells that something without an event is durable, or why it is not.
pub(crate) type Written = crossbeam_channel::Receiver<Result<(), Unavailable>>;

/// Sends that.
pub(crate) type TellWritten = crossbeam_channel::Sender<Result<(), Unavailable>>;

/// Sends the outcome of a command.
pub(crate) type ReplyTo = oneshot::Sender<Result<Outcome, ExecuteError>>;

/// Receives the outcome of a command.
pub(crate) type Answer = oneshot::Receiver<Result<Outcome, ExecuteError>>;

/// A message to the decider.
pub(crate) enum Job {
    /// Decide this command.
    Command(Box<Prepared>, ReplyTo),
    /// Store these data keys.
    Rewrapped(Vec<Rewrapped>, TellWritten),
    /// Store what an erasure removes.
    Remove(Vec<Removal>, TellWritten),
    /// Store how far the messages of an alert are, for every node.
    AlertRows(SharedWrites, TellWritten),
    /// Take over this group, which another node decided.
    Follow(Box<FollowedGroup>, TellWritten),
    /// Begin a term of this number, from the durable states on.
    Lead(u64, TellWritten),
    /// Commit everything decided so far, then run this while no command is in flight.
    Pause(Box<dyn FnOnce() + Send>),
}

/// An accepted event, as read models and callers need it.
pub(crate) struct Accepted {
    pub(crate) metadata: Metadata,
    pub(crate) type_name: &'static str,
    /// The record's stored bytes.
    pub(crate) record: Box<[u8]>,
    pub(crate) effect: Effect,
    /// The place of its command in a trace.
    pub(crate) traceparent: Option<Arc<str>>,
}

/// The effect of an event besides its record.
pub(crate) enum Effect {
    /// A connection.
    Connection(AcceptedChange),
    /// A principal.
    Principal(Arc<Principal>),
    /// A consumer of a connection.
    Consumer(ConnectionId, ConsumerEvent),
    /// Secrets of the connection with this ordinal were revealed.
    Revealed {
        /// The ordinal.
        ordinal: u32,
    },
    /// The policies of a workspace or of the ledger.
    Policies(WorkspaceName, Arc<Policies>),
    /// The alerts of a workspace or of the ledger.
    Alerts(WorkspaceName, Arc<Alerts>),
    /// Leases on secrets.
    Leases {
        /// As they are now.
        changed: LeasesChanged,
        /// The ordinal of the connection whose secrets they are of, if it is one.
        used: Option<u32>,
    },
    /// The ledger itself.
    Ledger(Arc<Ledger>),
    /// A handover.
    Handover {
        /// As it is now.
        state: Arc<Handover>,
        /// The ordinal of the connection, if it is of secrets.
        used: Option<u32>,
    },
    /// No state that is kept in memory.
    None,
}

/// The effect on a connection.
pub(crate) struct AcceptedChange {
    pub(crate) ordinal: u32,
    pub(crate) before: Option<Arc<Connection>>,
    pub(crate) after: Arc<Connection>,
    /// Size of the row of `after`.
    pub(crate) row_bytes: usize,
    /// Whether its notification must not wait for others.
    pub(crate) is_urgent: bool,
}

/// Events and answers that are committed together.
#[derive(Default)]
pub(crate) struct Group {
    pub(crate) batch: Batch,
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) replies: Vec<(ReplyTo, Result<Outcome, ExecuteError>)>,
    /// Who waits for what the batch has besides events.
    pub(crate) written: Vec<TellWritten>,
    pub(crate) head: Position,
    /// What a log that several nodes share needs besides records.
    pub(crate) beside: GroupBeside,
    /// The sequence of the last message of that log that is in the group, if others decided it.
    pub(crate) followed: Option<u64>,
    /// The spans of its commands, if there are any.
    pub(crate) spans: Vec<Span>,
}

impl Group {
    /// Returns how many wait for it.
    pub(crate) fn len(&self) -> usize {
        self.replies.len() + self.written.len()
    }
}

/// The running writer.
pub(crate) struct Writer {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

/// Finishes the accepted commands and waits for both threads, so that no thread uses the store
/// after the last engine is dropped.
impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a writer thread panicked");
            }
        }
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({} queued)", self.queued())
    }
}

impl Writer {
    /// Starts the two threads.
    pub(crate) fn start(shared: &Arc<Shared>, queue_depth: usize) -> Result<Self, Fault> {
        let queue = Arc::new(Queue::new(queue_depth));
        let (groups, groups_in) = crossbeam_channel::bounded(1);
        let committer = Arc::new(Mutex::new(Committer::new(shared.clone())));
        let decider = Decider::new(shared.clone(), queue.clone(), groups, committer.clone())?;
        let for_committer = queue.clone();
        let threads = vec![
            spawn("ledger-decide", move || decider.run())?,
            spawn("ledger-commit", move || committer::run(&committer, &groups_in, for_committer))?,
        ];
        Ok(Self { queue, threads })
    }

    /// Queues a command, or returns `Busy` at once if the queue is full.
    pub(crate) fn submit(&self, prepared: Prepared) -> Result<Answer, ExecuteError> {
        let (reply, answer) = oneshot::channel();
        match self.queue.push(Job::Command(Box::new(prepared), reply)) {
            Ok(()) => Ok(answer),
            Err(Refused::Full) => Err(ExecuteError::Busy),
            Err(Refused::Closed) => Err(Unavailable::ShuttingDown.into()),
        }
    }

    /// Queues data keys that were wrapped anew.
    pub(crate) fn put_rewrapped(&self, rows: Vec<Rewrapped>) -> Result<Written, Unavailable> {
        self.put(|tell| Job::Rewrapped(rows, tell))
    }

    /// Queues what an erasure removes.
    pub(crate) fn remove(&self, removals: Vec<Removal>) -> Result<Written, Unavailable> {
        self.put(|tell| Job::Remove(removals, tell))
    }

    /// Queues how far the messages of an alert are.
    pub(crate) fn put_alert_rows(&self, writes: SharedWrites) -> Result<Written, Unavailable> {
        self.put(|tell| Job::AlertRows(writes, tell))
    }

    /// Queues a group that another node decided.
    pub(crate) fn follow(&self, group: FollowedGroup) -> Result<Written, Unavailable> {
        self.put(|tell| Job::Follow(Box::new(group), tell))
    }

    /// Queues the beginning of a term.
    pub(crate) fn lead(&self, epoch: u64) -> Result<Written, Unavailable> {
        self.put(|tell| Job::Lead(epoch, tell))
    }

    /// Queues a job without an event.
    fn put(&self, job: impl FnOnce(TellWritten) -> Job) -> Result<Written, Unavailable> {
        let (tell, written) = crossbeam_channel::bounded(1);
        self.queue.push(job(tell)).map_err(|_| Unavailable::ShuttingDown)?;
        Ok(written)
    }

    /// Returns the number of waiting commands.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Runs `work` while nothing is in flight and every accepted event is durable. Blocks.
    pub(crate) fn pause<T>(&self, work: impl FnOnce() -> T) -> Result<T, Unavailable> {
        let (paused, is_paused) = crossbeam_channel::bounded::<()>(1);
        let (resume, may_resume) = crossbeam_channel::bounded::<()>(0);
        let job = Job::Pause(Box::new(move || {
            if paused.send(()).is_ok() {
                // Returns when the pausing side drops its end, even in a panic.
                let ended = may_resume.recv();
                debug_assert!(ended.is_err(), "nothing is ever sent");
            }
        }));
        self.queue.push(job).map_err(|_| Unavailable::ShuttingDown)?;
        is_paused.recv().map_err(|_| Unavailable::ShuttingDown)?;
        let result = work();
        drop(resume);
        Ok(result)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Fault> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(Fault::Thread)
}

/// Returns the outcome that a receipt stands for.
pub(crate) fn answer(shared: &Shared, receipt: &Receipt, repeated: bool) -> Outcome {
    Outcome {
        receipt: ledger_contract::reply::Receipt {
            connection: receipt.connection.map(|id| id.to_string()),
            version: receipt.version.get(),
            position: receipt.position.get(),
            incarnation: shared.identity.incarnation.to_string(),
            recorded_at: ledger_contract::time::format(receipt.recorded_at),
        },
        repeated,
        seen: None,
        handed_over: None,
    }
}
