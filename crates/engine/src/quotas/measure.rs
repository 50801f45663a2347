//! Counts what a workspace uses, in the indexes.

use ledger_domain::{Micros, SecretRevealed, WorkspaceName};
use ledger_store::{Selection, Term};

use super::{day_of, start_of};
use crate::engine::Shared;
use crate::errors::{Fault, chain};
use crate::models::Models;
use crate::projections::{audit, filters};
use crate::times::Since;

/// What a workspace uses, besides keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) connections: u64,
    /// Changes today.
    pub(crate) events: u64,
    /// Reveals today.
    pub(crate) reveals: u64,
}

/// Counts what a workspace uses, as far as it is durable. Returns `None` while an index is being
/// rebuilt. Blocks.
pub(crate) fn measure(
    shared: &Shared,
    workspace: &WorkspaceName,
    now: Micros,
) -> Result<Option<Used>, Fault> {
    if shared.rebuilding.status().is_some() {
        return Ok(None);
    }
    let models = shared.models.load();
    let of_workspace = filters::active_in(workspace);
    let connections = models.lists.select(&of_workspace)?.map_or(0, |found| found.len());
    let head = *shared.head.borrow();
    let mut today = Selection::default();
    for piece in Since::find(&shared.store, head, start_of(day_of(now)))?.pieces() {
        today.unite(Selection::range(piece.start, piece.end));
    }
    let here = vec![audit::workspace(workspace.as_str())];
    let all = matching(&models, &today, std::slice::from_ref(&here))?;
    let revealed = vec![audit::event_type(SecretRevealed::TYPE_NAME)];
    let reveals = matching(&models, &today, &[here, revealed])?;
    Ok(Some(Used { connections, events: all.saturating_sub(reveals), reveals }))
}

/// Tells that a count failed because something stored is damaged, which must stop nobody else.
pub(crate) fn log_uncounted(workspace: &WorkspaceName, fault: &Fault) {
    let error = chain(fault);
    tracing::error!(%error, %workspace, "cannot count what a workspace uses of its quotas");
}

fn matching(models: &Models, within: &Selection, terms: &[Vec<Term>]) -> Result<u64, Fault> {
    let frozen = models.audit.freeze(terms.iter().flatten());
    let found = frozen.select(Some(within.clone()), terms)?;
    Ok(found.map_or(0, |found| found.len()))
}
