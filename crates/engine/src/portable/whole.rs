//! Whole exports: the state, all events and an end, in one.

use std::io::{BufRead, Write};

use ledger_contract::operations::Progress;
use ledger_domain::Position;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::Portable;
use super::events::EventsWritten;
use super::line::{Kind, Line, Lines, seal};
use super::read::EVENT;
use super::restore::{Restoration, RestoreOptions, Restored};
use super::state::StateWritten;
use crate::engine::Engine;
use crate::errors::{Fault, PortableError, RestoreError};

/// Events between reports of the progress.
const EVENTS_PER_REPORT: u64 = 4_096;
/// The place of the last line's MAC.
const END_PLACE: u64 = 0;

/// What a restore of a whole export is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreStage {
    /// Checking and loading events.
    Reading,
    /// Rebuilding what follows from the log.
    Rebuilding,
}

/// What was written of a whole ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WholeWritten {
    /// Of its state.
    pub state: StateWritten,
    /// Of its events.
    pub events: EventsWritten,
}

/// The last line. Its MAC covers the hash of all lines before it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    events: u64,
    connections: u64,
    keys: u64,
    /// BLAKE3 hash of all lines before, with their ends, in hexadecimal.
    hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndText {
    end: End,
    #[serde(rename = "mac")]
    _mac: IgnoredAny,
}

impl Portable {
    /// Writes the state, all events, and an end by which a part that is cut off is noticed.
    pub fn write_whole(
        &self,
        out: &mut dyn Write,
        progress: &dyn Fn(Progress),
    ) -> Result<WholeWritten, PortableError> {
        let mut hasher = blake3::Hasher::new();
        let mut hashing = Hashing { out: &mut *out, hasher: &mut hasher };
        let state = self.write_state(&mut hashing)?;
        let (first, last) = (Position::ZERO, self.position());
        let written = self.write_events_and(first, last, out, &mut |block, reached| {
            hasher.update(block);
            progress(Progress { done: reached.get(), total: last.get() });
        })?;
        let EventsWritten { events, connections, keys } = written;
        let end = End { events, connections, keys, hash: hasher.finalize().to_hex().to_string() };
        let end = serde_json::to_string(&end).map_err(|error| Fault::bug(error.to_string()))?;
        let mut line = format!("{{\"end\":{end}").into_bytes();
        seal(&mut line, 0, &self.key, Kind::End, END_PLACE);
        out.write_all(&line).and_then(|()| out.flush()).map_err(PortableError::Output)?;
        Ok(WholeWritten { state, events: written })
    }
}

/// Hashes what it passes on.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hasher: &'a mut blake3::Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Engine {
    /// Makes a data directory of a whole export, which is read and checked to its end, whatever the
    /// target. If that fails, what was written is removed.
    pub fn import(
        options: RestoreOptions<'_>,
        input: &mut dyn BufRead,
        progress: &(dyn Fn(RestoreStage, Progress) + Sync),
    ) -> Result<Restored, RestoreError> {
        let mut lines = Lines::hashed(input);
        let mut restoration = Restoration::begin_of(options, &mut lines)?;
        let read = read_events(&mut restoration, &mut lines, &|done, total| {
            progress(RestoreStage::Reading, Progress { done, total });
        });
        if let Err(error) = read {
            restoration.abandon();
            return Err(error);
        }
        restoration.finish(&|done| progress(RestoreStage::Rebuilding, done))
    }
}

/// Takes events up to the target, and checks all others to the end.
fn read_events(
    restoration: &mut Restoration,
    lines: &mut Lines<'_>,
    progress: &dyn Fn(u64, u64),
) -> Result<(), RestoreError> {
    let total = restoration.last_expected().get();
    let mut events = 0;
    let end = loop {
        let line = lines.expect_line("the end of the export")?;
        if !line.text.starts_with(EVENT) {
            break read_end(restoration, line)?;
        }
        events += 1;
        if restoration.is_done() {
            restoration.check(line, Position::new(events))?;
        } else {
            restoration.take(line)?;
        }
        if events % EVENTS_PER_REPORT == 0 {
            progress(restoration.position().get(), total);
        }
    };
    progress(restoration.position().get(), total);
    let hash = lines.hash_before().map(|hash| hash.to_hex().to_string());
    if hash.as_ref() != Some(&end.hash) || events != end.events {
        let what = "the whole of the lines before".to_owned();
        return Err(RestoreError::Altered { line: lines.number(), what });
    }
    match lines.next_line()? {
        None => Ok(()),
        Some(line) => Err(RestoreError::Foreign { line: line.number }),
    }
}

/// Reads the last line.
fn read_end(restoration: &Restoration, line: Line<'_>) -> Result<End, RestoreError> {
    if !line.is_authentic(restoration.key(), Kind::End, END_PLACE) {
        let what = "what should be an event or the end".to_owned();
        return Err(RestoreError::Altered { line: line.number, what });
    }
    let text: Result<EndText, _> = serde_json::from_slice(line.text);
    text.map(|text| text.end).map_err(|_| RestoreError::Foreign { line: line.number })
}
