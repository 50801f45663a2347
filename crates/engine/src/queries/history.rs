//! Events of the whole log, by any combination of filters.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::{HistoryPage, HistoryQuery, PAGE_BYTES, QueryName};
use ledger_contract::records::{self, Hide, StreamId};
use ledger_contract::{ResumePoint, schemas, time};
use ledger_domain::principal::{Scope, Subject};
use ledger_domain::{ConnectionId, InvalidField, MessageId, Position, Version};
use ledger_store::Selection;
use ledger_store::tables::{StreamKey, receipts, streams};
use serde_json::value::RawValue;

use super::matches::Matches;
use super::{Reader, paging};
use crate::errors::{Fault, QueryError};
use crate::history;
use crate::models::{AUDIT, Models};
use crate::projections::audit;
use crate::redaction::{self, Redacted};
use crate::times::{Pieces, Since, common};

impl Reader<'_> {
    /// Returns a page of the events that match every filter. Blocks.
    ///
    /// Errors: `forbidden`, `field_invalid`, `connection_unknown`, `cursor_invalid`,
    /// `history_changed`, `position_unknown`.
    pub fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, QueryError> {
        let connection = self.check_audit(query)?;
        let size = paging::size(query.page_size)?;
        let order = if query.oldest_first { "history+" } else { "history-" };
        let cursors = paging::Cursors::new(self.engine, order);
        let after = query.cursor.as_ref().map(|cursor| cursors.number(cursor)).transpose()?;
        let resume_after = self.engine.end();
        let matches = self.matches(query, connection)?;
        let total = matches.len();
        let descending = !query.oldest_first;
        let skip = match after {
            None => 0,
            Some(last) if descending => total - matches.rank(last),
            Some(last) => matches.rank(last.saturating_add(1)),
        };
        let mut budget = paging::Budget::new(Some(PAGE_BYTES));
        let (mut events, mut last, mut passed) = (Vec::new(), None, 0);
        for position in matches.page(skip, size, descending) {
            if let Some(event) = self.event(position)? {
                if !budget.takes(event.get().len()) {
                    break;
                }
                events.push(event);
            }
            passed += 1;
            last = Some(position);
        }
        let last = last.filter(|_| skip.saturating_add(passed) < total);
        let next_cursor = last.map(|last| cursors.write(&last.to_be_bytes()));
        let connection = connection.map(|id| id.to_string());
        self.note_reading(QueryName::History.as_str(), connection.as_deref());
        let truncated = budget.is_spent();
        let ledger_id = self.engine.ledger_id().to_string();
        Ok(HistoryPage { ledger_id, events, total, resume_after, next_cursor, truncated })
    }

    /// Rejects callers who may not see the requested history. A caller with rights to only some
    /// connections must name one of them. Returns the named connection, so that its name is
    /// resolved only once and the rights checked are those for the events shown.
    fn check_audit(&self, query: &HistoryQuery) -> Result<Option<ConnectionId>, QueryError> {
        let whole = self.workspace.map_or(Subject::Ledger, Subject::Workspace);
        let Some(text) = &query.connection else {
            self.caller.require(Scope::Audit, whole)?;
            return Ok(None);
        };
        let target = ConnectionRef::parse("connection", text)?;
        if self.caller.may(Scope::Audit, whole) {
            return self.named("connection", &target).map(Some);
        }
        let connection = self.known("connection", &target)?;
        let subject = Subject::Connection(&connection.workspace, &connection.details);
        self.caller.require(Scope::Audit, subject)?;
        Ok(Some(connection.id))
    }

    /// Returns an event, unless it belongs to another workspace. Bitmaps have no MACs, so what they
    /// name is checked against the record.
    fn event(&self, position: u64) -> Result<Option<Box<RawValue>>, QueryError> {
        let position = Position::new(position);
        let bytes = history::bytes(&self.engine.shared.store, position)?;
        let record = records::decode(position, &bytes).map_err(Fault::from)?;
        let is_here = self.workspace.is_none_or(|name| *name == record.metadata.workspace);
        if !is_here {
            return Ok(None);
        }
        let redacted = match record.metadata.stream {
            StreamId::Connection(id) => self.hidden(id)?,
            StreamId::Workspace(_)
            | StreamId::Principal(_)
            | StreamId::Reveals(_)
            | StreamId::Consumers(_)
            | StreamId::Policies(_)
            | StreamId::Alerts(_)
            | StreamId::Leases(_)
            | StreamId::Handovers(_)
            | StreamId::Ledger(_) => None,
        };
        let version = record.metadata.version;
        let mask = redacted.as_ref().map(|redacted| {
            move |name: &str, text: &str| redaction::mask(redacted, version, name, text)
        });
        Ok(Some(records::public(&bytes, mask.as_ref().map(|mask| mask as Hide<'_>))))
    }

    /// Returns what is hidden from the caller of the earlier events of a connection, if anything
    /// is.
    fn hidden(&self, id: ConnectionId) -> Result<Option<Redacted>, QueryError> {
        let row = self.engine.shared.models.load().row(id)?;
        let now = row.map(|row| row.connection).filter(|now| !now.redacted.is_empty());
        let hidden = now.filter(|now| !self.caller.may_with(Scope::Reveal, now));
        Ok(hidden.map(|now| now.redacted))
    }

    /// Returns the positions of all matching events.
    fn matches(
        &self,
        query: &HistoryQuery,
        connection: Option<ConnectionId>,
    ) -> Result<Matches, QueryError> {
        if self.is_indexed(query) {
            self.engine.shared.rebuilding.expect_complete(AUDIT)?;
        }
        let models = self.engine.shared.models.load();
        let mut matches = self.between(query)?;
        if let Some(positions) = self.by_terms(&models, query)? {
            matches = matches.intersect(positions);
        }
        if let Some(id) = connection {
            let beside = [StreamKey::reveals(id), StreamKey::consumers(id)];
            let streams = [&[StreamKey::connection(id)][..], &beside].concat();
            matches = matches.intersect(self.of_streams(&streams)?);
        }
        if query.ledger {
            let stream = StreamKey::ledger(self.engine.ledger_id());
            matches = matches.intersect(self.of_streams(&[stream])?);
        }
        if let Some(text) = &query.command_id {
            matches = matches.intersect(self.of_command(text)?);
        }
        Ok(matches)
    }

    /// Returns whether the query asks for something that is indexed.
    fn is_indexed(&self, query: &HistoryQuery) -> bool {
        self.workspace.is_some()
            || query.actor.is_some()
            || !query.event_type.is_empty()
            || query.correlation_id.is_some()
    }

    /// Returns the positions that match what is indexed, or `None` if the query asks for nothing
    /// that is.
    fn by_terms(
        &self,
        models: &Models,
        query: &HistoryQuery,
    ) -> Result<Option<Selection>, QueryError> {
        let mut groups = Vec::new();
        groups.extend(self.workspace.map(|name| vec![audit::workspace(name.as_str())]));
        groups.extend(query.actor.iter().map(|name| vec![audit::actor(name)]));
        if !query.event_type.is_empty() {
            query.event_type.iter().try_for_each(|name| known_type(name))?;
            groups.push(query.event_type.iter().map(|name| audit::event_type(name)).collect());
        }
        if let Some(text) = &query.correlation_id {
            groups.push(vec![audit::correlation(&MessageId::parse("correlation_id", text)?)]);
        }
        Ok(models.audit.select(&groups)?)
    }

    fn of_streams(&self, wanted: &[StreamKey]) -> Result<Selection, QueryError> {
        let mut positions = Selection::default();
        for stream in wanted {
            for position in streams::scan(&self.engine.shared.store, *stream, Version::new(1)) {
                positions.insert(position?.get());
            }
        }
        Ok(positions)
    }

    fn of_command(&self, text: &str) -> Result<Selection, QueryError> {
        let id = MessageId::parse("command_id", text)?;
        let Some(workspace) = self.workspace else {
            let problem = "can only be looked up in a workspace";
            return Err(InvalidField::new("command_id", problem).into());
        };
        let receipt = receipts::get(&self.engine.shared.store, &receipts::key(workspace, &id))?;
        let mut positions = Selection::default();
        if let Some(receipt) = receipt {
            positions.insert(receipt.position.get());
        }
        Ok(positions)
    }

    /// Returns the events after a position and between two times, if they are given, by what the
    /// clock said.
    fn between(&self, query: &HistoryQuery) -> Result<Matches, QueryError> {
        let (store, head) = (&self.engine.shared.store, self.engine.head());
        let since = |text, field| -> Result<_, QueryError> {
            Ok(Since::find(store, head, time::parse(field, text)?)?)
        };
        let after = match &query.after {
            Some(text) => self.own_position(ResumePoint::parse("after", text)?)?,
            None => Position::ZERO,
        };
        let mut pieces: Pieces = std::iter::once(after.get() + 1..head.get() + 1).collect();
        pieces.retain(|piece| !piece.is_empty());
        if let Some(text) = &query.from {
            pieces = common(&pieces, &since(text, "from")?.pieces());
        }
        if let Some(text) = &query.until {
            pieces = common(&pieces, &since(text, "until")?.others());
        }
        Ok(Matches::of(pieces))
    }
}

fn known_type(name: &str) -> Result<(), InvalidField> {
    let known: Vec<_> = schemas::event_types().collect();
    if known.contains(&name) {
        return Ok(());
    }
    Err(InvalidField::new("type", format!("must be one of {}", known.join(", "))))
}
