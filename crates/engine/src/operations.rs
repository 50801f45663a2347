//! Long-running work that an operator starts: it reports its progress and ends with a report.

use ledger_contract::backups::{BackupReport, BackupRequest};
use ledger_contract::errors::Problem;
use ledger_contract::master_keys::{RewrapReport, RewrapRequest, ShareReport, ShareRequest};
use ledger_contract::operations::{
    Progress, ReplayReport, ReplayRequest, StepDownReport, StepDownRequest,
};
use serde::Serialize;

use crate::engine::Engine;
use crate::request::RequestContext;

/// A request for an operation. Each door runs it in its own way.
pub trait Operation: Send + 'static {
    /// Its name in subjects, routes and the log.
    const NAME: &'static str;
    /// Whether the request has a secret, and comes over NATS only if it is sealed.
    const IS_SECRET: bool = false;
    /// What it ends with.
    type Report: Serialize + Send + 'static;

    /// Does the work for somebody. Blocks.
    fn run(
        self,
        engine: &Engine,
        by: RequestContext,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Self::Report, Problem>;
}

impl Operation for ReplayRequest {
    const NAME: &'static str = "replay";
    type Report = ReplayReport;

    fn run(
        self,
        engine: &Engine,
        _: RequestContext,
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
        _: RequestContext,
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
        _: RequestContext,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<RewrapReport, Problem> {
        engine.rewrap(progress)
    }
}

impl Operation for ShareRequest {
    const NAME: &'static str = "give-share";
    const IS_SECRET: bool = true;
    type Report = ShareReport;

    fn run(
        self,
        engine: &Engine,
        by: RequestContext,
        _: &(dyn Fn(Progress) + Sync),
    ) -> Result<ShareReport, Problem> {
        engine.give_share(&self, by)
    }
}

impl Operation for StepDownRequest {
    const NAME: &'static str = "step-down";
    type Report = StepDownReport;

    fn run(
        self,
        engine: &Engine,
        _: RequestContext,
        _: &(dyn Fn(Progress) + Sync),
    ) -> Result<StepDownReport, Problem> {
        engine.step_down()
    }
}

#[cfg(test)]
mod tests {
    use ledger_contract::operations::OPERATIONS;

    use super::*;

    #[test]
    fn every_operation_has_its_name() {
        let names = [
            ReplayRequest::NAME,
            BackupRequest::NAME,
            RewrapRequest::NAME,
            ShareRequest::NAME,
            StepDownRequest::NAME,
        ];
        assert_eq!(names, OPERATIONS);
    }
}
