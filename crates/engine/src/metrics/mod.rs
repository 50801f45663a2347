//! What the engine measures of itself for the page of metrics.

mod census;
mod health;
mod master_key;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ledger_contract::backups::BackupStatus;
use ledger_contract::commands::Verb;
use ledger_contract::errors::Code;
use ledger_contract::queries::{AlertsStatus, HttpStatus, NatsStatus};
use ledger_domain::Micros;
use ledger_metrics::{CommandOutcome, Measure, Metrics, Page, table};
use ledger_store::tables::connections;

pub(crate) use census::{CENSUS_INTERVAL, Census, take_census};
pub(crate) use master_key::ActiveSince;

use crate::alerts::AlertTotals;
use crate::engine::Engine;
use crate::errors::{ExecuteError, chain};
use crate::times;

impl Engine {
    /// Returns the counters, to which further parts of a server may be added.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// Returns the page of metrics. Blocks.
    pub fn metrics_page(&self) -> Arc<str> {
        self.shared.metrics.page(self)
    }

    /// Counts a command that was answered: with success, and whether that was known before, or with
    /// an error.
    pub(crate) fn count_command(
        &self,
        verb: Verb,
        done: Result<bool, &ExecuteError>,
        started: Instant,
    ) {
        let outcome = match done {
            Ok(false) => CommandOutcome::Accepted,
            Ok(true) => CommandOutcome::Repeated,
            Err(error) => CommandOutcome::of_error(error.code().class()),
        };
        self.shared.metrics.counters.command(verb, outcome, started.elapsed());
    }

    fn measure_ledger(&self, page: &mut Page) {
        let shared = &self.shared;
        page.gauge(table::BUILD_INFO, &[env!("CARGO_PKG_VERSION")], 1.0);
        page.switch(table::READY, self.ready().is_ok());
        page.switch(table::POISONED, shared.store.is_poisoned());
        page.switch(table::SEALED, self.is_sealed());
        page.switch(table::LOG_SIGNING, shared.transparency.refusal().is_none());
        page.number(table::EPOCH, &[], self.term());
        page.number(table::POSITION, &[], self.head().get());
        let models = shared.models.load();
        if let Ok(number) = connections::next_ordinal(&shared.store, &models.connections) {
            page.number(table::CONNECTIONS, &[], number.into());
        }
        let behind = self.clock_behind().map_or(0, |clock| clock.behind_seconds);
        page.number(table::CLOCK_BEHIND, &[], behind);
        page.number(table::QUEUED, &[], u64::try_from(self.queued()).unwrap_or(u64::MAX));
        for (code, count) in shared.refusals.each() {
            page.count(table::REFUSALS, &[Code::as_str(code)], count);
        }
        if let Some(rebuild) = shared.rebuilding.status() {
            page.number(table::REBUILD_DONE, &[], rebuild.done);
            page.number(table::REBUILD_TOTAL, &[], rebuild.total);
        }
    }

    fn measure_secrets(&self, page: &mut Page) {
        let (shared, now) = (&self.shared, self.clock().now());
        page.number(table::LEASES, &[], count(shared.leases.len()));
        let pending = shared.handovers.pending().into_values().sum();
        page.number(table::HANDOVERS, &[], count(pending));
        page.number(table::KEYS_ENDING, &[], shared.directory.ending_soon(now));
        if let Some(counted) = shared.census.latest() {
            page.number(table::SECRETS_BY_AGE, &["due"], counted.due);
            page.number(table::SECRETS_BY_AGE, &["overdue"], counted.overdue);
        }
        match self.master_key_status() {
            Ok(keys) => page.number(table::LEFT_BEHIND, &[], keys.left_behind),
            Err(error) => tracing::debug!(error = %chain(&error), "master keys are not measured"),
        }
        match self.active_key_since() {
            Ok(Some(since)) => page.gauge(table::MASTER_KEY_AGE, &[], seconds_between(since, now)),
            // There is no event yet.
            Ok(None) => {}
            Err(error) => tracing::debug!(error = %chain(&error), "master keys are not measured"),
        }
        if let Some(scheduled) = shared.trials.scheduled.status() {
            page.number(table::SCHEDULED, &[], scheduled.connections);
        }
    }

    fn measure_nats(&self, status: &NatsStatus, page: &mut Page) {
        page.switch(table::OWNER, status.owner);
        page.count(table::RATE_LIMITED, &["nats"], status.requests_rate_limited);
        page.count(table::LOCKED_OUT, &["nats"], status.requests_locked_out);
        let (head, published) = (self.head(), self.published());
        let lag = head.get().saturating_sub(published.get());
        page.number(table::RELAY_EVENTS, &[], lag);
        let oldest = (lag > 0).then(|| times::recorded_at(&self.shared.store, published.next()));
        let waits = match oldest.transpose() {
            Ok(at) => at.map_or(0.0, |at| seconds_between(at, self.clock().now())),
            // Whoever reads a damaged event is told.
            Err(_) => return,
        };
        page.gauge(table::RELAY_SECONDS, &[], waits);
    }

    fn measure_store(&self, page: &mut Page) {
        if let Ok(room) = self.room() {
            page.number(table::DISK_FREE, &[], room.free_bytes);
            page.number(table::DISK_SIZE, &[], room.size_bytes);
        }
        let figures = self.shared.store.figures();
        page.number(table::STORE_FILES, &[], figures.files_bytes);
        page.number(table::STORE_MEMTABLES, &[], figures.memtables_bytes);
        page.number(table::STORE_CACHE, &[], figures.cache_bytes);
        page.number(table::STORE_PENDING, &[], figures.pending_compaction_bytes);
        page.number(table::STORE_COMPACTIONS, &[], figures.compactions_pending);
        page.number(table::STORE_RUNNING, &[], figures.compactions_running);
        page.switch(table::STORE_STOPPED, figures.writes_stopped);
        page.number(table::STORE_DELAYED, &[], figures.delayed_write_rate);
        page.count(table::STORE_ERRORS, &[], figures.background_errors);
    }
}

impl Measure for Engine {
    fn measure(&self, page: &mut Page) {
        self.measure_ledger(page);
        self.measure_secrets(page);
        self.measure_store(page);
        self.measure_health(page);
        if let Some(status) = self.shared.fence.status() {
            self.measure_nats(&status, page);
        }
        if let Some(status) = self.shared.http_source.status() {
            measure_http(status, page);
        }
        if let Some(status) = self.backup_status() {
            measure_backups(&status, page);
        }
        let states = &self.shared.alert_states;
        if let Some(status) = states.status(&self.alerts(), self.head()) {
            measure_alerts(status, page);
        }
        let AlertTotals { delivered, failed } = states.totals();
        page.count(table::ALERTS_DELIVERED, &[], delivered.load(Ordering::Relaxed));
        page.count(table::ALERTS_FAILED, &[], failed.load(Ordering::Relaxed));
    }
}

fn measure_http(status: HttpStatus, page: &mut Page) {
    page.number(table::HTTP_OPEN, &[], status.connections_open);
    page.count(table::HTTP_CONNECTIONS_REFUSED, &[], status.connections_refused);
    page.count(table::RATE_LIMITED, &["http"], status.requests_rate_limited);
    page.count(table::LOCKED_OUT, &["http"], status.requests_locked_out);
}

fn measure_backups(status: &BackupStatus, page: &mut Page) {
    if let Some(every) = status.every_seconds {
        page.number(table::BACKUP_EVERY, &[], every);
    }
    if let Some(good) = &status.last_good {
        page.number(table::BACKUP_AGE, &[], good.age_seconds);
        page.number(table::BACKUP_POSITION, &[], good.position);
    }
    let failures = status.last_failure.as_ref().map_or(0, |failure| failure.times);
    page.number(table::BACKUP_FAILURES, &[], failures.into());
}

fn measure_alerts(status: AlertsStatus, page: &mut Page) {
    let AlertsStatus { alerts, disabled, down, .. } = status;
    let working = alerts.saturating_sub(disabled).saturating_sub(down);
    for (state, number) in [("enabled", working), ("disabled", disabled), ("down", down)] {
        page.number(table::ALERTS, &[state], number);
    }
    page.number(table::ALERTS_BEHIND, &[], status.behind);
    page.number(table::ALERTS_WAITING, &[], status.waiting);
    page.number(table::DEAD_LETTERS, &[], status.dead_letters);
}

/// Returns a time as seconds; zero if the clock is behind.
#[expect(clippy::cast_precision_loss, reason = "metrics have no other numbers")]
fn seconds_between(earlier: Micros, later: Micros) -> f64 {
    later.get().saturating_sub(earlier.get()).max(0) as f64 / 1e6
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
