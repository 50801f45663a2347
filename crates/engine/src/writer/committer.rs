//! Makes groups durable and visible, and answers their callers.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Receiver;
use ledger_domain::{ConsumerEvent, Position};
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability};
use parking_lot::Mutex;
use tracing::Span;

use super::queue::{CloseOnDrop, Queue};
use super::{Accepted, Effect, Group, ReplyTo, TellWritten};
use crate::engine::Shared;
use crate::errors::{ExecuteError, Unavailable, chain};
use crate::execute::Outcome;
use crate::models::Change;
use crate::overlaps;
use crate::projections::audit::Facts;
use crate::projections::uses::{Use, UsedToday};
use crate::quotas::day_of;
use crate::redaction;
use crate::replication::GroupBeside;
use crate::tail::Fresh;

/// Changed bitmap rows that may be in memory before they are written.
const CHANGED_ROWS_MAX: usize = 8_192;
/// Events after which bitmaps are written in any case, to bound the work at a start after a kill.
const EVENTS_BETWEEN_FLUSHES: u64 = 20_000;

/// Commits groups, one at a time.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    used: UsedToday,
    events_since_flush: u64,
}

/// Runs the committing thread until the decider has ended.
pub(crate) fn run(committer: &Mutex<Committer>, groups: &Receiver<Group>, queue: Arc<Queue>) {
    let store = committer.lock().shared.store.clone();
    let close_on_drop = CloseOnDrop::new(queue, store);
    for group in groups {
        committer.lock().commit(group);
        close_on_drop.committed();
    }
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, used: UsedToday::default(), events_since_flush: 0 }
    }

    /// Makes a group durable and visible, and answers its callers.
    pub(crate) fn commit(&mut self, group: Group) {
        let Group { mut batch, accepted, replies, written, head, mut beside, followed, spans } =
            group;
        let commits: Vec<Span> =
            spans.iter().map(|span| ledger_spans::commit(span, accepted.len())).collect();
        if let Some(sequence) = followed {
            meta::put_followed(&mut batch, &self.shared.store, sequence);
        }
        if batch.is_empty() {
            // The group contains only refusals and repeats. They may depend on the previous group,
            // which is durable by now unless its write failed.
            let failed = self.shared.store.poisoned_by().map(Unavailable::from);
            let failed = failed.or_else(|| self.shared.log.check().err());
            return answer(written, replies, failed.as_ref());
        }
        let is_followed = followed.is_some();
        if let Err(failed) = self.make_durable(batch, &accepted, &mut beside, is_followed) {
            return answer(written, replies, Some(&failed));
        }
        drop(commits);
        self.index(&accepted, head);
        for (alert, writes) in beside.alerts {
            self.shared.alert_states.take(alert, writes);
        }
        for accepted in &accepted {
            self.follow(&accepted.effect, accepted.metadata.position);
        }
        let fresh: Vec<Fresh> = accepted.into_iter().map(fresh).collect();
        let urgent =
            fresh.iter().rfind(|event| event.is_urgent).map(|event| event.metadata.position);
        self.shared.tail.extend(fresh.into_iter());
        // Answers callers before it wakes the relay, which takes time. Their answers hold as soon
        // as readers see the head.
        self.shared.head.send_if_modified(|shown| {
            *shown = head;
            false
        });
        if let Some(urgent) = urgent {
            self.shared.urgent.send_replace(urgent);
        }
        answer(written, replies, None);
        self.shared.head.send_modify(|_| ());
    }

    /// Appends a group to the log that nodes share, if there is one and it is not from there, and
    /// writes it to the disk with its leaves of the tree.
    fn make_durable(
        &self,
        mut batch: Batch,
        accepted: &[Accepted],
        beside: &mut GroupBeside,
        is_followed: bool,
    ) -> Result<(), Unavailable> {
        let Shared { store, transparency, metrics, .. } = &*self.shared;
        if !is_followed {
            self.append(&mut batch, accepted, beside)?;
        }
        let growth = transparency.grow(store, &mut batch, accepted);
        let started = Instant::now();
        store.commit(batch, Durability::Synced).map_err(|error| {
            tracing::error!(error = %chain(&error), "cannot write the log");
            Unavailable::WriteFailed(Arc::new(error))
        })?;
        transparency.add(growth);
        metrics.counters.group(accepted.len(), started.elapsed());
        Ok(())
    }

    fn append(
        &self,
        batch: &mut Batch,
        accepted: &[Accepted],
        beside: &mut GroupBeside,
    ) -> Result<(), Unavailable> {
        let Shared { store, log, metrics, .. } = &*self.shared;
        let head = *self.shared.head.borrow();
        let started = log.is_set().then(Instant::now);
        let appended = log.append(store, batch, head, accepted, beside);
        match (&appended, started) {
            // Keys may have been taken for an event that may not count.
            (Err(_), _) if self.shared.ledger.read().is_sealed => self.shared.drop_keys(),
            (Ok(()), Some(started)) => metrics.counters.appended(started.elapsed()),
            (Ok(()) | Err(_), _) => {}
        }
        appended
    }

    /// Updates the indexes in memory.
    fn index(&mut self, accepted: &[Accepted], head: Position) {
        let listed = listed(accepted);
        let audited: Vec<Facts<'_>> = accepted
            .iter()
            .map(|event| Facts { metadata: &event.metadata, type_name: event.type_name })
            .collect();
        let used = self.used(accepted);
        match self.shared.models.load().index(&listed, &audited, &used) {
            Ok(rows) => self.flush_when_due(rows, accepted.len(), head),
            Err(error) => {
                let error = chain(&error);
                tracing::error!(%error, "cannot update the indexes; writing stops until a restart");
                // The group is durable, and its callers are told so. The next checkpoint must not
                // pass changes that the bitmaps missed, so writing stops; the next start folds them
                // again.
                self.shared.store.poison();
            }
        }
    }

    /// Tells those parts of the engine that keep states in memory what has become durable.
    fn follow(&self, effect: &Effect, position: Position) {
        let Shared { directory, agenda, consumers, policies, ages, leases, trials, .. } =
            &*self.shared;
        let tokens = &self.shared.provider_tokens;
        match effect {
            Effect::Principal(principal) => directory.put(principal),
            Effect::Connection(change) => {
                overlaps::follow(agenda, change.before.as_deref(), &change.after);
                ages.follow(&self.shared, &change.after);
                trials.scheduled.follow(&self.shared, &change.after);
                tokens.follow(change.before.as_deref(), &change.after);
                leases.follow_connection(&change.after, change.row_bytes);
                if change.after.lifecycle.is_erased() {
                    self.shared.close(change.after.id);
                }
            }
            Effect::Leases { changed, .. } => leases.follow(changed),
            Effect::Policies(place, all) => {
                policies.put(place, all);
                ages.look_through_all();
            }
            Effect::Alerts(place, all) => self.shared.alerts.put(place, all, position),
            Effect::Consumer(id, event) => {
                match event {
                    ConsumerEvent::Removed { consumer } => consumers.forget(*id, consumer),
                    ConsumerEvent::Confirmed { replaces, .. } => {
                        if let Some(gone) = replaces {
                            consumers.forget(*id, gone);
                        }
                    }
                }
                agenda.look_again(*id);
            }
            Effect::Ledger(ledger) => self.shared.take_ledger(ledger),
            Effect::Handover { state, .. } => self.shared.handovers.put(state),
            Effect::Revealed { .. } | Effect::None => {}
        }
    }

    /// Returns the connections whose secrets are used for the first time of a day.
    fn used(&mut self, accepted: &[Accepted]) -> Vec<Use> {
        let uses = accepted.iter().filter_map(|accepted| {
            let ordinal = match &accepted.effect {
                Effect::Revealed { ordinal } => Some(*ordinal),
                Effect::Leases { used, .. } | Effect::Handover { used, .. } => *used,
                _ => None,
            };
            Some(Use { ordinal: ordinal?, day: day_of(accepted.metadata.recorded_at) })
        });
        uses.filter(|one| self.used.is_first(*one)).collect()
    }

    fn flush_when_due(&mut self, rows: usize, events: usize, head: Position) {
        self.events_since_flush += u64::try_from(events).unwrap_or(u64::MAX);
        if rows < CHANGED_ROWS_MAX && self.events_since_flush < EVENTS_BETWEEN_FLUSHES {
            return;
        }
        self.events_since_flush = 0;
        if let Err(error) = self.shared.models.load().flush(head) {
            tracing::error!(error = %chain(&error), "cannot write the list indexes");
        }
    }
}

/// Returns the changes to connections.
fn listed(accepted: &[Accepted]) -> Vec<Change<'_>> {
    accepted
        .iter()
        .filter_map(|accepted| {
            let Effect::Connection(change) = &accepted.effect else { return None };
            let (ordinal, before) = (change.ordinal, change.before.as_deref());
            Some(Change { ordinal, before, after: &change.after })
        })
        .collect()
}

fn fresh(accepted: Accepted) -> Fresh {
    let Accepted { metadata, type_name, record, effect, traceparent } = accepted;
    let (after, row_bytes, hides, is_urgent) = if let Effect::Connection(change) = effect {
        let hides = redaction::hides_more(change.before.as_deref(), &change.after);
        (Some(change.after), change.row_bytes, hides, change.is_urgent)
    } else {
        (None, 0, false, false)
    };
    Fresh { metadata, type_name, record, after, row_bytes, hides, is_urgent, traceparent }
}

/// Tells everyone who waits for a group that it is durable, or why not.
fn answer(
    written: Vec<TellWritten>,
    replies: Vec<(ReplyTo, Result<Outcome, ExecuteError>)>,
    fault: Option<&Unavailable>,
) {
    tell(written, fault);
    send(replies, fault);
}

/// Tells those who wait for what has no event.
fn tell(written: Vec<TellWritten>, fault: Option<&Unavailable>) {
    for tell in written {
        // Who does not listen any more is stopping.
        let (Ok(()) | Err(_)) = tell.send(fault.map_or(Ok(()), |fault| Err(fault.clone())));
    }
}

/// Answers everyone in a group. With `fault`, all of them get that error, even for refusals, which
/// may rest on events that were not written.
fn send(replies: Vec<(ReplyTo, Result<Outcome, ExecuteError>)>, fault: Option<&Unavailable>) {
    for (reply, outcome) in replies {
        let outcome = match fault {
            Some(fault) => Err(fault.clone().into()),
            None => outcome,
        };
        if reply.send(outcome).is_err() {
            tracing::debug!("a caller left before its answer");
        }
    }
}
