//! Backups of a ledger that is served. What makes them is another crate's; the doors reach it
//! through the engine.

use std::fmt;
use std::sync::Arc;

use ledger_contract::backups::{BackupReport, BackupRequest, BackupStatus};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::Progress;
use parking_lot::RwLock;

use crate::engine::Engine;

/// Makes backups, and knows what became of them.
pub trait Backups: fmt::Debug + Send + Sync {
    /// Backs an engine up, unless that is being done. Blocks.
    fn run(
        &self,
        engine: &Engine,
        request: BackupRequest,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<BackupReport, Problem>;

    /// Returns what the ledger's status says about them.
    fn status(&self) -> BackupStatus;
}

/// What makes backups, if the server makes any.
#[derive(Debug, Default)]
pub(crate) struct BackupSlot(RwLock<Option<Arc<dyn Backups>>>);

impl Engine {
    /// Makes backups with `backups` from now on.
    pub fn set_backups(&self, backups: Arc<dyn Backups>) {
        *self.shared.backups.0.write() = Some(backups);
    }

    /// Backs the ledger up to where its server puts backups. Blocks.
    ///
    /// Errors: `backup_off` if it makes none; `backup_running`; those of the target.
    pub fn backup(
        &self,
        request: BackupRequest,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<BackupReport, Problem> {
        let backups = self.shared.backups.0.read().clone();
        let backups = backups.ok_or_else(|| Problem::new(Code::BackupOff))?;
        backups.run(self, request, progress)
    }

    /// Returns what is known of backups, if the server makes any.
    pub fn backup_status(&self) -> Option<BackupStatus> {
        self.shared.backups.0.read().as_ref().map(|backups| backups.status())
    }
}
