//! A look at a ledger that nobody serves, which records nothing.

use std::path::Path;

use ledger_domain::{LedgerId, Micros, Position};
use ledger_store::tables::log;
use ledger_vault::Keyring;

use crate::engine::Engine;
use crate::errors::{Fault, OpenError};
use crate::founding::Opening;
use crate::ports::Ports;
use crate::times;

/// What a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// Id of its ledger.
    pub ledger: LedgerId,
    /// Whether its rows have authentication codes; those of earlier versions get them at a start.
    pub has_macs: bool,
    /// The last position; zero if rows have no codes, as they cannot be read before.
    pub head: Position,
    /// When the last event was recorded.
    pub last_event_at: Option<Micros>,
}

impl Engine {
    /// Opens a directory as a start does, and closes it again: checks that the master key is the
    /// ledger's and that the last event can be read. It is not counted as an opening. Blocks.
    ///
    /// Errors: those of a start.
    pub fn inspect(data_dir: &Path, keyring: &Keyring) -> Result<Inspected, OpenError> {
        let opening = Opening::begin(data_dir, keyring)?;
        let ledger = opening.ledger();
        if !opening.has_macs() {
            let head = Position::ZERO;
            return Ok(Inspected { ledger, has_macs: false, head, last_event_at: None });
        }
        let (store, _) = opening.finish(&Ports::default())?;
        let head = log::head(&store).map_err(Fault::from)?;
        let last = Some(head).filter(|head| *head != Position::ZERO);
        let last_event_at = last.map(|head| times::recorded_at(&store, head)).transpose()?;
        Ok(Inspected { ledger, has_macs: true, head, last_event_at })
    }
}
