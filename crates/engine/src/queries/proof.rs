//! The query for a proof that an event is in the log.

use ledger_contract::queries::{ProofQuery, ProofView};
use ledger_contract::records::Frame;
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{EventId, InvalidField, Micros, Position};
use ledger_proof::Bundle;
use ledger_store::tables::log::Records;

use super::Reader;
use crate::errors::{Fault, QueryError};
use crate::times::first_at;
use crate::transparency::ProofOf;

/// How far the time in an event's id may be from the time at which it was recorded.
const APART: i64 = 600 * 1_000_000;
/// Events that are looked through for one with an id.
const EVENTS_MAX: usize = 200_000;

impl Reader<'_> {
    /// Returns the proof that an event is in the log. Blocks.
    ///
    /// Errors: `forbidden`, `event_unknown`, `position_unknown`, `checkpoint_refused`.
    pub fn proof(&self, query: &ProofQuery) -> Result<ProofView, QueryError> {
        self.caller.require(Scope::Read, Subject::Ledger)?;
        let position = match (query.position, query.event.as_deref()) {
            (Some(position), None) => Position::new(position),
            (None, Some(event)) => self.position_of(event)?,
            _ => return Err(InvalidField::new("position", "or `event` must be there alone").into()),
        };
        let ProofOf { leaf, hashes, checkpoint } = self.engine.prove(position)?;
        let Bundle { position, entry, proof, .. } = Bundle::new(&leaf, &hashes, &checkpoint);
        Ok(ProofView { connledger_proof: Bundle::FORM, position, entry, proof })
    }

    /// Finds an event by its id, which has the time at which it was made.
    fn position_of(&self, event: &str) -> Result<Position, QueryError> {
        let wanted: EventId =
            event.parse().map_err(|_| InvalidField::new("event", "must be the id of an event"))?;
        let (store, head) = (&*self.engine.shared.store, self.engine.head());
        let made = made_at(wanted).unwrap_or(Micros::new(0));
        let first = first_at(store, head, Micros::new(made.get().saturating_sub(APART)))?;
        let mut records = Records::walk(store, Position::new(first));
        for _ in 0..EVENTS_MAX {
            let Some((position, record)) = records.next_record()? else { break };
            let frame = Frame::read(position, record).map_err(Fault::from)?;
            if frame.event_id == wanted {
                return Ok(position);
            }
            if frame.recorded_at.get() > made.get().saturating_add(APART) {
                break;
            }
        }
        Err(QueryError::EventUnknown)
    }
}

/// Returns the time in an id.
fn made_at(id: EventId) -> Option<Micros> {
    let (seconds, nanos) = id.uuid().get_timestamp()?.to_unix();
    let micros = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
    Some(Micros::new(micros + i64::from(nanos / 1_000)))
}
