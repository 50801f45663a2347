//! A log outside of the data directory, which several nodes share: what the writer appends to it
//! before a group counts, and how others take the group over.
//!
//! ```text
//! writer    decider ─> group ─> committer ─> GroupLog::append ─> batch ─> callers
//! followers            messages of the log ─> Engine::follow ─> decider ─> committer ─> batch
//! ```
//!
//! Without such a log the batch itself is what makes a group durable, and nothing here is asked.

mod values;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ledger_contract::errors::{Code, Problem};
use ledger_contract::log_stream::{Beside, StoredReceipt};
use ledger_contract::operations::StepDownReport;
use ledger_domain::{EventId, LedgerId, Position, WorkspaceName};
use ledger_store::tables::{Receipt, log, meta};
use ledger_store::{Batch, Durability, Store};

pub use values::HANDOVER_NAMES;

pub(crate) use values::{alert_writes, data_key_name, handover_name};

use crate::alerts::AlertWrites;
use crate::engine::Engine;
use crate::errors::{Fault, OpenError, Unavailable};
use crate::identity::Identity;
use crate::ports::Ports;
use crate::writer::{Accepted, Effect, Written};

/// What stands for the time at which the stream was made, in a copy of a ledger that is to follow
/// the one that there is.
pub(crate) const TO_JOIN: u64 = u64::MAX;

/// What each code of a message of the log is for.
const PURPOSE: &str = "log stream";

/// What a receipt, a name or a row beside records takes in a message, in bytes, about.
const BESIDE_ROW_BYTES: usize = 400;
/// What is beside the records of a group takes no more than this, in bytes, before the last that is
/// added to it. A message has twice as much room at least.
const BESIDE_BYTES_MAX: usize = 512 * 1024;

/// Who has the log of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogOf {
    /// This data directory alone.
    #[default]
    Directory,
    /// The nodes of a cluster, of which this is one; see [`Engine::share_log`].
    Cluster,
    /// From now on this data directory alone, with a new history, whoever had it before.
    Leaver,
}

impl LogOf {
    /// Checks that a data directory may be opened so.
    pub(crate) fn check(
        self,
        store: &Store,
        ledger: LedgerId,
        ports: &Ports,
    ) -> Result<(), OpenError> {
        if self == Self::Cluster || meta::log_stream(store).map_err(Fault::from)? == 0 {
            return Ok(());
        }
        if self == Self::Directory {
            return Err(OpenError::InCluster);
        }
        let former = Identity::of(store, ledger)?.incarnation;
        let head = log::head(store).map_err(Fault::from)?;
        let mut batch = Batch::new();
        meta::put_log_stream(&mut batch, store, 0);
        meta::put_incarnation(&mut batch, store, ports.incarnation());
        meta::put_origin(&mut batch, store, former, head);
        store.commit(batch, Durability::Synced).map_err(Fault::from)?;
        Ok(())
    }
}

/// How a log follows the log stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamPlace {
    /// It has never followed one, and may begin it.
    Never,
    /// It is a copy that is to follow the one that there is.
    ToJoin,
    /// It has everything up to a message.
    Up {
        /// The sequence of that message.
        to: u64,
        /// When the stream was made, in nanoseconds since 1970.
        made_at: u64,
    },
}

/// A log outside of the data directory, to which one node appends at a time.
pub trait GroupLog: fmt::Debug + Send + Sync {
    /// Appends a group durably, directly after everything that this node has followed or appended.
    /// Blocks. Returns the sequence of its last message.
    ///
    /// The error says why the group may not be in the log. Nothing is appended any more then until
    /// [`Engine::lead`] was called again.
    fn append(&self, group: &Appended<'_>) -> Result<u64, String>;

    /// Destroys a value in the bucket of the log for good, and leaves a mark there that says so.
    /// Blocks. The error says why it may still be there.
    fn destroy(&self, name: &str) -> Result<(), String>;

    /// Replaces those of these values in the bucket of the log of which `anew` makes others, unless
    /// somebody else changes them meanwhile. It is given the place of the name, and the value.
    /// Those that the bucket does not have, or not any more, are left out. Blocks. The error says
    /// why some may be as they were.
    fn replace(&self, names: &[String], anew: Anew<'_>) -> Result<(), String>;
}

/// Makes another value of one in the bucket of the log, if it has to change.
pub type Anew<'a> = &'a mut dyn FnMut(usize, &[u8]) -> Option<Vec<u8>>;

/// A group to be appended.
#[derive(Debug)]
pub struct Appended<'a> {
    /// The position of its first record.
    pub first: Position,
    /// The stored bytes of its records.
    pub records: Vec<&'a [u8]>,
    /// What it has besides.
    pub beside: Beside,
    /// Values that are to be in the bucket of the log before.
    pub values: &'a [ValueBeside],
}

/// A value beside the log.
#[derive(Debug)]
pub struct ValueBeside {
    /// Its name.
    pub name: String,
    /// The value.
    pub value: Vec<u8>,
    /// How long it is of use, unless that is forever.
    pub lifetime: Option<Duration>,
}

/// A group that was read from the log.
#[derive(Debug)]
pub struct FollowedGroup {
    /// The sequence of its last message.
    pub sequence: u64,
    /// The position of its first record.
    pub first: Position,
    /// The stored bytes of its records.
    pub records: Vec<Box<[u8]>>,
    /// What it has besides.
    pub beside: Beside,
    /// Those of the values that [`Beside::values`] names that are not destroyed.
    pub values: HashMap<Box<str>, Vec<u8>>,
    /// The number of the term that begins with it, if one does.
    pub term: Option<u64>,
}

/// What this node is for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Role {
    /// It takes over what others append.
    Follows,
    /// It appends.
    Leads,
    /// An append failed, so that what was decided after it does not count.
    Failed,
}

/// The log, if there is one.
#[derive(Debug)]
pub(crate) struct LogSlot {
    /// Whether there is one, or will be before the first command.
    is_shared: bool,
    log: OnceLock<Arc<dyn GroupLog>>,
    role: AtomicU8,
    /// Whether an operator wants another node to lead.
    steps_down: AtomicBool,
}

impl LogSlot {
    pub(crate) fn new(log_of: LogOf) -> Self {
        let is_shared = log_of == LogOf::Cluster;
        let role = AtomicU8::new(Role::Follows as u8);
        Self { is_shared, log: OnceLock::new(), role, steps_down: AtomicBool::new(false) }
    }

    /// Returns whether there is a log.
    pub(crate) fn is_set(&self) -> bool {
        self.is_shared
    }

    fn is(&self, role: Role) -> bool {
        self.role.load(Ordering::SeqCst) == role as u8
    }

    fn set_role(&self, role: Role) {
        self.role.store(role as u8, Ordering::SeqCst);
    }

    /// Returns whether this node may append.
    pub(crate) fn leads(&self) -> bool {
        self.is(Role::Leads)
    }

    /// Returns whether this node takes over what others append.
    pub(crate) fn follows(&self) -> bool {
        self.is(Role::Follows)
    }

    /// Returns whether an append failed, so that what was decided after it does not count.
    pub(crate) fn has_failed(&self) -> bool {
        self.is(Role::Failed)
    }

    pub(crate) fn lead(&self) {
        self.set_role(Role::Leads);
    }

    pub(crate) fn follow(&self) {
        self.set_role(Role::Follows);
    }

    /// Returns an error unless this node may append.
    pub(crate) fn check(&self) -> Result<(), Unavailable> {
        if !self.is_set() || self.leads() {
            return Ok(());
        }
        let why = if self.follows() {
            "this node follows the log of the cluster; send commands to the writer"
        } else {
            "the log of the cluster did not take the last group; repeat the command with the same \
             command id"
        };
        Err(Unavailable::NotOwner(why.to_owned()))
    }

    /// Appends a group that follows the durable head to the log, if there is one, and notes in the
    /// batch where the log is then.
    pub(crate) fn append(
        &self,
        store: &Store,
        batch: &mut Batch,
        head: Position,
        accepted: &[Accepted],
        beside: &mut GroupBeside,
    ) -> Result<(), Unavailable> {
        // What only this data directory has is written by followers, too.
        if !self.is_shared || (accepted.is_empty() && beside.alerts.is_empty()) {
            return Ok(());
        }
        self.check()?;
        let Some(log) = self.log.get() else { return Ok(()) };
        let first = accepted.first().map_or_else(|| head.next(), |one| one.metadata.position);
        let handovers = accepted.iter().filter_map(|accepted| match &accepted.effect {
            Effect::Handover { state, .. } => Some(values::row_without_key(state)),
            _ => None,
        });
        let group = Appended {
            first,
            records: accepted.iter().map(|accepted| &*accepted.record).collect(),
            beside: Beside {
                receipts: std::mem::take(&mut beside.receipts),
                handovers: handovers.collect(),
                values: beside.values.iter().map(|value| value.name.as_str().into()).collect(),
                alerts: beside.alerts.iter().map(values::alert_rows).collect(),
            },
            values: &beside.values,
        };
        match log.append(&group) {
            Ok(sequence) => {
                meta::put_followed(batch, store, sequence);
                Ok(())
            }
            Err(why) => {
                self.set_role(Role::Failed);
                tracing::warn!(
                    ledger.position = group.first.get(),
                    error = why,
                    "a group was not appended to the log of the cluster, or it is unknown"
                );
                Err(Unavailable::NotOwner(format!(
                    "whether the command was written is unknown: {why}; repeat it with the same \
                     command id"
                )))
            }
        }
    }

    /// Replaces values in the bucket of the log, if this node appends to one.
    pub(crate) fn replace(&self, names: &[String], anew: Anew<'_>) -> Result<(), Unavailable> {
        self.check()?;
        let Some(log) = self.log.get() else { return Ok(()) };
        log.replace(names, anew).map_err(Unavailable::NotOwner)
    }

    /// Destroys a value in the bucket of the log, if there is one.
    pub(crate) fn destroy(&self, name: &str) -> Result<(), String> {
        match self.log.get() {
            Some(log) => log.destroy(name),
            None if self.is_shared => Err("the node has not joined the cluster yet".to_owned()),
            None => Ok(()),
        }
    }
}

/// What a group has besides records, for a log.
#[derive(Default)]
pub(crate) struct GroupBeside {
    receipts: Vec<StoredReceipt>,
    values: Vec<ValueBeside>,
    /// How far the messages of alerts are.
    pub(crate) alerts: Vec<(Position, AlertWrites)>,
    /// What it takes in a message, in bytes, about.
    bytes: usize,
}

impl GroupBeside {
    /// Returns whether more may not fit into a message, which is not divided as records are.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= BESIDE_BYTES_MAX
    }

    /// Notes that a row of a handover will be there, of so many bytes.
    pub(crate) fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Adds a value for the bucket of the log.
    pub(crate) fn add_value(&mut self, value: ValueBeside) {
        self.bytes += BESIDE_ROW_BYTES;
        self.values.push(value);
    }

    /// Adds what has changed of the messages of an alert.
    pub(crate) fn add_alert(&mut self, alert: Position, writes: AlertWrites) {
        self.bytes += writes.rows() * BESIDE_ROW_BYTES;
        self.alerts.push((alert, writes));
    }

    /// Adds a receipt.
    pub(crate) fn add_receipt(
        &mut self,
        workspace: &WorkspaceName,
        command: &str,
        receipt: &Receipt,
    ) {
        self.bytes += BESIDE_ROW_BYTES;
        self.receipts.push(StoredReceipt {
            workspace: workspace.as_str().into(),
            command: command.into(),
            connection: receipt.connection.map(|id| id.to_string().into()),
            version: receipt.version.get(),
            position: receipt.position.get(),
            recorded_at: receipt.recorded_at.get(),
            fingerprint: receipt.fingerprint,
        });
    }
}

/// Why a ledger cannot share its log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotShareable {
    /// The ledger failed.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It was restored, and what was erased after the backup is not erased again yet.
    #[error("the ledger was restored, and erasures are not repeated yet; let that finish first")]
    Erasing,
}

impl Engine {
    /// Has all groups appended to `log` from now on, or taken over from it. Until
    /// [`Self::lead`], commands are refused. Must be called before the first command, once.
    ///
    /// Errors: what the ledger has that cannot be shared yet.
    pub fn share_log(&self, log: Arc<dyn GroupLog>) -> Result<(), NotShareable> {
        if !meta::erase_again(&self.shared.store).map_err(Fault::from)?.is_empty() {
            return Err(NotShareable::Erasing);
        }
        let set = self.shared.log.log.set(log);
        debug_assert!(set.is_ok(), "a log is shared once");
        Ok(())
    }

    /// Returns how this log follows the log stream.
    pub fn followed(&self) -> Result<StreamPlace, Fault> {
        let store = &self.shared.store;
        match meta::log_stream(store)? {
            0 => Ok(StreamPlace::Never),
            TO_JOIN => Ok(StreamPlace::ToJoin),
            made_at => Ok(StreamPlace::Up { to: meta::followed(store)?, made_at }),
        }
    }

    /// Notes that this log follows a stream that was made at a time, in nanoseconds since 1970, and
    /// already has everything up to a message of it.
    pub fn begin_following(&self, made_at: u64, up_to: u64) -> Result<(), Fault> {
        let mut batch = Batch::new();
        meta::put_log_stream(&mut batch, &self.shared.store, made_at);
        meta::put_followed(&mut batch, &self.shared.store, up_to);
        self.shared.store.commit(batch, Durability::Synced).map_err(Fault::from)
    }

    /// Takes a group over. Returns what tells that it is durable, or why it cannot be taken over.
    pub fn follow(&self, group: FollowedGroup) -> Result<Written, Unavailable> {
        self.follow_group(group)
    }

    /// Accepts commands from now on, in a term of this number. Everything that the log has must
    /// have been taken over. Blocks.
    pub fn lead(&self, epoch: u64) -> Result<(), Unavailable> {
        let told = self.begin_term(epoch)?;
        told.recv().unwrap_or(Err(Unavailable::ShuttingDown))
    }

    /// Accepts no more commands until [`Self::lead`]. What was decided and is not appended does not
    /// count.
    pub fn stop_leading(&self) {
        if !self.shared.log.follows() {
            self.shared.log.set_role(Role::Failed);
        }
    }

    /// Accepts no more commands, so that another node is to lead.
    ///
    /// Errors: `not_in_cluster`; `not_owner` if this node does not lead.
    pub(crate) fn step_down(&self) -> Result<StepDownReport, Problem> {
        let log = &self.shared.log;
        if !log.is_set() {
            let why = "this ledger has its log alone, so there is no other node that could write";
            return Err(Problem::because(Code::NotInCluster, why));
        }
        log.check().map_err(Problem::from)?;
        log.steps_down.store(true, Ordering::SeqCst);
        self.stop_leading();
        tracing::warn!("this node was asked to leave it to another one to write");
        Ok(StepDownReport { term: self.term() })
    }

    /// Returns whether an operator wants another node to lead, once.
    pub fn steps_down(&self) -> bool {
        self.shared.log.steps_down.swap(false, Ordering::SeqCst)
    }

    /// Returns whether this is a node of a cluster that takes over what another one decides.
    pub fn follows(&self) -> bool {
        self.shared.log.is_set() && self.shared.log.follows()
    }

    /// Returns whether commands are accepted as far as the log is concerned.
    pub fn leads(&self) -> bool {
        self.shared.log.leads()
    }

    /// Returns the number of the term in which events are recorded.
    pub fn term(&self) -> u64 {
        self.shared.epoch.load(Ordering::SeqCst)
    }

    /// Returns the code of the body of a message of the log at its sequence.
    pub fn log_mac(&self, sequence: u64, body: &[u8]) -> [u8; 32] {
        self.shared.store.portable_key().mac(PURPOSE, sequence, body)
    }

    /// Returns whether a code is that of the body of a message of the log at its sequence.
    pub fn is_log_mac(&self, mac: &[u8], sequence: u64, body: &[u8]) -> bool {
        self.shared.store.portable_key().is_mac_of(mac, PURPOSE, sequence, body)
    }

    /// Returns the id of the event at the head, if there is one. Blocks.
    pub fn last_event(&self) -> Result<Option<EventId>, Fault> {
        match self.head() {
            Position::ZERO => Ok(None),
            head => self.event_id(head).map(Some),
        }
    }
}
