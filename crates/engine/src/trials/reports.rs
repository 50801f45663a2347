//! What users of a connection report: that it did not work for them.
//!
//! Reports are counted in memory, and lead to a test where there is one. So a storm of them is one
//! event, and whoever reports a failure that is none changes nothing.

use ledger_contract::commands::{ConnectionRef, FailureReport, ParsedCommand};
use ledger_contract::reply::ReportTaken;
use ledger_domain::connection::{HealthState, check_expected};
use ledger_domain::{
    CheckedText as _, Command, Connection, ConnectionId, Micros, Prose, Rejection, WorkspaceName,
};
use parking_lot::Mutex;

use super::scheduled;
use crate::access::{Caller, Permit};
use crate::engine::Engine;
use crate::errors::ExecuteError;
use crate::executed::Executed;
use crate::request::RequestContext;
use crate::writer::{Recent, Work};

/// The actor of the event that follows from reports.
const ACTOR: &str = "system:reports";
/// How long reports are counted together, in microseconds.
const TOGETHER_MICROS: i64 = 60 * 1_000_000;
/// The least time between two tests that reports lead to, in microseconds.
const BETWEEN_TESTS_MICROS: i64 = 10 * 1_000_000;
/// Reports from which on a connection that cannot be tested is degraded.
const MARKED_FROM: u64 = 3;
/// Connections whose reports are counted; those that were reported least recently are forgotten.
const CONNECTIONS_MAX: usize = 16_384;

/// The reports of the last minute.
#[derive(Debug)]
pub(crate) struct Reports(Mutex<Recent<ConnectionId, Counted>>);

impl Default for Reports {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(CONNECTIONS_MAX)))
    }
}

/// The reports of one connection.
#[derive(Clone, Copy, Debug)]
struct Counted {
    since: Micros,
    count: u64,
    tested_at: Option<Micros>,
}

impl Reports {
    /// Counts a report. Returns how many there were within a minute, and whether a test is due.
    fn count(&self, id: ConnectionId, now: Micros) -> (u64, bool) {
        let mut all = self.0.lock();
        let since = |then: Micros| now.get().saturating_sub(then.get());
        let before = all.get(&id).copied();
        let tested_at = before.and_then(|before| before.tested_at);
        let together = before.filter(|one| (0..TOGETHER_MICROS).contains(&since(one.since)));
        let (since_when, count) = together.map_or((now, 0), |one| (one.since, one.count));
        let count = count.saturating_add(1);
        all.set(id, Counted { since: since_when, count, tested_at });
        let was_tested = tested_at.is_some_and(|at| (0..BETWEEN_TESTS_MICROS).contains(&since(at)));
        (count, !was_tested)
    }

    fn note_test(&self, id: ConnectionId, now: Micros) {
        let mut all = self.0.lock();
        if let Some(counted) = all.get(&id).copied() {
            all.set(id, Counted { tested_at: Some(now), ..counted });
        }
    }
}

impl Engine {
    /// Takes a report of a failure.
    ///
    /// Errors: `connection_unknown`, `forbidden`, `secret_field_unknown`.
    pub(crate) fn report_failure(
        &self,
        workspace: &WorkspaceName,
        target: &ConnectionRef,
        report: &FailureReport,
        mut context: RequestContext,
    ) -> Result<Executed, ExecuteError> {
        let command =
            ParsedCommand::ReportFailure { target: target.clone(), report: report.clone() };
        let attempt = context.attempt(workspace, &command);
        let taken = (|| {
            self.ready()?;
            self.in_time(context.deadline)?;
            self.renew(&mut context.caller)?;
            let permit = Permit::of(context.caller.clone(), workspace, &command)?;
            let connection = self.reached(workspace, target)?;
            permit.check_before(&connection)?;
            check_expected(connection.version, context.expected)?;
            self.follow_up(&connection, report)
        })();
        taken.inspect_err(|error: &ExecuteError| {
            self.refused(error.code(), &attempt);
        })
    }

    /// Does what follows from a report.
    fn follow_up(
        &self,
        connection: &Connection,
        report: &FailureReport,
    ) -> Result<Executed, ExecuteError> {
        connection.lifecycle.check_active()?;
        for field in report.generations.keys() {
            if !connection.secrets.contains_key(field) {
                return Err(Rejection::SecretFieldUnknown { field: field.clone() }.into());
            }
        }
        let is_outdated = report.generations.iter().any(|(field, used)| {
            connection.secrets.get(field).is_some_and(|secret| secret.generation != *used)
        });
        if is_outdated {
            return Ok(self.taken(connection, "outdated", 0));
        }
        let reports = &self.shared.trials.reports;
        let (count, may_test) = reports.count(connection.id, self.clock().now());
        // The ledger itself would follow a reference, with more rights than who reports.
        let can_test = self.sender().is_ok()
            && self.can_be_tested(connection)
            && !scheduled::refers_elsewhere(connection);
        let is_known =
            matches!(connection.health.state, HealthState::Degraded | HealthState::Failed);
        let action = if can_test {
            if may_test && self.begin_reported_test(connection) { "test" } else { "wait" }
        } else if is_known {
            "known"
        } else if count < MARKED_FROM {
            "count"
        } else {
            self.mark_reported(connection, report)?;
            "mark"
        };
        Ok(self.taken(connection, action, count))
    }

    /// Begins a test, unless one is being made or too many are.
    fn begin_reported_test(&self, connection: &Connection) -> bool {
        let trials = &self.shared.trials;
        let provider = &self.shared.catalogue.of(connection.details.provider.as_str()).id;
        let Ok(running) = trials.begin_scheduled(connection.id) else { return false };
        let Some(place) = trials.scheduled.enter(provider) else { return false };
        trials.reports.note_test(connection.id, self.clock().now());
        let (engine, connection) = (self.clone(), connection.clone());
        tokio::spawn(async move {
            scheduled::test(&engine, connection).await;
            drop((running, place));
        });
        true
    }

    /// Has the writer record that a connection is degraded. Of reports at the same time, one is.
    fn mark_reported(
        &self,
        connection: &Connection,
        report: &FailureReport,
    ) -> Result<(), ExecuteError> {
        let status = report.status.map(|status| format!(" ({status})")).unwrap_or_default();
        let outcome = report.outcome.as_str();
        let reason = format!("reported by its users within a minute: {outcome}{status}");
        let command = Command::MarkDegraded { reason: Some(Prose::stored(reason.into())) };
        let work =
            Work::Connection { id: connection.id, command: Box::new(command), new_key: None };
        let answer = self.submit_own(Caller::system(ACTOR), connection.workspace.clone(), work)?;
        let id = connection.id;
        tokio::spawn(async move {
            match answer.await {
                // Somebody else was first, or the ledger is closing.
                Ok(Ok(_) | Err(ExecuteError::Rejected(_))) | Err(_) => {}
                Ok(Err(error)) => tracing::warn!(
                    %error, ledger.connection.id = %id, "what was reported is not recorded"
                ),
            }
        });
        Ok(())
    }

    fn taken(&self, connection: &Connection, action: &str, reports: u64) -> Executed {
        let report = ReportTaken {
            action: action.to_owned(),
            reports,
            health: connection.health.state.as_str().to_owned(),
        };
        Executed { report: Some(report), ..self.unchanged(connection) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_a_minute_are_counted_together_and_tests_are_ten_seconds_apart() {
        let id = ConnectionId::from_bytes([1; 16]);
        let at = |seconds: i64| Micros::new(seconds * 1_000_000);
        let reports = Reports::default();
        assert_eq!(reports.count(id, at(0)), (1, true));
        reports.note_test(id, at(0));
        assert_eq!(reports.count(id, at(9)), (2, false));
        assert_eq!(reports.count(id, at(10)), (3, true));
        assert_eq!(reports.count(id, at(59)), (4, true));
        assert_eq!(reports.count(id, at(60)), (1, true));
        reports.note_test(id, at(60));
        assert_eq!(reports.count(id, at(30)), (1, true), "the clock went back");
    }
}
