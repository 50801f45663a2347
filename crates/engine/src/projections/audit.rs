//! The audit read model: positions by actor, type, workspace and correlation id.
//!
//! The stream index knows the connection of each event, and the receipts know its command; both
//! belong to the log, not to this read model.

use ledger_contract::records::{Frame, Metadata};
use ledger_domain::MessageId;
use ledger_store::{Changes, Gathered, Term};

const ACTOR: u8 = 1;
const TYPE: u8 = 2;
const WORKSPACE: u8 = 3;
const CORRELATION: u8 = 4;

/// The indexed properties of an event.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) metadata: &'a Metadata,
    pub(crate) type_name: &'a str,
}

pub(crate) fn actor(actor: &str) -> Term {
    Term::new(ACTOR, actor)
}

pub(crate) fn event_type(name: &str) -> Term {
    Term::new(TYPE, name)
}

pub(crate) fn workspace(name: &str) -> Term {
    Term::new(WORKSPACE, name)
}

pub(crate) fn correlation(id: &MessageId) -> Term {
    Term::new(CORRELATION, id.as_str())
}

/// Adds an event to changes of the bitmaps.
pub(crate) fn index(changes: &mut Changes, facts: &Facts<'_>) {
    let metadata = facts.metadata;
    let position = metadata.position.get();
    changes.insert(actor(metadata.actor.as_str()), position);
    changes.insert(event_type(facts.type_name), position);
    changes.insert(workspace(metadata.workspace.as_str()), position);
    if let Some(id) = &metadata.provenance.correlation_id {
        changes.insert(correlation(id), position);
    }
}

/// Adds an event to bitmaps that contain nothing about it yet.
pub(crate) fn gather(gathered: &mut Gathered, frame: &Frame<'_>) {
    let position = frame.position.get();
    gathered.add(ACTOR, &frame.actor, position);
    gathered.add(TYPE, frame.type_name, position);
    gathered.add(WORKSPACE, &frame.workspace, position);
    if let Some(id) = &frame.correlation_id {
        gathered.add(CORRELATION, id, position);
    }
}
