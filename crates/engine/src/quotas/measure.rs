//! Counts what a workspace uses, in the indexes.

use ledger_domain::{HandoverEvent, LeaseEvent, SecretRevealed, WorkspaceCreated, WorkspaceName};
use ledger_store::Selection;

use super::start_of;
use crate::engine::{Engine, Shared};
use crate::errors::{Fault, chain};
use crate::projections::{audit, filters};
use crate::times::{Since, common};

/// What a workspace uses, besides keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) connections: u64,
    /// Changes today.
    pub(crate) events: u64,
    /// Reveals today. Indexes know those of its own connections, whoever asked.
    pub(crate) reveals: u64,
}

/// The durable events of a day, which are the same for all workspaces.
#[derive(Debug)]
pub(crate) struct Today {
    positions: Selection,
    /// The position after the last event that was looked at.
    end: u64,
}

impl Today {
    /// Finds the events of a day. Blocks.
    pub(crate) fn find(shared: &Shared, day: i64) -> Result<Self, Fault> {
        let (store, head) = (&shared.store, *shared.head.borrow());
        let begun = Since::find(store, head, start_of(day))?.pieces();
        let not_over = Since::find(store, head, start_of(day + 1))?.others();
        let mut positions = Selection::default();
        for piece in common(&begun, &not_over) {
            positions.unite(Selection::range(piece.start, piece.end));
        }
        Ok(Self { positions, end: head.get() + 1 })
    }

    /// Adds the events that have become durable since, all of the same day.
    pub(crate) fn go_on(&mut self, shared: &Shared) {
        let end = shared.head.borrow().get() + 1;
        if end > self.end {
            self.positions.unite(Selection::range(self.end, end));
            self.end = end;
        }
    }
}

/// Counts what a workspace uses, as far as it is durable. Returns `None` while an index is being
/// rebuilt. Blocks.
pub(crate) fn measure(
    shared: &Shared,
    workspace: &WorkspaceName,
    today: &Today,
) -> Result<Option<Used>, Fault> {
    if shared.rebuilding.status().is_some() {
        return Ok(None);
    }
    let models = shared.models.load();
    let of_workspace = filters::active_in(workspace);
    let connections = models.lists.select(&of_workspace)?.map_or(0, |found| found.len());
    let here = vec![audit::workspace(workspace.as_str())];
    let [handed_over, ends @ ..] = HandoverEvent::TYPE_NAMES.map(audit::event_type);
    let leases = LeaseEvent::TYPE_NAMES.map(audit::event_type);
    let [taken, _renewed, noted @ ..] = leases;
    // What was handed over counts as a reveal when that was asked for, and its end is free. A lease
    // is one reveal, whatever is read under it; a renewal is a change.
    let revealed = vec![audit::event_type(SecretRevealed::TYPE_NAME), taken, handed_over];
    let free = ends.into_iter().chain(noted).collect();
    let frozen = models.audit.freeze(here.iter().chain(&revealed).chain(&free));
    let all = frozen.select(Some(today.positions.clone()), &[here])?.unwrap_or_default();
    let events = all.len();
    let reveals = frozen.select(Some(all.clone()), &[revealed])?.map_or(0, |found| found.len());
    let free = frozen.select(Some(all), &[free])?.map_or(0, |found| found.len());
    Ok(Some(Used { connections, events: events.saturating_sub(reveals + free), reveals }))
}

impl Engine {
    /// Counts the workspaces and the connections that are not archived, as far as they are durable.
    /// Each has a latest event that is published and does not expire. Returns `None` while an index
    /// is being rebuilt. Blocks.
    pub fn lasting_states(&self) -> Result<Option<u64>, Fault> {
        let shared = &self.shared;
        if shared.rebuilding.status().is_some() {
            return Ok(None);
        }
        let models = shared.models.load();
        let active = models.lists.select(&[filters::active()])?.map_or(0, |found| found.len());
        // No workspace is ever removed.
        let made = [vec![audit::event_type(WorkspaceCreated::TYPE_NAME)]];
        let workspaces = models.audit.select(&made)?.map_or(0, |found| found.len());
        Ok(Some(active + workspaces))
    }
}

/// Tells that a count failed because something stored is damaged, which must stop nobody else.
pub(crate) fn log_uncounted(workspace: &WorkspaceName, fault: &Fault) {
    let error = chain(fault);
    tracing::error!(%error, %workspace, "cannot count what a workspace uses of its quotas");
}
