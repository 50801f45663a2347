//! Overlaps: rotations whose former generation is still given out, and the consumers that change
//! over.

mod seen;
mod watch;

pub(crate) use seen::{SeenConsumers, keep_seen};
pub(crate) use watch::{OVERLAPS, confirmed, follow};

use ledger_store::tables::connections;

use crate::agenda::Agenda;
use crate::errors::Fault;
use crate::models::Models;

/// Puts every connection with a former generation on the agenda.
pub(crate) fn load(models: &Models) -> Result<Agenda, Fault> {
    let overlaps = connections::overlaps(&models.store, &models.connections);
    let ids = overlaps.map(|row| row.map(|(_, id)| id)).collect::<Result<Vec<_>, _>>()?;
    Ok(Agenda::of(ids.into_iter()))
}
