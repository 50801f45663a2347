//! Who has received one value of a secret.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::exposure::{ExposedTo, ExposurePage, ExposureQuery, Readers, SetBy};
use ledger_contract::queries::{PAGE_BYTES, QueryName};
use ledger_contract::records::{Happened, Metadata, Record};
use ledger_contract::time;
use ledger_domain::principal::{ApiKeyId, Scope};
use ledger_domain::{
    CheckedText, Connection, FieldName, Generation, Lifecycle, SecretRevealed, Version,
};
use ledger_store::tables::{StreamKey, streams};

use super::{Reader, paging};
use crate::access::Caller;
use crate::errors::{Fault, QueryError};
use crate::history;

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
        let set_by = self.set_by(&now, &field, generation)?;
        let search = Search { connection: &now, field: &field, generation, size };
        let order = format!("exposure of {generation} of {field} of {}", now.id);
        let cursors = paging::Cursors::new(self.engine, &order);
        let after = query.cursor.as_ref().map(|cursor| cursors.number(cursor)).transpose()?;
        let part = self.readers(&search, Version::new(after.unwrap_or_default()).next())?;
        let truncated = part.last.is_some() && part.readers.count() < size;
        let mut readers = part.readers.into_all();
        for reader in &mut readers {
            reader.may_reveal = self.may_reveal(&now, &field, reader.key.as_deref());
        }
        Ok(ExposurePage {
            connection: now.id.to_string(),
            field: query.field.clone(),
            generation: generation.get(),
            current: current == Some(generation),
            set_by,
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
            let Happened::Revealed(revealed) = happened else {
                return Err(Fault::bug("a reveal was recorded as something else").into());
            };
            let is_full = looked_through == LOOKED_THROUGH_MAX;
            let matches = revealed.generations.get(search.field) == Some(&search.generation);
            if is_full || (matches && !search.has_room(&readers, &metadata, &mut budget)) {
                return Ok(Part { readers, last });
            }
            last = Some(metadata.version);
            if matches {
                readers.add(reader(metadata, &revealed));
            }
        }
        Ok(Part { readers, last: None })
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
        let given_out = connection.enabled
            && connection.lifecycle == Lifecycle::Active
            && connection.secrets.contains_key(field);
        let may = |caller: Caller| caller.may_with(Scope::Reveal, connection);
        Some(given_out && caller.is_some_and(may))
    }

    /// Finds the event that gave a field a generation. Generations never go back, so the versions
    /// are searched by halves.
    fn set_by(
        &self,
        now: &Connection,
        field: &FieldName,
        generation: Generation,
    ) -> Result<SetBy, QueryError> {
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
        if set.is_none_or(|secret| secret.generation != generation) {
            return Err(QueryError::GenerationUnknown);
        }
        let mut stream = streams::scan(store, StreamKey::connection(now.id), Version::new(at));
        let position = stream.next().ok_or_else(|| Fault::bug("a version has no event"))??;
        let Metadata { actor, provenance, recorded_at, position, version, .. } =
            history::record(store, position)?.metadata;
        Ok(SetBy {
            actor: actor.as_str().to_owned(),
            key: provenance.key.map(|key| key.text().to_owned()),
            at: time::format(recorded_at),
            position: position.get(),
            version: version.get(),
        })
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

impl Search<'_> {
    /// Returns whether a page takes one more reveal.
    fn has_room(
        &self,
        readers: &Readers,
        metadata: &Metadata,
        budget: &mut paging::Budget,
    ) -> bool {
        let (actor, key) = (metadata.actor.as_str(), metadata.provenance.key.as_ref());
        let known = readers.has(actor, key.map(CheckedText::text));
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

/// Returns what one reveal tells of its reader.
fn reader(metadata: Metadata, revealed: &SecretRevealed) -> ExposedTo {
    let at = time::format(metadata.recorded_at);
    ExposedTo {
        actor: metadata.actor.as_str().to_owned(),
        key: metadata.provenance.key.map(|key| key.text().to_owned()),
        reveals: 1,
        first_at: at.clone(),
        last_at: at,
        last_position: metadata.position.get(),
        last_reason: revealed.reason.text().to_owned(),
        via: [metadata.provenance.via.as_str().to_owned()].into(),
        addresses: metadata.provenance.address.into_iter().collect(),
        more_addresses: false,
        may_reveal: None,
    }
}
