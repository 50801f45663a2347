//! Makes a data directory of a state and events.
//!
//! ```text
//! 1. read the header: master key, MAC, target, folder are checked, and nothing is written
//! 2. mark the folder, create the database, write founding values, settings and journal
//! 3. check and load events, until the target is reached
//! 4. rebuild everything that follows from the log
//! 5. give the history a new name, and make the folder a ledger
//! ```
//!
//! A kill at any moment before the end leaves a folder that is no ledger, and that the next restore
//! empties.

use std::collections::BTreeSet;
use std::fmt;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use ledger_contract::operations::Progress;
use ledger_contract::records::StreamId;
use ledger_domain::{ConnectionId, Incarnation, Micros, Position};
use ledger_store::tables::founding::{FINGERPRINT_KEY, KEY_CHECK, LEDGER_ID, MAC_KEY};
use ledger_store::tables::{journal, meta, uses};
use ledger_store::{Batch, DataDir, Durability, Store, UnkeyedStore};
use ledger_vault::{Keyring, PortableKey};

use super::erased::not_erased;
use super::header::Header;
use super::keys::{PortableKeys, next_of_state};
use super::line::{Line, Lines};
use super::read::{StateLine, read_event};
use super::rows::Rows;
use super::target::{Target, Until};
use crate::errors::{Fault, RestoreError, chain};
use crate::identity::Identity;
use crate::ports::Ports;
use crate::replay::{ReplayLimits, rebuild_all};
use crate::replication::TO_JOIN;

/// Bytes of the state that are written at a time.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// What to restore, and where.
#[derive(Debug)]
pub struct RestoreOptions<'a> {
    /// The data directory, which must be missing or empty. What may lie beside a ledger, such as
    /// the folder of a managed NATS server, may be there.
    pub data_dir: &'a Path,
    /// The master keys of the ledger.
    pub keyring: &'a Keyring,
    /// Up to where to restore.
    pub until: Until,
    /// Sources of the name of the new history.
    pub ports: Ports,
    /// Limits for rebuilding what follows from the log.
    pub replay: ReplayLimits,
    /// Connections that were erased later than what is restored. Unless `keeps_erased`, their data
    /// keys are left out, and the first start erases them again.
    pub erased: BTreeSet<ConnectionId>,
    /// Whether connections that were erased later come back.
    pub keeps_erased: bool,
    /// Whether the history stays the same, because this becomes a node of the cluster that goes on
    /// with it.
    pub keeps_history: bool,
}

impl<'a> RestoreOptions<'a> {
    /// Restores everything, with the system's own sources and default limits.
    pub fn new(data_dir: &'a Path, keyring: &'a Keyring) -> Self {
        let (until, ports, replay) = (Until::End, Ports::default(), ReplayLimits::default());
        let erased = BTreeSet::new();
        let (keeps_erased, keeps_history) = (false, false);
        Self { data_dir, keyring, until, ports, replay, erased, keeps_erased, keeps_history }
    }
}

/// Whether more events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The target is further on.
    More,
    /// The target is reached.
    Done,
}

/// A restored ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The names of the ledger and of its new history.
    pub identity: Identity,
    /// The name of the history that it was restored from.
    pub former: Incarnation,
    /// The last position. Up to it, both histories are the same.
    pub position: Position,
    /// When its event was recorded, if there is one.
    pub recorded_at: Option<Micros>,
    /// The connections of [`RestoreOptions::erased`] that are there and not erased: the first start
    /// erases them again, or they came back.
    pub erased_later: BTreeSet<ConnectionId>,
}

/// A ledger that is being restored. Dropping it leaves a folder that is no ledger; see
/// [`Self::abandon`].
pub struct Restoration {
    store: Store,
    header: Header,
    key: PortableKey,
    target: Target,
    position: Position,
    recorded_at: Option<Micros>,
    /// Whether an event beyond the target was read.
    passed: bool,
    rows: Rows,
    ports: Ports,
    replay: ReplayLimits,
    erased: BTreeSet<ConnectionId>,
    keeps_erased: bool,
    keeps_history: bool,
}

impl fmt::Debug for Restoration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Restoration({}, position {})", self.header.ledger, self.position)
    }
}

impl Restoration {
    /// Reads a state, and begins a restore with it. Master key, target and folder are checked
    /// before anything is written.
    pub fn begin(
        options: RestoreOptions<'_>,
        state: &mut dyn BufRead,
    ) -> Result<Self, RestoreError> {
        Self::begin_of(options, &mut Lines::new(state))
    }

    pub(super) fn begin_of(
        options: RestoreOptions<'_>,
        lines: &mut Lines<'_>,
    ) -> Result<Self, RestoreError> {
        let RestoreOptions { data_dir, keyring, until, ports, replay, erased, .. } = options;
        let RestoreOptions { keeps_erased, keeps_history, .. } = options;
        let keys = PortableKeys::of_header(lines.expect_line("the header")?, keyring)?;
        let target = Target::of(until, &keys.header)?;
        let store = UnkeyedStore::create(DataDir::create_for_restore(data_dir)?)?;
        let (store, header, key) = write_state(store, keys, lines)?;
        Ok(Self {
            store,
            header,
            key,
            target,
            position: Position::ZERO,
            recorded_at: None,
            passed: false,
            rows: Rows::default(),
            ports,
            replay,
            erased,
            keeps_erased,
            keeps_history,
        })
    }

    /// Returns the last position that will be taken. With a time as the target, it may be an
    /// earlier one.
    pub fn last_expected(&self) -> Position {
        self.target.last
    }

    /// Returns the position of the last event that was taken.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns the key of the MACs of lines.
    pub(super) const fn key(&self) -> &PortableKey {
        &self.key
    }

    /// Returns whether the target is reached.
    pub(super) fn is_done(&self) -> bool {
        self.passed || self.position >= self.target.last
    }

    /// Takes the next events. May be called for any number of pieces, one after another. Lines
    /// beyond the target are not read.
    pub fn take_events(&mut self, lines: &mut dyn BufRead) -> Result<Taken, RestoreError> {
        let mut lines = Lines::new(lines);
        while !self.is_done() {
            let Some(line) = lines.next_line()? else { return Ok(Taken::More) };
            self.take(line)?;
        }
        Ok(Taken::Done)
    }

    /// Checks the line of an event that is not taken.
    pub(super) fn check(&self, line: Line<'_>, position: Position) -> Result<(), RestoreError> {
        read_event(&self.key, position, line).map(drop)
    }

    /// Takes one event.
    pub(super) fn take(&mut self, line: Line<'_>) -> Result<(), RestoreError> {
        let position = self.position.next();
        let mut event = read_event(&self.key, position, line)?;
        if let StreamId::Connection(id) = &event.frame.stream
            && !self.keeps_erased
            && self.erased.contains(id)
        {
            event.key = None;
        }
        let recorded_at = event.frame.recorded_at;
        if self.target.is_before(recorded_at) {
            self.passed = true;
            return Ok(());
        }
        self.rows.add(&self.store, event)?;
        (self.position, self.recorded_at) = (position, Some(recorded_at));
        Ok(())
    }

    /// Rebuilds what follows from the log, and makes the folder a ledger with a new history. If
    /// that fails, what was written is removed.
    pub fn finish(self, progress: &(dyn Fn(Progress) + Sync)) -> Result<Restored, RestoreError> {
        if !self.is_done() {
            let missing = self.position.next();
            self.abandon();
            return Err(RestoreError::CutOff { before: format!("event {missing}") });
        }
        let Self { store, header, position, recorded_at, mut rows, ports, replay, .. } = self;
        let (erased, keeps_erased, keeps_history) =
            (self.erased, self.keeps_erased, self.keeps_history);
        let store = Arc::new(store);
        let made = rows.write(&store).map_err(RestoreError::from).and_then(|()| {
            rebuild_all(&store, replay, progress)?;
            let erased_later = not_erased(&store, erased)?;
            if !keeps_erased {
                mark_erased(&store, &erased_later)?;
            }
            let identity = if keeps_history {
                keep_name(&store, &header)?
            } else {
                name(&store, &header, position, &ports)?
            };
            store.settle().map_err(Fault::from)?;
            store.dir().finish_restore()?;
            Ok((identity, erased_later))
        });
        match made {
            Ok((identity, erased_later)) => {
                let former = header.incarnation;
                Ok(Restored { identity, former, position, recorded_at, erased_later })
            }
            Err(error) => {
                if let Some(store) = Arc::into_inner(store) {
                    discard(store);
                }
                Err(error)
            }
        }
    }

    /// Gives up, and removes what was written. Without this, the next restore into the folder does
    /// so.
    pub fn abandon(self) {
        discard(self.store);
    }
}

/// Writes everything but the events.
fn write_state(
    store: UnkeyedStore,
    keys: PortableKeys,
    lines: &mut Lines<'_>,
) -> Result<(Store, Header, PortableKey), RestoreError> {
    let id = keys.header.ledger.to_bytes();
    let founding = &keys.header.founding;
    let values = [
        (LEDGER_ID, id.as_slice()),
        (KEY_CHECK, &founding.key_check),
        (FINGERPRINT_KEY, &founding.fingerprint_key),
        (MAC_KEY, &founding.mac_key),
    ];
    let founded = store.put_founding(&values).map_err(Fault::from);
    let PortableKeys { header, key, mac_key } = keys;
    let store = store.found(mac_key);
    let written = founded.map_err(RestoreError::from);
    match written.and_then(|()| write_rest(&store, &header, &key, lines)) {
        Ok(()) => Ok((store, header, key)),
        Err(error) => {
            discard(store);
            Err(error)
        }
    }
}

/// Writes the settings, the audit journal and the last uses of keys.
fn write_rest(
    store: &Store,
    header: &Header,
    key: &PortableKey,
    lines: &mut Lines<'_>,
) -> Result<(), RestoreError> {
    let mut batch = Batch::new();
    header.put_settings(&mut batch, store);
    loop {
        match next_of_state(key, lines)? {
            StateLine::Journal { number, entry } => journal::put(&mut batch, store, number, entry),
            StateLine::KeyUse { key, at } => uses::put(&mut batch, store, &key, at),
            StateLine::End => break,
        }
        if batch.size_bytes() >= BATCH_BYTES {
            let full = std::mem::take(&mut batch);
            store.commit(full, Durability::Buffered).map_err(Fault::from)?;
        }
    }
    store.commit(batch, Durability::Synced).map_err(Fault::from)?;
    Ok(())
}

/// Notes, durably, which connections are to be erased again.
fn mark_erased(store: &Store, erased: &BTreeSet<ConnectionId>) -> Result<(), Fault> {
    let mut batch = Batch::new();
    for id in erased {
        meta::put_erase_again(&mut batch, store, *id);
    }
    store.commit(batch, Durability::Synced)?;
    Ok(())
}

/// Names the new history, durably, and notes where it comes from.
fn name(store: &Store, header: &Header, last: Position, ports: &Ports) -> Result<Identity, Fault> {
    let identity = Identity { incarnation: ports.incarnation(), ..header.identity() };
    let identity = Identity { epoch: identity.epoch + 1, ..identity };
    let mut batch = Batch::new();
    meta::put_incarnation(&mut batch, store, identity.incarnation);
    meta::put_epoch(&mut batch, store, identity.epoch);
    meta::put_origin(&mut batch, store, header.incarnation, last);
    store.commit(batch, Durability::Synced)?;
    Ok(identity)
}

/// Keeps the name of the history, durably. Only a node of the cluster that goes on with it may.
fn keep_name(store: &Store, header: &Header) -> Result<Identity, Fault> {
    let identity = header.identity();
    let mut batch = Batch::new();
    meta::put_incarnation(&mut batch, store, identity.incarnation);
    meta::put_epoch(&mut batch, store, identity.epoch);
    meta::put_log_stream(&mut batch, store, TO_JOIN);
    store.commit(batch, Durability::Synced)?;
    Ok(identity)
}

/// Removes what was written. If that fails, the next restore into the folder does it.
fn discard(store: Store) {
    if let Err(error) = store.discard() {
        tracing::warn!(error = %chain(&error), "cannot remove what a failed restore has written");
    }
}
