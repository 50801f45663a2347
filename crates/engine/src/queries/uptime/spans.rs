//! Spans of time in states of health, added up by steps.

use ledger_contract::queries::uptime::StateSeconds;
use ledger_domain::Micros;
use ledger_domain::connection::HealthState;

/// A time, and into how many steps it is divided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) from: Micros,
    pub(super) until: Micros,
    pub(super) steps: u32,
}

impl Window {
    /// Returns when a step begins, counted from zero.
    pub(super) fn step_begins(self, number: usize) -> Micros {
        let length = i128::from(self.until.get()) - i128::from(self.from.get());
        let number = i128::try_from(number).unwrap_or(i128::MAX);
        let after = length * number / i128::from(self.steps.max(1));
        Micros::new(self.from.get().saturating_add(i64::try_from(after).unwrap_or(i64::MAX)))
    }
}

/// What is known of one connection, from span to span.
#[derive(Debug)]
pub(super) struct Course {
    window: Window,
    spans: Vec<(HealthState, Micros, Micros)>,
    /// The present state and since when; `None` while there is no connection.
    now: Option<(HealthState, Micros)>,
    /// When it stopped working, if it has not worked since.
    failing_since: Option<Micros>,
    failures: u64,
    /// How long each recovery took, in microseconds.
    recoveries: Vec<i64>,
}

impl Course {
    /// Begins with the state before the first event.
    pub(super) fn new(window: Window, state: Option<(HealthState, Micros)>) -> Self {
        let failing = |(state, _): &(HealthState, Micros)| is_failing(*state);
        let failing_since = state.filter(failing).map(|(_, since)| since);
        let (spans, recoveries) = (Vec::new(), Vec::new());
        Self { window, spans, now: state, failing_since, failures: 0, recoveries }
    }

    /// Takes over the state after an event.
    pub(super) fn becomes(&mut self, state: Option<(HealthState, Micros)>, at: Micros) {
        let kind = |state: Option<(HealthState, Micros)>| state.map(|(kind, _)| kind);
        if kind(state) == kind(self.now) {
            return;
        }
        self.close(at);
        let is_within = at > self.window.from;
        match (self.failing_since, kind(state)) {
            (None, Some(now)) if is_failing(now) => {
                self.failures += u64::from(is_within);
                self.failing_since = Some(at);
            }
            (Some(since), Some(HealthState::Operational)) => {
                if is_within {
                    self.recoveries.push(at.get().saturating_sub(since.get()));
                }
                self.failing_since = None;
            }
            // Nobody knows whether it works.
            (Some(_), Some(HealthState::Unknown) | None) => self.failing_since = None,
            _ => {}
        }
        self.now = state.map(|(kind, _)| (kind, at));
    }

    fn close(&mut self, at: Micros) {
        if let Some((state, since)) = self.now {
            let (from, until) = (since.max(self.window.from), at.min(self.window.until));
            if from < until {
                self.spans.push((state, from, until));
            }
        }
    }
}

/// Returns whether a connection in a state does not work.
pub(super) const fn is_failing(state: HealthState) -> bool {
    matches!(state, HealthState::Degraded | HealthState::Failed)
}

/// What is known of all connections.
#[derive(Debug)]
pub(super) struct Sums {
    window: Window,
    steps: Vec<StateMicros>,
    pub(super) connections: u64,
    pub(super) failures: u64,
    pub(super) recoveries: u64,
    recovering_seconds: f64,
}

impl Sums {
    pub(super) fn new(window: Window) -> Self {
        let count = usize::try_from(window.steps).unwrap_or_default();
        let steps = vec![StateMicros::default(); count];
        let (connections, failures, recoveries) = (0, 0, 0);
        Self { window, steps, connections, failures, recoveries, recovering_seconds: 0.0 }
    }

    /// Adds a connection, up to the end of the time.
    pub(super) fn add(&mut self, mut course: Course) {
        course.close(self.window.until);
        self.connections += 1;
        self.failures += course.failures;
        self.recoveries += u64::try_from(course.recoveries.len()).unwrap_or_default();
        self.recovering_seconds += course.recoveries.into_iter().map(seconds).sum::<f64>();
        for (number, step) in self.steps.iter_mut().enumerate() {
            let (begins, ends) =
                (self.window.step_begins(number), self.window.step_begins(number + 1));
            for (state, from, until) in &course.spans {
                let (from, until) = ((*from).max(begins), (*until).min(ends));
                if from < until {
                    *step.of(*state) += until.get() - from.get();
                }
            }
        }
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = StateSeconds> {
        self.steps.iter().map(StateMicros::seconds)
    }

    pub(super) fn all(&self) -> StateSeconds {
        let mut all = StateMicros::default();
        for step in &self.steps {
            all.operational += step.operational;
            all.degraded += step.degraded;
            all.failed += step.failed;
            all.unknown += step.unknown;
        }
        all.seconds()
    }

    pub(super) fn mean_seconds_to_recovery(&self) -> Option<f64> {
        let count = u32::try_from(self.recoveries).ok().filter(|count| *count > 0)?;
        Some(self.recovering_seconds / f64::from(count))
    }
}

/// How long something was in each state, in microseconds, which add up exactly.
#[derive(Clone, Copy, Debug, Default)]
struct StateMicros {
    operational: i64,
    degraded: i64,
    failed: i64,
    unknown: i64,
}

impl StateMicros {
    const fn of(&mut self, state: HealthState) -> &mut i64 {
        match state {
            HealthState::Operational => &mut self.operational,
            HealthState::Degraded => &mut self.degraded,
            HealthState::Failed => &mut self.failed,
            HealthState::Unknown => &mut self.unknown,
        }
    }

    fn seconds(&self) -> StateSeconds {
        StateSeconds {
            operational: seconds(self.operational),
            degraded: seconds(self.degraded),
            failed: seconds(self.failed),
            unknown: seconds(self.unknown),
        }
    }
}

fn seconds(micros: i64) -> f64 {
    std::time::Duration::from_micros(u64::try_from(micros).unwrap_or_default()).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    use HealthState::{Degraded, Failed, Operational, Unknown};

    fn at(seconds: i64) -> Micros {
        Micros::new(seconds * 1_000_000)
    }

    fn sums(before: Option<HealthState>, events: &[(i64, Option<HealthState>)]) -> Sums {
        let window = Window { from: at(100), until: at(200), steps: 4 };
        let mut course = Course::new(window, before.map(|state| (state, at(0))));
        for (seconds, state) in events {
            course.becomes(state.map(|state| (state, at(*seconds))), at(*seconds));
        }
        let mut sums = Sums::new(window);
        sums.add(course);
        sums
    }

    #[test]
    fn time_is_added_up_by_state_and_step_within_the_window() {
        let sums = sums(
            Some(Unknown),
            &[
                (90, Some(Operational)),
                (110, Some(Degraded)),
                (120, Some(Failed)),
                (160, Some(Operational)),
                (160, Some(Operational)),
            ],
        );
        let all = StateSeconds { operational: 50.0, degraded: 10.0, failed: 40.0, unknown: 0.0 };
        assert_eq!(sums.all(), all);
        let failed: Vec<_> = sums.steps().map(|step| step.failed).collect();
        assert_eq!(failed, [5.0, 25.0, 10.0, 0.0]);
        assert_eq!((sums.failures, sums.recoveries), (1, 1));
        assert_eq!(sums.mean_seconds_to_recovery(), Some(50.0));
    }

    #[test]
    fn what_was_before_the_window_counts_only_as_far_as_it_reaches_into_it() {
        let recovered = sums(Some(Operational), &[(50, Some(Failed)), (150, Some(Operational))]);
        assert_eq!((recovered.failures, recovered.recoveries), (0, 1));
        assert_eq!(recovered.mean_seconds_to_recovery(), Some(100.0));
        assert_eq!((recovered.all().failed, recovered.all().operational), (50.0, 50.0));
        let early = sums(None, &[(10, Some(Failed)), (20, Some(Operational))]);
        assert_eq!((early.failures, early.recoveries), (0, 0));
        assert_eq!(early.all(), StateSeconds { operational: 100.0, ..StateSeconds::default() });
    }

    #[test]
    fn a_connection_counts_from_its_beginning_to_its_end() {
        let sums = sums(None, &[(120, Some(Unknown)), (130, Some(Failed)), (150, None)]);
        let all = StateSeconds { operational: 0.0, degraded: 0.0, failed: 20.0, unknown: 10.0 };
        assert_eq!(sums.all(), all);
        assert_eq!((sums.failures, sums.recoveries, sums.connections), (1, 0, 1));
        assert_eq!(sums.mean_seconds_to_recovery(), None);
    }
}
