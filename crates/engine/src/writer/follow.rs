//! Takes over what another node decided, and begins to decide where that one ended.
//!
//! A record has what happened, so nothing is decided here: it is applied to the states of the
//! decider, and the same rows are written as for an own decision.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ledger_contract::log_stream::StoredReceipt;
use ledger_contract::records::{self, Happened, Metadata, Record, StreamId};
use ledger_domain::{
    AlertFacts, CheckedText, ConnectionId, Event, Handover, HandoverContent, HandoverEvent,
    LeaseEvent, MessageId, Micros, Position, PrincipalEvent, PrincipalName, Version, Workspace,
    WorkspaceCreated, WorkspaceName, evolve_principal,
};
use ledger_store::tables::{Receipt, StreamKey, keys, meta, receipts};
use ledger_vault::master_key_of;

use super::changes::{Changed, KeyChange, evolved};
use super::decider::{Decider, left_no_state};
use super::quotas::Meter;
use super::state::{ConsumersHead, State};
use super::{Effect, Group, TellWritten};
use crate::errors::{Fault, Unavailable, chain};
use crate::handovers;
use crate::history;
use crate::master_keys;
use crate::models::{Change, Said};
use crate::replication::{FollowedGroup, alert_writes, data_key_name, handover_name};

/// What a group has besides records, as far as it is not used yet.
struct Rest {
    handovers: VecDeque<Box<str>>,
    values: HashMap<Box<str>, Vec<u8>>,
}

impl Decider {
    /// Begins a term: decides from the durable states on, whatever was decided before.
    pub(super) fn lead(&mut self, epoch: u64, tell: &TellWritten) {
        let begun = self.begin_again().and_then(|()| {
            self.restore_keys().map_err(|fault| Unavailable::NotOwner(chain(&fault)))
        });
        if begun.is_ok() {
            self.shared.consumers.begin(self.shared.ports.now());
            self.shared.epoch.store(epoch, Ordering::SeqCst);
            self.shared.log.lead();
            // What is beside the log is wrapped anew by the writer.
            if master_keys::is_rewrap_due(&self.state.ledger) {
                self.shared.master_keys.rewrapping.ask();
            }
        }
        // Who does not listen any more is stopping.
        let (Ok(()) | Err(_)) = tell.send(begun);
    }

    /// Adds a group that another node decided to the group.
    pub(super) fn follow(&mut self, followed: FollowedGroup, tell: TellWritten) {
        let is_own = self.group.len() > 0 && self.group.followed.is_none();
        if !self.shared.log.follows() || is_own {
            if let Err(failed) = self.begin_again() {
                let (Ok(()) | Err(_)) = tell.send(Err(failed));
                return;
            }
            self.shared.log.follow();
        }
        let sequence = followed.sequence;
        // An own group may have become durable after this node began to follow.
        match meta::followed(&self.shared.store) {
            Ok(known) if sequence <= known => {
                let (Ok(()) | Err(_)) = tell.send(Ok(()));
                return;
            }
            Ok(_) => {}
            Err(error) => return self.cannot_follow(&error.into(), tell),
        }
        match self.take_over(followed) {
            Ok(()) => {
                self.group.followed = Some(sequence);
                self.group.written.push(tell);
            }
            Err(fault) => self.cannot_follow(&fault, tell),
        }
    }

    /// Forgets what is not durable, because a group cannot be taken over.
    fn cannot_follow(&mut self, fault: &Fault, tell: TellWritten) {
        let text = format!("the log of the cluster cannot be followed: {}", chain(fault));
        tracing::error!(error = text, "a group of another node was not taken over");
        let failed = Unavailable::NotOwner(text);
        let Group { replies, written, .. } = std::mem::take(&mut self.group);
        for tell in written.into_iter().chain([tell]) {
            let (Ok(()) | Err(_)) = tell.send(Err(failed.clone()));
        }
        for (reply, _) in replies {
            let (Ok(()) | Err(_)) = reply.send(Err(failed.clone().into()));
        }
        self.await_committer();
        if let Err(error) = self.reload() {
            tracing::error!(error = %chain(&error), "the states cannot be read again");
            self.shared.store.poison();
        }
    }

    /// Commits or refuses what is in the group, and reads the durable states.
    pub(super) fn begin_again(&mut self) -> Result<(), Unavailable> {
        self.drain();
        self.reload().map_err(|fault| {
            tracing::error!(error = %chain(&fault), "the states cannot be read again");
            self.shared.store.poison();
            Unavailable::Poisoned
        })
    }

    fn reload(&mut self) -> Result<(), Fault> {
        self.state = State::load(Arc::clone(&self.shared))?;
        self.meter = Meter::default();
        if self.state.ledger.is_sealed {
            self.shared.drop_keys();
        }
        Ok(())
    }

    fn take_over(&mut self, followed: FollowedGroup) -> Result<(), Fault> {
        let FollowedGroup { first, records, beside, values, term, .. } = followed;
        // Also if it is known: the batch that had it may not have been written.
        if let Some(term) = term.filter(|term| *term >= self.shared.epoch.load(Ordering::SeqCst)) {
            // The next start counts on from here.
            self.shared.epoch.store(term, Ordering::SeqCst);
            meta::put_epoch(&mut self.group.batch, &self.shared.store, term);
        }
        let mut rest = Rest { handovers: beside.handovers.into(), values };
        let mut position = first;
        for bytes in records {
            if position != self.state.position.next() {
                let expected = self.state.position.next();
                return Err(Fault::Damaged(format!(
                    "the log of the cluster has position {position} where {expected} follows"
                )));
            }
            let Record { metadata, happened } = records::decode(position, &bytes)?;
            if metadata.position != position {
                return Err(misplaced(&metadata));
            }
            self.record.clear();
            self.record.extend_from_slice(&bytes);
            let recorded_at = metadata.recorded_at;
            match happened {
                Happened::Ledger(event) => {
                    // What is read to be wrapped anew has to be what is stored. The writer begins a
                    // group with such an event for the same reason.
                    if position != first {
                        return Err(Fault::Damaged(format!(
                            "the log of the cluster has an event of the ledger itself at position \
                             {position}, and a group begins at {first}"
                        )));
                    }
                    self.drain();
                    self.follow_ledger(metadata, &event)?;
                }
                happened => self.apply(metadata, happened, &mut rest)?,
            }
            self.state.recorded_at = self.state.recorded_at.max(recorded_at);
            position = position.next();
        }
        for receipt in beside.receipts {
            self.take_receipt(&receipt)?;
        }
        for rows in beside.alerts {
            let (alert, writes) = alert_writes(rows);
            self.take_alert_writes(alert, writes);
        }
        Ok(())
    }

    fn take_receipt(&mut self, stored: &StoredReceipt) -> Result<(), Fault> {
        let damaged = |_| Fault::Damaged("a receipt in the log of the cluster is damaged".into());
        // It may be that of the ledger itself, which nobody can give to a workspace.
        let workspace = WorkspaceName::stored(stored.workspace.clone());
        let command = MessageId::parse("command", &stored.command).map_err(damaged)?;
        let connection = stored.connection.as_deref().map(str::parse::<ConnectionId>);
        let receipt = Receipt {
            connection: connection.transpose().map_err(damaged)?,
            version: Version::new(stored.version),
            position: Position::new(stored.position),
            recorded_at: Micros::new(stored.recorded_at),
            fingerprint: stored.fingerprint,
        };
        let key = receipts::key(&workspace, &command);
        receipts::put(&mut self.group.batch, &self.shared.store, &key, &receipt);
        self.state.set_receipt(key, receipt);
        Ok(())
    }

    fn apply(
        &mut self,
        metadata: Metadata,
        happened: Happened,
        rest: &mut Rest,
    ) -> Result<(), Fault> {
        let type_name = happened.type_name();
        let stream = metadata.stream.clone();
        let key = history::stream_key(&stream);
        match (stream, happened) {
            (StreamId::Connection(id), Happened::Connection(event)) => {
                return self.apply_change(metadata, id, event, type_name, rest);
            }
            (StreamId::Workspace(_), Happened::Workspace(created)) => {
                self.apply_workspace(metadata, key, created);
                return Ok(());
            }
            (StreamId::Principal(name), Happened::Principal(event)) => {
                return self.apply_principal(metadata, &name, event, type_name);
            }
            (StreamId::Handovers(_) | StreamId::Reveals(_), Happened::Handover(event)) => {
                return self.apply_handover(metadata, key, &event, rest);
            }
            (StreamId::Reveals(_) | StreamId::Leases(_), Happened::Lease(event)) => {
                return self.apply_lease(metadata, key, &event);
            }
            (StreamId::Reveals(id), Happened::Revealed(_)) => {
                let head = self.state.head(id)?.ok_or_else(|| misplaced(&metadata))?;
                self.state.set_reveals(id, metadata.version);
                let effect = Effect::Revealed { ordinal: head.ordinal };
                self.append(metadata, key, type_name, effect);
            }
            (StreamId::Consumers(id), Happened::Consumer(event)) => {
                let head = self.state.consumers(id)?;
                let said = Said::of(id, &metadata);
                let models = self.shared.models.load();
                models.write_consumer(&mut self.group.batch, &said, &event);
                self.state.set_consumers(id, ConsumersHead::after(&head, &said, &event));
                self.append(metadata, key, type_name, Effect::Consumer(id, event));
            }
            (StreamId::Policies(place), Happened::Policy(event)) => {
                let mut after = (*self.state.policies.of(&place)).clone();
                let (version, at) = (metadata.version, metadata.recorded_at);
                after.evolve(event, version, metadata.actor.clone(), at);
                let after = Arc::new(after);
                self.state.policies.put(&place, Arc::clone(&after));
                self.append(metadata, key, type_name, Effect::Policies(place, after));
            }
            (StreamId::Alerts(place), Happened::Alert(event)) => {
                let mut after = (*self.state.alerts.of(&place)).clone();
                let Metadata { version, position, recorded_at: at, .. } = metadata;
                after.evolve(
                    event,
                    AlertFacts { version, position, by: metadata.actor.clone(), at },
                );
                let after = Arc::new(after);
                self.state.alerts.put(&place, Arc::clone(&after));
                self.append(metadata, key, type_name, Effect::Alerts(place, after));
            }
            _ => return Err(misplaced(&metadata)),
        }
        Ok(())
    }

    fn apply_change(
        &mut self,
        metadata: Metadata,
        id: ConnectionId,
        event: Event,
        type_name: &'static str,
        rest: &mut Rest,
    ) -> Result<(), Fault> {
        let head = self.state.head(id)?;
        let (is_urgent, erases) = (event.is_urgent(), matches!(event, Event::Erased { .. }));
        let before = head.as_ref().map(|head| Arc::clone(&head.connection));
        let after = evolved(before.as_deref(), event, &metadata, id)?;
        if after.version != metadata.version {
            return Err(misplaced(&metadata));
        }
        let key = if before.is_none() {
            // It is destroyed if the connection is erased later on.
            let wrapped = rest.values.remove(&*data_key_name(id));
            wrapped.map_or(KeyChange::Stays, KeyChange::IsMade)
        } else if erases {
            let stored = keys::get(&self.shared.store, id)?;
            let under = stored.and_then(|wrapped| master_key_of(&wrapped).ok());
            // One that was made in this batch is not stored yet.
            KeyChange::IsDestroyed(under.or_else(|| self.state.made_key(id)))
        } else {
            KeyChange::Stays
        };
        let ordinal = head.map_or(self.state.next_ordinal, |head| head.ordinal);
        let row = Change { ordinal, before: before.as_deref(), after: &after }.row();
        let claimed = self.move_claim(before.as_deref(), &after);
        claimed.map_err(|error| Fault::Damaged(format!("a slug of the log: {error}")))?;
        let changed = Changed { ordinal, before, after, row, is_urgent, key };
        self.put_change(metadata, type_name, changed);
        Ok(())
    }

    fn apply_workspace(&mut self, metadata: Metadata, key: StreamKey, created: WorkspaceCreated) {
        let (at, by) = (metadata.recorded_at, metadata.actor.clone());
        let workspace = Workspace::of(created, at, by, metadata.position);
        self.shared.models.load().write_workspace(&mut self.group.batch, &workspace);
        self.state.add_workspace(workspace.name);
        self.append(metadata, key, WorkspaceCreated::TYPE_NAME, Effect::None);
    }

    fn apply_principal(
        &mut self,
        metadata: Metadata,
        name: &PrincipalName,
        event: PrincipalEvent,
        type_name: &'static str,
    ) -> Result<(), Fault> {
        let before = self.state.principal(name);
        let facts = metadata.principal_facts(name.clone());
        let after = evolve_principal(before.as_deref().cloned(), event, &facts);
        let after = Arc::new(after.ok_or_else(|| left_no_state(&metadata))?);
        self.shared.models.load().write_principal(&mut self.group.batch, &after);
        self.state.set_principal(&after);
        let key = StreamKey::principal(name);
        self.append(metadata, key, type_name, Effect::Principal(after));
        Ok(())
    }

    fn apply_lease(
        &mut self,
        metadata: Metadata,
        key: StreamKey,
        event: &LeaseEvent,
    ) -> Result<(), Fault> {
        let used = match &metadata.stream {
            StreamId::Reveals(id) => {
                self.state.set_reveals(*id, metadata.version);
                self.state.head(*id)?.map(|head| head.ordinal)
            }
            StreamId::Leases(name) => {
                self.state.set_workspace_leases(name.clone(), metadata.version);
                None
            }
            _ => return Err(misplaced(&metadata)),
        };
        self.put_leases(metadata, key, event, used);
        Ok(())
    }

    fn apply_handover(
        &mut self,
        metadata: Metadata,
        key: StreamKey,
        event: &HandoverEvent,
        rest: &mut Rest,
    ) -> Result<(), Fault> {
        let row = rest.handovers.pop_front().ok_or_else(|| misplaced(&metadata))?;
        let mut state = handover(row.as_bytes())?;
        if matches!(event, HandoverEvent::KeyMade(_)) {
            // It is gone once its time is over.
            if let Some(row) = rest.values.remove(&*handover_name(&state.id)) {
                state = handover(&row)?;
            }
        } else if let (HandoverContent::Key { sealed, .. }, true) =
            (&mut state.content, state.ended.is_none())
            && let Some(known) = self.state.handover(&state.id)
            && let HandoverContent::Key { sealed: kept, .. } = &known.content
        {
            sealed.clone_from(kept);
        }
        let used = match &metadata.stream {
            StreamId::Reveals(id) => {
                self.state.set_reveals(*id, metadata.version);
                self.state.head(*id)?.map(|head| head.ordinal)
            }
            StreamId::Handovers(name) => {
                self.state.set_key_handovers(name.clone(), metadata.version);
                None
            }
            _ => return Err(misplaced(&metadata)),
        };
        let state = Arc::new(state);
        handovers::write(&mut self.group.batch, &self.shared.store, &state);
        self.state.set_handover(&state);
        self.append(metadata, key, event.type_name(), Effect::Handover { state, used });
        Ok(())
    }
}

fn handover(row: &[u8]) -> Result<Handover, Fault> {
    records::decode_handover_row(row).map_err(|source| Fault::Row {
        of: "a handover in the log of the cluster".to_owned(),
        source,
    })
}

fn misplaced(metadata: &Metadata) -> Fault {
    Fault::Damaged(format!(
        "the record at position {} of the cluster's log does not belong in the stream {}",
        metadata.position, metadata.stream
    ))
}
