//! Since when the active master key is it.

use ledger_contract::records::{Happened, Record};
use ledger_domain::{LedgerEvent, MasterKeyId, Micros, Position, Version};
use ledger_store::tables::{StreamKey, streams};
use parking_lot::Mutex;

use crate::engine::Engine;
use crate::errors::Fault;
use crate::{history, times};

/// Since when which key is the active one.
#[derive(Debug, Default)]
pub(crate) struct ActiveSince(Mutex<Option<(MasterKeyId, Micros)>>);

impl Engine {
    /// Returns when the active master key became it: at the latest rotation to it, or with the
    /// first event of the ledger. Reads the events of the ledger itself once for each key.
    pub(super) fn active_key_since(&self) -> Result<Option<Micros>, Fault> {
        let shared = &self.shared;
        let active = shared.ledger.read().active;
        let mut known = shared.active_since.0.lock();
        if let Some((key, since)) = *known
            && key == active
        {
            return Ok(Some(since));
        }
        let mut since = None;
        let stream = StreamKey::ledger(self.ledger_id());
        for position in streams::scan(&shared.store, stream, Version::new(1)) {
            let Record { metadata, happened } = history::record(&shared.store, position?)?;
            if let Happened::Ledger(LedgerEvent::MasterKeyRotated { to, .. }) = happened
                && to == active
            {
                since = Some(metadata.recorded_at);
            }
        }
        if since.is_none() && self.head() > Position::ZERO {
            since = Some(times::recorded_at(&shared.store, Position::new(1))?);
        }
        *known = since.map(|since| (active, since));
        Ok(since)
    }
}
