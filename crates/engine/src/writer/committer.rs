//! Makes groups durable, lets readers see them, and answers their callers.

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender};
use ledger_contract::errors::Problem;
use ledger_store::Durability;

use super::Group;
use crate::engine::Shared;
use crate::faults;
use crate::models::Change;
use crate::projections::audit::Facts;

/// Bitmap rows that may differ from the disk before they are written out.
const CHANGED_ROWS_MAX: usize = 8_192;
/// Events after which bitmaps are written out whatever their number; bounds the work of a start
/// after a kill.
const EVENTS_BETWEEN_FLUSHES: u64 = 20_000;

/// The committing thread.
pub(crate) struct Committer {
    shared: Arc<Shared>,
    ready: Sender<()>,
    events_since_flush: u64,
}

impl Committer {
    pub(crate) fn new(shared: Arc<Shared>, ready: Sender<()>) -> Self {
        Self { shared, ready, events_since_flush: 0 }
    }

    /// Works until the decider is gone.
    pub(crate) fn run(mut self, groups: &Receiver<Group>) {
        for group in groups {
            self.commit(group);
            if self.ready.send(()).is_err() {
                break;
            }
        }
    }

    fn commit(&mut self, group: Group) {
        let Group { batch, accepted, replies, head } = group;
        if accepted.is_empty() {
            // Only refusals and repeats; but a repeat may be of a command in the group before,
            // which is durable by now.
            return send(replies, None);
        }
        if let Err(error) = self.shared.store.commit(batch, Durability::Synced) {
            return send(replies, Some(&faults::from_append(&error)));
        }
        let listed: Vec<Change<'_>> = accepted
            .iter()
            .filter_map(|accepted| accepted.change.as_ref())
            .map(|change| Change {
                ordinal: change.ordinal,
                before: change.before.as_deref(),
                after: &change.after,
            })
            .collect();
        let audited: Vec<Facts<'_>> = accepted
            .iter()
            .map(|event| Facts { metadata: &event.metadata, type_name: event.type_name })
            .collect();
        match self.shared.models.load().index(&listed, &audited) {
            Ok(rows) => self.flush_when_due(rows, accepted.len(), head),
            Err(error) => {
                let error = faults::chain(&error);
                tracing::error!(%error, "lists are behind; `connledger replay` rebuilds them");
            }
        }
        self.shared.head.send_replace(head);
        send(replies, None);
    }

    fn flush_when_due(&mut self, rows: usize, events: usize, head: ledger_domain::Position) {
        self.events_since_flush += u64::try_from(events).unwrap_or(u64::MAX);
        if rows < CHANGED_ROWS_MAX && self.events_since_flush < EVENTS_BETWEEN_FLUSHES {
            return;
        }
        self.events_since_flush = 0;
        if let Err(error) = self.shared.models.load().flush(head) {
            tracing::error!(error = %faults::chain(&error), "cannot write the list indexes");
        }
    }
}

/// Answers everyone in a group; with `fault`, those whose command was accepted hear that instead.
fn send(
    replies: Vec<(super::ReplyTo, Result<crate::execute::Executed, Problem>)>,
    fault: Option<&Problem>,
) {
    for (reply, outcome) in replies {
        let outcome = match fault {
            Some(fault) => outcome.and(Err(fault.clone())),
            None => outcome,
        };
        if reply.send(outcome).is_err() {
            tracing::debug!("a caller went away before its answer");
        }
    }
}
