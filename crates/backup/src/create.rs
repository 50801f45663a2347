//! Making a backup.
//!
//! What is written is read back before the manifest names it, and the manifest is written last.
//! Directly before it, the objects that it takes over from earlier backups are looked for. So a
//! backup whose manifest is there is whole, at whatever moment this was killed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Instant;

use bytes::Bytes;
use ledger_contract::backups::BackupReport;
use ledger_contract::operations::Progress;
use ledger_contract::time;
use ledger_domain::{ConnectionId, Micros, Position};
use ledger_engine::{PORTABLE_VERSION, Portable, PortableError};

use crate::checker::Checker;
use crate::error::BackupError;
use crate::holdings::{self, Present};
use crate::id::BackupId;
use crate::length::length;
use crate::manifest::{self, FORM, MAC_PURPOSE, Manifest, Piece, Segment};
use crate::names;
use crate::pace::Pace;
use crate::packing::{Packer, put_checked};
use crate::plan;
use crate::target::Target;

/// Size of a full segment, compressed. One is held in memory, and once more when it is read back.
pub(crate) const SEGMENT_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes a second by default.
pub const RATE: u64 = 64 * 1024 * 1024;
/// Events that are read at once; a segment grows beyond its size by their bytes at most.
const CHUNK_EVENTS: u64 = 64;

/// How to make a backup.
#[derive(Clone, Copy, Debug)]
pub struct BackupOptions {
    /// Whether everything is written anew.
    pub full: bool,
    /// Bytes that are read, written and read back in a second; without limit if absent.
    pub bytes_per_second: Option<u64>,
    /// Size of a full segment, compressed.
    pub segment_bytes: u64,
    /// The time.
    pub now: Micros,
}

impl BackupOptions {
    /// Returns the default options for a backup at this time.
    pub const fn at(now: Micros) -> Self {
        Self { full: false, bytes_per_second: Some(RATE), segment_bytes: SEGMENT_BYTES, now }
    }
}

/// Writes what is new since the latest backup to a target. Blocks.
pub fn back_up(
    ledger: &Portable,
    target: &Target,
    options: BackupOptions,
    progress: &dyn Fn(Progress),
) -> Result<BackupReport, BackupError> {
    let started = Instant::now();
    let ids = holdings::ids(target)?;
    let latest = holdings::latest(target, &ids, &Checker::Ledger(ledger))?;
    // Only what is the ledger's own has a say in the order of its backups.
    let follows = latest.as_ref().map(|manifest| manifest.backup);
    let backup = BackupId::after(options.now, follows, &mut rand::rng());
    let pace = Pace::new(options.bytes_per_second, target.runtime().clone(), target.stop().clone());
    let mut erasures = Erasures::of(ledger, latest.as_ref())?;
    // A segment has the data keys of the connections that it creates as they were wrapped when it
    // was written. It is not taken over once one of their master keys has been left behind.
    let mut master_keys = master_keys(ledger)?;
    let latest = latest.filter(|manifest| !options.full && manifest.takes_none_but(&master_keys));
    master_keys.extend(latest.iter().filter_map(|manifest| manifest.master_keys.clone()).flatten());
    let mut segments = base(ledger, latest)?;
    erasures.compare(ledger, segments.last().map_or(0, |last| last.last))?;
    segments.truncate(plan::taken_over(&segments, ledger.position().get(), options.segment_bytes));
    let mut work =
        Work { ledger, target, options, backup, pace, master_keys, erasures, written: 0 };
    let state = work.write_state()?;
    work.renew(&mut segments)?;
    work.write_missing(&mut segments, progress)?;
    let own = segments.iter().filter(|segment| segment.writer == backup);
    let (segments_written, events_written) =
        own.fold((0, 0), |(number, events), segment| (number + 1, events + segment.events()));
    let manifest = work.finish(segments, state)?;
    Ok(BackupReport {
        backup: backup.to_string(),
        target: target.address().to_string(),
        position: manifest.position,
        recorded_at: manifest.recorded_at,
        events_written,
        segments: length(manifest.segments.len()),
        segments_written,
        bytes_written: work.written,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Returns the segments of the latest backup that the log still agrees with; none if that is of
/// another history of the ledger.
fn base(ledger: &Portable, latest: Option<Manifest>) -> Result<Vec<Segment>, BackupError> {
    let latest = latest.filter(|manifest| manifest.is_of(ledger.identity()));
    let mut segments = latest.map(|manifest| manifest.segments).unwrap_or_default();
    // A copy of the directory that went on by itself has other events at the same positions.
    while let Some(last) = segments.last() {
        let recorded = ledger.recorded_at(Position::new(last.last))?;
        if recorded.map(time::format).as_ref() == Some(&last.recorded_at) {
            break;
        }
        segments.pop();
    }
    Ok(segments)
}

/// Returns the ids of the master keys that it takes to open what a ledger stores now.
fn master_keys(ledger: &Portable) -> Result<BTreeSet<String>, BackupError> {
    Ok(ledger.master_keys()?.iter().map(ToString::to_string).collect())
}

/// What a backup has to know of erased connections.
struct Erasures {
    /// Every connection that was erased up to this position has been emptied.
    emptied_until: u64,
    /// The connections, and where they were erased: those of earlier backups, too.
    all: BTreeMap<String, u64>,
    /// Those of the latest backup that are not erased in this history: its directory was set back.
    came_back: BTreeSet<ConnectionId>,
    /// Up to where the latest backup has no values of erased connections.
    known: u64,
    /// The positions of the events that the latest backup may have with values that are erased, or
    /// without some that are not.
    since: BTreeSet<u64>,
}

impl Erasures {
    fn of(ledger: &Portable, latest: Option<&Manifest>) -> Result<Self, BackupError> {
        let mut all = latest.map(|manifest| manifest.erased.clone()).unwrap_or_default();
        let came_back = ledger.kept(all.keys().filter_map(|id| id.parse().ok()))?;
        for id in &came_back {
            all.remove(&id.to_string());
        }
        let known = latest.and_then(|manifest| manifest.emptied_until).unwrap_or_default();
        let mut emptied_until = ledger.position().get();
        for erased in ledger.erased()? {
            let position = erased.position.get();
            all.insert(erased.connection.to_string(), position);
            if !erased.is_emptied {
                emptied_until = emptied_until.min(position - 1);
            }
        }
        Ok(Self { emptied_until, all, came_back, known, since: BTreeSet::new() })
    }

    /// Finds what has to be written anew of the latest backup, with which the log agrees up to a
    /// position.
    fn compare(&mut self, ledger: &Portable, agreed: u64) -> Result<(), BackupError> {
        // What was erased after that position, was erased in another course of events.
        let known = self.known.min(agreed);
        let erased = ledger.erased()?.into_iter().filter(|one| one.position.get() > known);
        let ids = erased.map(|one| one.connection).chain(self.came_back.iter().copied());
        for id in ids {
            self.since.extend(ledger.events_of(id)?.into_iter().map(Position::get));
        }
        Ok(())
    }
}

/// A backup in the making.
struct Work<'a> {
    ledger: &'a Portable,
    target: &'a Target,
    options: BackupOptions,
    backup: BackupId,
    pace: Pace,
    /// Ids of the master keys that it takes to open what is taken over, and what was stored when it
    /// was begun.
    master_keys: BTreeSet<String>,
    erasures: Erasures,
    /// Bytes written so far.
    written: u64,
}

impl Work<'_> {
    /// Writes those segments anew that may have what connections said which were erased since they
    /// were written.
    fn renew(&mut self, segments: &mut [Segment]) -> Result<(), BackupError> {
        for segment in segments {
            let Segment { first, last, .. } = *segment;
            if self.erasures.since.range(first..=last).next().is_none() {
                continue;
            }
            let mut packer = Packer::new()?;
            let mut at = first - 1;
            while at < last {
                let to = last.min(at + CHUNK_EVENTS);
                self.pack(at, to, &mut packer)?;
                at = to;
            }
            *segment = self.put_segment(first, last, packer)?;
        }
        Ok(())
    }

    /// Packs the events after a position up to another.
    fn pack(&mut self, after: u64, to: u64, packer: &mut Packer) -> Result<(), BackupError> {
        let (after, to) = (Position::new(after), Position::new(to));
        let written = self.ledger.write_events(after, to, &mut self.pace.writer(packer));
        written.map_err(|error| self.ended(error))?;
        // So that its size is known.
        packer.flush().map_err(BackupError::machine("zstd cannot be used"))
    }

    /// Writes the events that follow the segments. If one that was taken over is not there,
    /// somebody removed it, and it is written anew with all that follow it.
    fn write_missing(
        &mut self,
        segments: &mut Vec<Segment>,
        progress: &dyn Fn(Progress),
    ) -> Result<(), BackupError> {
        self.write_events(segments, progress)?;
        let present = Present::segments(self.target)?;
        let is_there = |segment: &&Segment| present.check_part(&segment.part()).is_ok();
        let there = segments.iter().take_while(is_there).count();
        if there == segments.len() {
            return Ok(());
        }
        segments.truncate(there);
        self.write_events(segments, progress)?;
        let present = Present::segments(self.target)?;
        segments.iter().try_for_each(|segment| present.check_part(&segment.part()))
    }

    /// Writes the events that follow the segments, and adds theirs.
    fn write_events(
        &mut self,
        segments: &mut Vec<Segment>,
        progress: &dyn Fn(Progress),
    ) -> Result<(), BackupError> {
        let head = self.ledger.position().get();
        let start = segments.last().map_or(0, |segment| segment.last);
        let mut first = start + 1;
        let mut packer = Packer::new()?;
        progress(Progress { done: 0, total: head - start });
        let mut at = start;
        while at < head {
            let to = head.min(at + CHUNK_EVENTS);
            self.pack(at, to, &mut packer)?;
            at = to;
            if packer.bytes() >= self.options.segment_bytes || at == head {
                let full = std::mem::replace(&mut packer, Packer::new()?);
                segments.push(self.put_segment(first, at, full)?);
                first = at + 1;
            }
            progress(Progress { done: at - start, total: head - start });
        }
        Ok(())
    }

    fn put_segment(
        &mut self,
        first: u64,
        last: u64,
        packer: Packer,
    ) -> Result<Segment, BackupError> {
        let object = packer.finish()?;
        let bytes = length(object.len());
        let name = names::segment(self.backup, first, last);
        let digest = self.put(&name, object)?;
        let recorded_at = self.ledger.recorded_at(Position::new(last))?.map(time::format);
        let recorded_at = recorded_at.unwrap_or_default();
        Ok(Segment { first, last, bytes, digest, writer: self.backup, recorded_at })
    }

    /// Writes what is not events.
    fn write_state(&mut self) -> Result<Vec<Piece>, BackupError> {
        let mut pieces = Pieces { work: self, packer: Packer::new()?, done: Vec::new() };
        let ledger = pieces.work.ledger;
        match ledger.write_state(&mut pieces) {
            Ok(_) => pieces.finish(),
            Err(PortableError::Output(error)) => match error.downcast::<BackupError>() {
                Ok(cause) => Err(cause),
                Err(error) => Err(pieces.work.ended(PortableError::Output(error))),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn put(&mut self, name: &str, object: Bytes) -> Result<String, BackupError> {
        self.written += length(object.len());
        put_checked(self.target, name, object, &mut self.pace)
    }

    /// Writes the manifest, which makes the backup exist.
    fn finish(
        &mut self,
        segments: Vec<Segment>,
        state: Vec<Piece>,
    ) -> Result<Manifest, BackupError> {
        let identity = self.ledger.identity();
        let position = self.ledger.position();
        // One may have become active meanwhile.
        let mut master_keys = master_keys(self.ledger)?;
        master_keys.append(&mut self.master_keys);
        let manifest = Manifest {
            form: FORM,
            backup: self.backup,
            ledger: identity.ledger.to_string(),
            incarnation: identity.incarnation.to_string(),
            epoch: identity.epoch,
            position: position.get(),
            recorded_at: self.ledger.recorded_at(position)?.map(time::format),
            created_at: time::format(self.options.now),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            portable_version: PORTABLE_VERSION,
            master_keys: Some(master_keys),
            emptied_until: Some(self.erasures.emptied_until),
            erased: std::mem::take(&mut self.erasures.all),
            segments,
            state,
        };
        let text = manifest::seal(&manifest, |text| self.ledger.mac(MAC_PURPOSE, text));
        let text = text.map_err(|error| BackupError::Machine {
            what: "a manifest cannot be written",
            source: error.into(),
        })?;
        self.put(&names::manifest(self.backup), Bytes::from(text))?;
        Ok(manifest)
    }

    /// Says why writing lines ended early.
    fn ended(&self, error: PortableError) -> BackupError {
        if self.target.stop().is_requested() { BackupError::Stopped } else { error.into() }
    }
}

/// Writes the state in pieces that fit into memory.
struct Pieces<'a, 'w> {
    work: &'a mut Work<'w>,
    packer: Packer,
    done: Vec<Piece>,
}

impl Pieces<'_, '_> {
    fn put(&mut self) -> Result<(), BackupError> {
        let object = std::mem::replace(&mut self.packer, Packer::new()?).finish()?;
        let bytes = length(object.len());
        let name = names::state(self.work.backup, self.done.len());
        let digest = self.work.put(&name, object)?;
        self.done.push(Piece { bytes, digest });
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Piece>, BackupError> {
        self.put()?;
        Ok(self.done)
    }
}

impl Write for Pieces<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.work.pace.writer(&mut self.packer).write(bytes)?;
        if self.packer.bytes() >= self.work.options.segment_bytes {
            self.put().map_err(std::io::Error::other)?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
