//! The query for how long connections worked.

mod spans;

use ledger_contract::Moment;
use ledger_contract::commands::ConnectionRef;
use ledger_contract::queries::uptime::{CONNECTIONS_MAX, EVENTS_MAX, STEPS, STEPS_MAX, StepView};
use ledger_contract::queries::{ListQuery, UptimeQuery, UptimeView};
use ledger_contract::records::{Happened, Record};
use ledger_contract::time;
use ledger_domain::{Connection, InvalidField, Lifecycle, Micros, Version, evolve};
use ledger_store::tables::{StreamKey, streams};

use super::Reader;
use super::list::ListOptions;
use crate::errors::{Fault, QueryError};
use crate::{history, times};
use spans::{Course, Sums, Window, is_failing};

/// How long ago the time begins by default.
const SINCE: &str = "7d";

impl Reader<'_> {
    /// Returns how long connections were in each state of health. Blocks.
    ///
    /// Errors: `field_invalid`, `connection_unknown`, `forbidden`.
    pub fn uptime(&self, query: &UptimeQuery) -> Result<UptimeView, QueryError> {
        let until = self.engine.clock().now();
        let since = Moment::parse("since", query.since.as_deref().unwrap_or(SINCE))?.before(until);
        if since >= until {
            return Err(InvalidField::new("since", "must be in the past").into());
        }
        let steps = query.steps.unwrap_or(STEPS);
        if !(1..=STEPS_MAX).contains(&steps) {
            let problem = format!("must be a whole number from 1 to {STEPS_MAX}");
            return Err(InvalidField::new("steps", problem).into());
        }
        if query.connection.is_some() && query.provider.is_some() {
            let problem = "cannot be combined with connection";
            return Err(InvalidField::new("provider", problem).into());
        }
        let (connections, more) = self.counted(query)?;
        let window = Window { from: since, until, steps };
        let store = &self.engine.shared.store;
        let first = times::first_at(store, self.engine.head(), since)?;
        let mut sums = Sums::new(window);
        let (mut left, mut truncated) = (EVENTS_MAX, more);
        for connection in &connections {
            if left == 0 {
                truncated = true;
                break;
            }
            truncated |= !self.add_course(connection, (window, first), &mut left, &mut sums)?;
        }
        Ok(view(&sums, window, truncated))
    }

    /// Returns the connections that are counted, and whether there are more.
    fn counted(&self, query: &UptimeQuery) -> Result<(Vec<Connection>, bool), QueryError> {
        if let Some(name) = &query.connection {
            let target = ConnectionRef::parse("connection", name)?;
            return Ok((vec![self.readable(&target)?], false));
        }
        let provider = query.provider.iter().cloned().collect();
        let list = ListQuery { provider, ..ListQuery::default() };
        let options = ListOptions { query: list, take: CONNECTIONS_MAX, ..ListOptions::default() };
        let found = self.list(&options)?;
        let more = found.total > u64::try_from(found.rows.len()).unwrap_or(u64::MAX);
        Ok((found.rows, more))
    }

    /// Adds what the events of a connection say. `first` is the position of the first event in the
    /// window. Returns whether they reach back far enough.
    fn add_course(
        &self,
        now: &Connection,
        (window, first): (Window, u64),
        left: &mut u64,
        sums: &mut Sums,
    ) -> Result<bool, Fault> {
        let store = &self.engine.shared.store;
        // What was said of an erased one is forgotten.
        if now.lifecycle.is_erased() {
            return Ok(true);
        }
        let oldest = Version::new(now.version.get().saturating_sub(*left));
        let of_window = times::last_version_before(store, now.id, now.version, first)?;
        let mut before = oldest.max(of_window);
        let mut state = history::state_at(store, now.id, before)?;
        if state.as_ref().is_some_and(|state| is_failing(state.health.state)) {
            // How long that had been so counts when it recovers.
            before = oldest;
            state = history::state_at(store, now.id, before)?;
        }
        let mut course = Course::new(window, state.as_ref().and_then(shown));
        for position in streams::scan(store, StreamKey::connection(now.id), before.next()) {
            let Record { metadata, happened } = history::record(store, position?)?;
            if metadata.version > now.version {
                break;
            }
            *left = left.saturating_sub(1);
            if let Happened::Connection(event) = happened {
                let facts = metadata.facts(now.id);
                let at = facts.recorded_at;
                state = evolve(state, event, &facts);
                course.becomes(state.as_ref().and_then(shown), at);
            }
        }
        sums.add(course);
        Ok(oldest <= of_window)
    }
}

/// Returns the health of a connection that is not archived, and since when.
fn shown(state: &Connection) -> Option<(ledger_domain::connection::HealthState, Micros)> {
    match state.lifecycle {
        Lifecycle::Active => Some((state.health.state, state.health.since)),
        Lifecycle::Archived { .. } | Lifecycle::Erased { .. } => None,
    }
}

fn view(sums: &Sums, window: Window, truncated: bool) -> UptimeView {
    let seconds = sums.all();
    let known = seconds.operational + seconds.degraded + seconds.failed;
    let steps = sums.steps().enumerate().map(|(number, seconds)| StepView {
        from: time::format(window.step_begins(number)),
        seconds,
    });
    UptimeView {
        from: time::format(window.from),
        until: time::format(window.until),
        connections: sums.connections,
        seconds,
        operational_percent: (known > 0.0).then(|| 100.0 * seconds.operational / known),
        failures: sums.failures,
        recoveries: sums.recoveries,
        mean_seconds_to_recovery: sums.mean_seconds_to_recovery(),
        steps: steps.collect(),
        truncated,
    }
}
