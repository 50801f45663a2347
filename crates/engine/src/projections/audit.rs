//! The audit read model: positions by actor, type, workspace and correlation id.
//!
//! The stream index knows the connection of each event, and the receipts know the commands whose
//! ids are the callers'; both belong to the log, not to this read model.

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
    let Facts { metadata, type_name } = facts;
    let correlation = metadata.provenance.correlation_id.as_ref().map(MessageId::as_str);
    let (actor, workspace) = (metadata.actor.as_str(), metadata.workspace.as_str());
    for (field, value) in indexed(actor, type_name, workspace, correlation) {
        changes.insert(Term::new(field, value), metadata.position.get());
    }
}

/// Adds an event to bitmaps that contain nothing about it yet.
pub(crate) fn gather(gathered: &mut Gathered, frame: &Frame<'_>) {
    let Frame { actor, type_name, workspace, correlation_id, .. } = frame;
    for (field, value) in indexed(actor, type_name, workspace, correlation_id.as_deref()) {
        gathered.add(field, value, frame.position.get());
    }
}

/// Returns all that is indexed of an event, as fields and values.
fn indexed<'a>(
    actor: &'a str,
    type_name: &'a str,
    workspace: &'a str,
    correlation: Option<&'a str>,
) -> impl Iterator<Item = (u8, &'a str)> {
    let always = [(ACTOR, actor), (TYPE, type_name), (WORKSPACE, workspace)];
    always.into_iter().chain(correlation.map(|id| (CORRELATION, id)))
}
