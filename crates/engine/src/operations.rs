//! Long-running work that an operator starts: it reports its progress and ends with a report.

use ledger_contract::backups::{BackupReport, BackupRequest};
use ledger_contract::errors::Problem;
use ledger_contract::master_keys::{RewrapReport, RewrapRequest};
use ledger_contract::operations::{Progress, ReplayReport, ReplayRequest};
use serde::Serialize;

use crate::engine::Engine;

/// A request for an operation. Each door runs it in its own way.
pub trait Operation: Send + 'static {
    /// Its name in subjects, routes and the log.
    const NAME: &'static str;
    /// What it ends with.
    type Report: Serialize + Send + 'static;

    /// Does the work. Blocks.
    fn run(
        self,
        engine: &Engine,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self::Report, Problem>;
}

impl Operation for ReplayRequest {
    const NAME: &'static str = "replay";
    type Report = ReplayReport;

    fn run(
        self,
        engine: &Engine,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<ReplayReport, Problem> {
        Ok(engine.replay(&self, progress)?)
    }
}

impl Operation for BackupRequest {
    const NAME: &'static str = "backup";
    type Report = BackupReport;

    fn run(
        self,
        engine: &Engine,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<BackupReport, Problem> {
        engine.backup(self, progress)
    }
}

impl Operation for RewrapRequest {
    const NAME: &'static str = "rewrap";
    type Report = RewrapReport;

    fn run(
        self,
        engine: &Engine,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<RewrapReport, Problem> {
        engine.rewrap(progress)
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::operations::OPERATIONS;

    use super::*;

    #[test]
    fn every_operation_has_its_name() {
        let names = [ReplayRequest::NAME, BackupRequest::NAME, RewrapRequest::NAME];
        assert_eq!(names, OPERATIONS);
    }
}
