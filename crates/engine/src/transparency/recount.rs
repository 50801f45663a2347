//! Counts a log again, event by event, and compares it with checkpoints that were signed before.
//!
//! Whoever has the master key can write a record with a right authentication code. They cannot
//! write one with the digest of another, so a log that was changed by its own operator differs from
//! a checkpoint that somebody else has kept.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use ledger_contract::operations::Progress;
use ledger_contract::records::{Frame, StreamId};
use ledger_domain::{ConnectionId, Position};
use ledger_proof::{Digest, LogKey, SignedCheckpoint, TILE_WIDTH, Tree, digest_of};
use ledger_store::Store;
use ledger_store::tables::log::StoredRecords;
use ledger_store::tables::{log, meta, tree};
use serde::Serialize;

use super::growing::{digests_of, first_position};
use crate::engine::{Engine, EngineOptions};
use crate::errors::{Fault, ReplayError, RestoreError, chain};
use crate::founding::Opening;
use crate::identity::Identity;
use crate::portable::records_of;

/// Findings that are told; further ones are counted.
const FINDINGS_MAX: usize = 50;
/// Records between reports of the progress.
const EVENTS_PER_REPORT: u64 = 4_096;
/// The stored type name of the event that erases a connection.
const ERASED: &str = "connection_erased";

/// What a count of a log found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RecountReport {
    /// The last position.
    pub position: u64,
    /// The root of the tree over all events, in base64.
    pub root: String,
    /// How many events the checkpoints have that the log agrees with.
    pub agrees_at: Vec<u64>,
    /// What is wrong, in the order of positions; empty if all is well.
    pub findings: Vec<String>,
    /// Further findings that are not listed.
    pub more_findings: u64,
    /// Events of which only a digest is left, because their connection was erased.
    pub emptied: u64,
}

/// A count in progress.
#[derive(Debug)]
pub struct Recount {
    tree: Tree,
    digests: Vec<Digest>,
    seen: Vec<SignedCheckpoint>,
    emptied: BTreeMap<ConnectionId, (Position, u64)>,
    erased: BTreeSet<ConnectionId>,
    report: RecountReport,
    is_broken: bool,
}

impl Recount {
    /// Begins with the checkpoints to compare with, whose signatures the caller has checked.
    pub fn new(mut seen: Vec<SignedCheckpoint>) -> Self {
        seen.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.checkpoint().size));
        Self {
            tree: Tree::default(),
            digests: Vec::with_capacity(TILE_WIDTH),
            seen,
            emptied: BTreeMap::new(),
            erased: BTreeSet::new(),
            report: RecountReport::default(),
            is_broken: false,
        }
    }

    /// Notes something about a record. What is said of checkpoints is always told.
    fn find(&mut self, what: String) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(what);
        } else {
            self.report.more_findings += 1;
        }
    }

    /// Takes the record at a position. After a gap nothing more is counted.
    pub fn take(&mut self, position: Position, record: &[u8]) -> Result<(), Fault> {
        self.take_with(position, record, None)
    }

    fn take_with(
        &mut self,
        position: Position,
        record: &[u8],
        store: Option<&Store>,
    ) -> Result<(), Fault> {
        let expected = self.report.position + 1;
        if self.is_broken {
            return Ok(());
        }
        if position.get() != expected {
            self.is_broken = true;
            self.find(format!("the record at position {expected} is missing"));
            return Ok(());
        }
        let digest = self.digest(position, record);
        self.digests.push(digest);
        self.report.position = expected;
        if self.digests.len() == TILE_WIDTH {
            self.compare_tile(store)?;
        }
        self.compare_checkpoints()
    }

    /// Returns the digest of a record as it was first stored.
    fn digest(&mut self, position: Position, record: &[u8]) -> Digest {
        let frame = match Frame::read(position, record) {
            Ok(frame) => frame,
            Err(error) => {
                self.find(format!("the record at position {position}: {}", chain(&error)));
                return digest_of(record);
            }
        };
        let StreamId::Connection(id) = frame.stream else { return digest_of(record) };
        if frame.type_name == ERASED {
            self.erased.insert(id);
        }
        match frame.emptied_digest() {
            Ok(None) => digest_of(record),
            Ok(Some(digest)) => {
                self.report.emptied += 1;
                self.emptied.entry(id).or_insert((position, 0)).1 += 1;
                digest
            }
            Err(error) => {
                self.find(format!("the record at position {position}: {}", chain(&error)));
                digest_of(record)
            }
        }
    }

    /// Adds the digests so far to the tree; those of a whole tile are compared with a stored one.
    fn compare_tile(&mut self, store: Option<&Store>) -> Result<(), Fault> {
        let digests = std::mem::take(&mut self.digests);
        let index = self.tree.complete(0);
        if let (Some(store), TILE_WIDTH) = (store, digests.len()) {
            let stored = tree::get(store, 0, index)?.map(|tile| digests_of(&tile));
            let pairs = stored.iter().flatten().zip(&digests);
            let others = (first_position(index)..).zip(pairs).filter(|(_, (was, is))| was != is);
            let others: Vec<u64> = others.map(|(position, _)| position).collect();
            for position in others {
                self.find(format!(
                    "the record at position {position} is another one than the tree over the log \
                     was made of"
                ));
            }
        }
        self.tree.add(self.tree.grow(&digests));
        Ok(())
    }

    fn compare_checkpoints(&mut self) -> Result<(), Fault> {
        while let Some(seen) = self.seen.last()
            && seen.checkpoint().size <= self.report.position
        {
            let (size, root) = seen.head();
            self.seen.pop();
            if self.root()? == root {
                self.report.agrees_at.push(size);
            } else {
                let what = format!("the first {size} events are not those of the checkpoint");
                self.report.findings.push(what);
            }
        }
        Ok(())
    }

    /// Returns the root so far. What is in no whole tile yet is added to a copy of the edge.
    fn root(&self) -> Result<ledger_proof::Hash, Fault> {
        let mut tree = self.tree.clone();
        tree.add(tree.grow(&self.digests));
        tree.root().map_err(|error| Fault::bug(error.to_string()))
    }

    /// Ends the count. `is_restored` says that the ledger may lack events by which connections were
    /// erased, because it was restored to before them from a copy that was made after them.
    pub fn finish(mut self, is_restored: bool) -> Result<RecountReport, Fault> {
        self.compare_checkpoints()?;
        let position = self.report.position;
        for seen in std::mem::take(&mut self.seen).into_iter().rev() {
            let size = seen.checkpoint().size;
            self.report.findings.push(format!(
                "the log ends at position {position}, and the checkpoint has {size} events: the \
                 last {} are missing",
                size - position
            ));
        }
        if !is_restored {
            for (id, (first, count)) in std::mem::take(&mut self.emptied) {
                if !self.erased.contains(&id) {
                    self.find(format!(
                        "{count} records of connection {id}, from position {first} on, were \
                         emptied, and no event says that it was erased"
                    ));
                }
            }
        }
        self.report.root = self.root()?.to_string();
        Ok(self.report)
    }

    /// Takes the events in lines of the portable form, and passes over all others.
    pub fn take_lines(&mut self, lines: &mut dyn BufRead) -> Result<(), RestoreError> {
        records_of(lines, &mut |position, record| self.take(position, record))
    }
}

/// A data directory whose log was counted again.
#[derive(Debug)]
pub struct Recounted {
    /// The names of the ledger and of its history.
    pub identity: Identity,
    /// The public key of the log.
    pub key: LogKey,
    /// What was found.
    pub report: RecountReport,
}

impl Engine {
    /// Counts the log of a ledger that nobody has open, and compares it with checkpoints. Those
    /// that are not of this history or not signed by it are findings. Blocks.
    pub fn recount(
        options: &EngineOptions,
        seen: &[Vec<u8>],
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Recounted, ReplayError> {
        let opening = Opening::begin(&options.data_dir, &options.keyring)?;
        if !opening.has_macs() {
            let why = "an earlier version wrote this directory; the next start makes its tree";
            return Err(Fault::Damaged(why.to_owned()).into());
        }
        let (store, founding) = opening.finish(&options.ports)?;
        let identity = Identity::of(&store, founding.ledger_id)?;
        let key = super::checkpoints::key_of(&store, &identity)?;
        let (mut good, mut others) = (Vec::new(), Vec::new());
        for text in seen {
            match SignedCheckpoint::verified(text, &key) {
                Ok(checkpoint) => good.push(checkpoint),
                Err(error) => others.push(format!("a checkpoint: {error}")),
            }
        }
        let mut recount = Recount::new(good);
        for what in others {
            recount.find(what);
        }
        count(&mut recount, &store, progress)?;
        let is_restored = meta::origin(&store).map_err(Fault::from)?.is_some();
        Ok(Recounted { identity, key, report: recount.finish(is_restored)? })
    }
}

fn count(
    recount: &mut Recount,
    store: &Store,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(), Fault> {
    let total = log::head(store)?.get();
    let mut records = StoredRecords::walk_all(store, Position::new(1));
    while let Some((position, stored)) = records.next_record()? {
        if stored.check(store, position).is_err() {
            recount.find(format!(
                "the record at position {position} was altered without the master key"
            ));
        }
        recount.take_with(position, stored.unchecked(), Some(store))?;
        if position.get().is_multiple_of(EVENTS_PER_REPORT) {
            progress(Progress { done: position.get(), total });
        }
    }
    Ok(())
}
