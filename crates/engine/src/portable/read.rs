//! Reads and checks the lines of states and events.

use std::io::BufRead;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ledger_contract::records::Frame;
use ledger_contract::time;
use ledger_domain::principal::ApiKeyId;
use ledger_domain::{Micros, Position};
use ledger_vault::PortableKey;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::line::{Kind, Line, Lines};
use crate::errors::{Fault, RestoreError};

/// How the line of an event begins.
pub(super) const EVENT: &[u8] = b"{\"event\":";

/// A line of a state after its header.
pub(super) enum StateLine<'a> {
    Journal { number: u64, entry: &'a [u8] },
    KeyUse { key: ApiKeyId, at: Micros },
    End,
}

/// What the members of such a line say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateText<'a> {
    journal: Option<u64>,
    #[serde(borrow)]
    entry: Option<&'a RawValue>,
    key_use: Option<&'a str>,
    at: Option<&'a str>,
    state_end: Option<u64>,
    #[serde(rename = "mac")]
    _mac: IgnoredAny,
}

/// Reads the line of a state that has this number; the header is the first.
pub(super) fn read_state<'a>(
    key: &PortableKey,
    line: Line<'a>,
) -> Result<StateLine<'a>, RestoreError> {
    let before = line.number - 1;
    if !line.is_authentic(key, Kind::State, before) {
        let what = "a line of the state".to_owned();
        return Err(RestoreError::Altered { line: line.number, what });
    }
    let foreign = || RestoreError::Foreign { line: line.number };
    let text: StateText<'_> = serde_json::from_slice(line.text).map_err(|_| foreign())?;
    match text {
        StateText { journal: Some(number), entry: Some(entry), .. } => {
            Ok(StateLine::Journal { number, entry: entry.get().as_bytes() })
        }
        StateText { key_use: Some(key), at: Some(at), .. } => {
            let key = ApiKeyId::parse("key", key).map_err(|_| foreign())?;
            let at = time::parse("at", at).map_err(|_| foreign())?;
            Ok(StateLine::KeyUse { key, at })
        }
        StateText { state_end: Some(lines), .. } if lines == before => Ok(StateLine::End),
        _ => Err(foreign()),
    }
}

/// An event as its line has it.
#[derive(Debug)]
pub(super) struct EventLine<'a> {
    /// The stored bytes of its record.
    pub(super) record: &'a [u8],
    /// The metadata of the record.
    pub(super) frame: Frame<'a>,
    /// The wrapped data key of the connection that it creates.
    pub(super) key: Option<Vec<u8>>,
    /// The fingerprint of its command, if the record does not have it.
    pub(super) fingerprint: Option<[u8; 16]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventText<'a> {
    #[serde(borrow)]
    event: &'a RawValue,
    key: Option<&'a str>,
    fingerprint: Option<&'a str>,
    #[serde(rename = "mac")]
    _mac: IgnoredAny,
}

/// Reads the line of the event at a position.
pub(super) fn read_event<'a>(
    key: &PortableKey,
    position: Position,
    line: Line<'a>,
) -> Result<EventLine<'a>, RestoreError> {
    if !line.is_authentic(key, Kind::Event, position.get()) {
        return Err(unexpected(key, position, line));
    }
    let foreign = || RestoreError::Foreign { line: line.number };
    let text: EventText<'_> = serde_json::from_slice(line.text).map_err(|_| foreign())?;
    let record = text.event.get().as_bytes();
    let frame = Frame::read(position, record).map_err(Fault::from)?;
    let key = text.key.map(|wrapped| STANDARD.decode(wrapped)).transpose();
    let fingerprint = text.fingerprint.map(|fingerprint| {
        let bytes = URL_SAFE_NO_PAD.decode(fingerprint).ok()?;
        <[u8; 16]>::try_from(bytes).ok()
    });
    Ok(EventLine {
        record,
        frame,
        key: key.map_err(|_| foreign())?,
        fingerprint: fingerprint.map(|bytes| bytes.ok_or_else(foreign)).transpose()?,
    })
}

/// The position that the record of a line claims.
#[derive(Deserialize)]
struct Claim {
    event: ClaimedPosition,
}

#[derive(Deserialize)]
struct ClaimedPosition {
    position: u64,
}

/// Returns why a line is not that of an expected event: it is that of another one, or of none.
fn unexpected(key: &PortableKey, expected: Position, line: Line<'_>) -> RestoreError {
    let number = line.number;
    let claim = serde_json::from_slice::<Claim>(line.text).ok();
    match claim.map(|claim| claim.event.position) {
        Some(found) if line.is_authentic(key, Kind::Event, found) => {
            RestoreError::OutOfPlace { line: number, expected, found: Position::new(found) }
        }
        _ => RestoreError::Altered { line: number, what: format!("event {expected}") },
    }
}

/// Takes the position and the stored bytes of a record.
type TakeRecord<'a> = &'a mut dyn FnMut(Position, &[u8]) -> Result<(), Fault>;

/// Calls `take` with the position and the stored bytes of each event in lines of the portable form,
/// whose authentication codes are not checked. All other lines are passed over.
pub(crate) fn records_of(
    lines: &mut dyn BufRead,
    take: TakeRecord<'_>,
) -> Result<(), RestoreError> {
    let mut lines = Lines::new(lines);
    while let Some(line) = lines.next_line()? {
        if !line.text.starts_with(EVENT) {
            continue;
        }
        let foreign = || RestoreError::Foreign { line: line.number };
        let text: EventText<'_> = serde_json::from_slice(line.text).map_err(|_| foreign())?;
        let Claim { event } = serde_json::from_slice(line.text).map_err(|_| foreign())?;
        take(Position::new(event.position), text.event.get().as_bytes())?;
    }
    Ok(())
}
