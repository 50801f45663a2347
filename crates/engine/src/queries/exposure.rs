//! Who has received one value of a secret.

use std::collections::{BTreeMap, HashMap};

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::exposure::{ExposedTo, ExposurePage, ExposureQuery, Readers, SetBy};
use ledger_contract::queries::{PAGE_BYTES, QueryName};
use ledger_contract::records::{Happened, Metadata, Record};
use ledger_contract::time;
use ledger_contract::view::{self, ReferenceView};
use ledger_domain::principal::{ApiKeyId, Scope};
use ledger_domain::{
    CheckedText, Connection, FieldName, Generation, GivenOut, HandedOver, HandoverEvent,
    LeaseEvent, LeaseId, Micros, SecretRevealed, Version, limits,
};
use ledger_store::tables::{StreamKey, streams};

use super::{Reader, paging};
use crate::access::Caller;
use crate::errors::{Fault, QueryError};
use crate::leases::LiveLease;
use crate::listings::is_of_listing;
use crate::provider_tokens::is_of_refresh;
use crate::{handovers, history, trials};

/// Reveals that are looked through for one page.
const LOOKED_THROUGH_MAX: usize = 20_000;

impl Reader<'_> {
    /// Returns a page of the identities to which one generation of a secret field was revealed, and
    /// records that they were asked for. Blocks.
    ///
    /// Errors: as [`Self::history`] of one connection; `secret_field_unknown` if the current
    /// generation of a field without a value is asked for; `generation_unknown`.
    pub fn exposure(&self, query: &ExposureQuery) -> Result<ExposurePage, QueryError> {
        let target = ConnectionRef::parse("connection", &query.connection)?;
        let field = FieldName::parse("field", &query.field)?;
        let size = paging::size(query.page_size)?;
        let now = self.audited(&target, QueryName::Exposure)?;
        let current = now.secrets.get(&field).map(|secret| secret.generation);
        let generation = match query.generation {
            Some(number) => Generation::new(number),
            None => current.ok_or_else(|| QueryError::SecretFieldUnknown(field.clone()))?,
        };
        let (set_by, came_first, reference) = self.set_by(&now, &field, generation)?;
        let compromised = [generation, came_first];
        let compromised = compromised.iter().any(|known| now.is_compromised(&field, *known));
        let search = Search { connection: &now, field: &field, generation, size };
        let order = format!("exposure of {generation} of {field} of {}", now.id);
        let cursors = paging::Cursors::new(self.engine, &order);
        let after = query.cursor.as_ref().map(|cursor| cursors.number(cursor)).transpose()?;
        let part = self.readers(&search, Version::new(after.unwrap_or_default()).next())?;
        let truncated = part.last.is_some() && part.readers.count() < size;
        let mut readers = part.readers.into_all();
        let leases_held = self.leases_held(&now, &field);
        for reader in &mut readers {
            reader.may_reveal = self.may_reveal(&now, &field, reader.key.as_deref());
            reader.leases_held = leases_held.get(&reader.actor).copied().unwrap_or_default();
        }
        Ok(ExposurePage {
            connection: now.id.to_string(),
            field: query.field.clone(),
            generation: generation.get(),
            current: current == Some(generation),
            compromised,
            set_by,
            reference,
            readers,
            truncated,
            next_cursor: part.last.map(|last| cursors.write(&last.get().to_be_bytes())),
        })
    }

    /// Looks through the reveals from one on, until a page is full.
    fn readers(&self, search: &Search<'_>, from: Version) -> Result<Part, QueryError> {
        let store = &self.engine.shared.store;
        let mut budget = paging::Budget::new(Some(PAGE_BYTES));
        let mut readers = Readers::default();
        let mut last = None;
        let reveals = streams::scan(store, StreamKey::reveals(search.connection.id), from);
        for (looked_through, position) in reveals.enumerate() {
            let Record { metadata, happened } = history::record(store, position?)?;
            let is_full = looked_through == LOOKED_THROUGH_MAX;
            let version = metadata.version;
            let found = search.received(metadata, happened);
            let lacks_room = |one: &ExposedTo| !search.has_room(&readers, one, &mut budget);
            if is_full || found.as_ref().is_some_and(lacks_room) {
                return Ok(Part { readers, last });
            }
            last = Some(version);
            if let Some(found) = found {
                readers.add(found);
            }
        }
        Ok(Part { readers, last: None })
    }

    /// Returns how many leases with a field each identity holds.
    fn leases_held(&self, connection: &Connection, field: &FieldName) -> HashMap<String, u64> {
        let now = self.engine.clock().now();
        let is_held =
            |lease: &LiveLease| lease.until(now).is_some() && lease.fields().contains(field);
        let live = &self.engine.shared.leases;
        let mut held = HashMap::new();
        for lease in live.page(Some(connection.id), None, limits::LEASES_OF_CONNECTION, is_held) {
            *held.entry(lease.holder.as_str().to_owned()).or_default() += 1;
        }
        held
    }

    /// Returns whether an API key could have the secrets revealed now; `None` for access tokens.
    fn may_reveal(
        &self,
        connection: &Connection,
        field: &FieldName,
        key: Option<&str>,
    ) -> Option<bool> {
        let id = ApiKeyId::parse("key", key?).ok()?;
        let caller = self.engine.shared.directory.caller_of(&id, self.engine.clock().now());
        let given_out = connection.gives_out_secrets() && connection.secrets.contains_key(field);
        let may = |caller: Caller| caller.may_with(Scope::Reveal, connection);
        Some(given_out && caller.is_some_and(may))
    }

    /// Finds the event that gave a field a generation, the generation with which its value came
    /// first, and the reference if it is one. Generations never go back, so the versions are
    /// searched by halves.
    fn set_by(
        &self,
        now: &Connection,
        field: &FieldName,
        generation: Generation,
    ) -> Result<(SetBy, Generation, Option<ReferenceView<'static>>), QueryError> {
        let store = &self.engine.shared.store;
        let had = |version: u64| -> Result<Generation, QueryError> {
            let then = history::state_at(store, now.id, Version::new(version))?;
            Ok(then.map_or(Generation::ZERO, |then| highest(&then, field)))
        };
        let (mut before, mut at) = (0, now.version.get());
        while before + 1 < at {
            let middle = before + (at - before) / 2;
            if had(middle)? < generation { before = middle } else { at = middle }
        }
        let then = history::state_at(store, now.id, Version::new(at))?;
        let set = then.as_ref().and_then(|then| then.secrets.get(field));
        let set = set.filter(|secret| secret.generation == generation);
        let set = set.ok_or(QueryError::GenerationUnknown)?;
        let came_first = set.came_first();
        let reference = set.held.reference();
        let reference = reference.map(|reference| view::reference(reference).into_owned());
        let mut stream = streams::scan(store, StreamKey::connection(now.id), Version::new(at));
        let position = stream.next().ok_or_else(|| Fault::bug("a version has no event"))??;
        let Metadata { actor, provenance, recorded_at, position, version, .. } =
            history::record(store, position)?.metadata;
        let set_by = SetBy {
            actor: actor.as_str().to_owned(),
            key: provenance.key.map(|key| key.text().to_owned()),
            at: time::format(recorded_at),
            position: position.get(),
            version: version.get(),
        };
        Ok((set_by, came_first, reference))
    }
}

/// What is asked for.
struct Search<'a> {
    connection: &'a Connection,
    field: &'a FieldName,
    generation: Generation,
    /// Readers of a page.
    size: usize,
}

/// How somebody received the value.
struct Received {
    reveals: u64,
    leased_reads: u64,
    lease: Option<LeaseId>,
    /// When last, if that is not when it was recorded.
    last: Option<Micros>,
    reason: String,
}

impl Received {
    /// Describes a value that one event gave out.
    fn reveal(reason: &str) -> Self {
        Self { reveals: 1, leased_reads: 0, lease: None, last: None, reason: reason.to_owned() }
    }
}

impl Search<'_> {
    /// Returns who received the value with an event of the reveals, if anybody did: whoever it was
    /// revealed to or read it under a lease, the token that it was handed over to, and whoever used
    /// that.
    fn received(&self, metadata: Metadata, happened: Happened) -> Option<ExposedTo> {
        let gives = |generations: &BTreeMap<FieldName, Generation>| {
            generations.get(self.field) == Some(&self.generation)
        };
        let received = match happened {
            // Who has a connection tested, or its token refreshed, sees no value.
            Happened::Revealed(revealed)
                if trials::is_of_test(&revealed)
                    || is_of_refresh(&revealed)
                    || is_of_listing(&revealed) =>
            {
                None
            }
            Happened::Revealed(SecretRevealed { generations, reason, .. }) => {
                gives(&generations).then(|| Received::reveal(reason.text()))
            }
            Happened::Handover(HandoverEvent::Made(made)) => {
                return gives(&made.generations).then(|| handed_over(metadata, &made));
            }
            Happened::Handover(HandoverEvent::Used {
                given: GivenOut::Values(generations),
                ..
            }) => gives(&generations).then(|| Received::reveal(handovers::USED_REASON)),
            Happened::Lease(LeaseEvent::Taken { generations, reason, .. }) => {
                let lease = Some(LeaseId::of(metadata.event_id));
                gives(&generations).then(|| Received { lease, ..Received::reveal(reason.text()) })
            }
            Happened::Lease(LeaseEvent::Read { lease, reads }) => {
                let reads = reads.get(self.field)?;
                let read = reads.iter().find(|read| read.generation == self.generation)?;
                Some(Received {
                    reveals: 0,
                    leased_reads: read.count,
                    lease: Some(lease),
                    last: Some(read.last),
                    reason: format!("read under lease {lease}"),
                })
            }
            _ => None,
        };
        received.map(|received| reader(metadata, received))
    }

    /// Returns whether a page takes one more reveal.
    fn has_room(&self, readers: &Readers, one: &ExposedTo, budget: &mut paging::Budget) -> bool {
        let known = readers.has(&one.actor, one.key.as_deref());
        known || (readers.count() < self.size && budget.takes(READER_BYTES))
    }
}

/// Bytes that a reader may take in JSON.
const READER_BYTES: usize = 4_096;

/// The readers of a page, and the last reveal that was looked at if there are more.
struct Part {
    readers: Readers,
    last: Option<Version>,
}

/// Returns the highest generation that a field can have had in a state.
fn highest(state: &Connection, field: &FieldName) -> Generation {
    state.secrets.get(field).map_or(state.generations_removed, |secret| secret.generation)
}

/// Returns what one event tells of its reader.
fn reader(metadata: Metadata, received: Received) -> ExposedTo {
    let Received { reveals, leased_reads, lease, last, reason } = received;
    ExposedTo {
        actor: metadata.actor.as_str().to_owned(),
        key: metadata.provenance.key.map(|key| key.text().to_owned()),
        reveals,
        leased_reads,
        leases: lease.into_iter().map(|lease| lease.to_string()).collect(),
        leases_held: 0,
        first_at: time::format(metadata.recorded_at),
        last_at: time::format(last.unwrap_or(metadata.recorded_at)),
        last_position: metadata.position.get(),
        last_reason: reason,
        via: [metadata.provenance.via.as_str().to_owned()].into(),
        addresses: metadata.provenance.address.into_iter().collect(),
        more_addresses: false,
        may_reveal: None,
        handed_over_by: None,
    }
}

/// Returns what a handover tells of its token, which has the value before anybody does.
fn handed_over(metadata: Metadata, made: &HandedOver) -> ExposedTo {
    let received = Received { reveals: 0, ..Received::reveal(made.reason.text()) };
    let maker = reader(metadata, received);
    ExposedTo {
        actor: format!("handover:{}", made.handover.as_str()),
        key: None,
        handed_over_by: Some(maker.actor.clone()),
        addresses: [].into(),
        ..maker
    }
}
