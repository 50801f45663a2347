//! What is counted where it happens.
//!
//! Each counter is found by an index that is known before the server starts, and is an atomic: a
//! command pays for a few additions, whatever else is counted.

use std::time::Duration;

use ledger_contract::commands::Verb;
use ledger_contract::errors::Class;
use ledger_domain::connection::TestOutcome;
use prometheus::{Histogram, HistogramOpts, IntCounter};

use crate::page::Page;
use crate::table::{self, Metric};

/// Upper ends of the buckets of times of commands, in seconds.
const COMMAND_BUCKETS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
/// The same of writes.
const WRITE_BUCKETS: [f64; 12] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];
/// The same of requests to providers.
const TEST_BUCKETS: [f64; 9] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// The same of numbers of events.
const GROUP_BUCKETS: [f64; 11] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0];

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// It was carried out.
    Accepted,
    /// It had been carried out before, and was answered again.
    Repeated,
    /// It was refused, and its sender has to do something else.
    Refused,
    /// The ledger did not do its part, or not now.
    Failed,
}

impl CommandOutcome {
    const ALL: [Self; 4] = [Self::Accepted, Self::Repeated, Self::Refused, Self::Failed];

    /// Returns the outcome of a command that ended with an error of a class.
    pub const fn of_error(class: Class) -> Self {
        match class {
            Class::Busy | Class::Unavailable | Class::Internal => Self::Failed,
            _ => Self::Refused,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Repeated => "repeated",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What became of an attempt to get an access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// There is a new one.
    Stored,
    /// None was needed, or somebody else was faster.
    Unneeded,
    /// The token service, or the settings of the connection, permit none.
    Refused,
    /// The ledger could not do its part.
    Failed,
}

impl Refresh {
    const ALL: [Self; 4] = [Self::Stored, Self::Unneeded, Self::Refused, Self::Failed];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Unneeded => "unneeded",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The counters of one verb.
#[derive(Debug)]
struct OfVerb {
    verb: Verb,
    outcomes: [IntCounter; 4],
    seconds: Histogram,
}

/// What is counted where it happens.
#[derive(Debug)]
pub struct Counters {
    verbs: Vec<OfVerb>,
    group_events: Histogram,
    sync: Histogram,
    append: Histogram,
    tests: Vec<(TestOutcome, IntCounter)>,
    test_seconds: Histogram,
    refreshes: [IntCounter; 4],
}

impl Default for Counters {
    fn default() -> Self {
        let of_verb = |verb: &Verb| OfVerb {
            verb: *verb,
            outcomes: [(); 4].map(|()| counter(table::COMMANDS)),
            seconds: histogram(
                table::COMMAND_SECONDS,
                &[("verb", verb.as_str())],
                &COMMAND_BUCKETS,
            ),
        };
        let tests = TestOutcome::ALL.iter().map(|outcome| (*outcome, counter(table::TESTS)));
        Self {
            verbs: Verb::ALL.iter().map(of_verb).collect(),
            group_events: histogram(table::GROUP_EVENTS, &[], &GROUP_BUCKETS),
            sync: histogram(table::SYNC_SECONDS, &[], &WRITE_BUCKETS),
            append: histogram(table::APPEND_SECONDS, &[], &WRITE_BUCKETS),
            tests: tests.collect(),
            test_seconds: histogram(table::TEST_SECONDS, &[], &TEST_BUCKETS),
            refreshes: [(); 4].map(|()| counter(table::REFRESHES)),
        }
    }
}

impl Counters {
    /// Counts a command that was answered.
    pub fn command(&self, verb: Verb, outcome: CommandOutcome, time: Duration) {
        // Verbs are numbered in the order of their list.
        let Some(of_verb) = self.verbs.get(verb as usize) else { return };
        let [accepted, repeated, refused, failed] = &of_verb.outcomes;
        match outcome {
            CommandOutcome::Accepted => accepted.inc(),
            CommandOutcome::Repeated => repeated.inc(),
            CommandOutcome::Refused => refused.inc(),
            CommandOutcome::Failed => failed.inc(),
        }
        of_verb.seconds.observe(time.as_secs_f64());
    }

    /// Counts a group that was made durable.
    pub fn group(&self, events: usize, sync: Duration) {
        self.group_events.observe(f64::from(u32::try_from(events).unwrap_or(u32::MAX)));
        self.sync.observe(sync.as_secs_f64());
    }

    /// Counts a group that was appended to the log that nodes share.
    pub fn appended(&self, time: Duration) {
        self.append.observe(time.as_secs_f64());
    }

    /// Counts a test of a connection.
    pub fn test(&self, outcome: TestOutcome, time: Duration) {
        if let Some((_, count)) = self.tests.iter().find(|(known, _)| *known == outcome) {
            count.inc();
        }
        self.test_seconds.observe(time.as_secs_f64());
    }

    /// Counts an attempt to get an access token.
    pub fn refresh(&self, outcome: Refresh) {
        let [stored, unneeded, refused, failed] = &self.refreshes;
        match outcome {
            Refresh::Stored => stored.inc(),
            Refresh::Unneeded => unneeded.inc(),
            Refresh::Refused => refused.inc(),
            Refresh::Failed => failed.inc(),
        }
    }

    /// Writes everything to a page.
    pub(crate) fn write(&self, page: &mut Page) {
        for of_verb in &self.verbs {
            let verb = of_verb.verb.as_str();
            for (outcome, count) in CommandOutcome::ALL.iter().zip(&of_verb.outcomes) {
                page.count(table::COMMANDS, &[verb, outcome.as_str()], count.get());
            }
            if of_verb.verb.spec().answer.has_secrets() {
                page.count(table::REVEALS, &[verb], of_verb.answered());
            }
            if of_verb.seconds.get_sample_count() > 0 {
                page.histogram(table::COMMAND_SECONDS, &of_verb.seconds);
            }
        }
        page.histogram(table::GROUP_EVENTS, &self.group_events);
        page.histogram(table::SYNC_SECONDS, &self.sync);
        if self.append.get_sample_count() > 0 {
            page.histogram(table::APPEND_SECONDS, &self.append);
        }
        for (outcome, count) in &self.tests {
            page.count(table::TESTS, &[outcome.as_str()], count.get());
        }
        page.histogram(table::TEST_SECONDS, &self.test_seconds);
        for (outcome, count) in Refresh::ALL.iter().zip(&self.refreshes) {
            page.count(table::REFRESHES, &[outcome.as_str()], count.get());
        }
    }
}

impl OfVerb {
    /// Returns how often it was answered with what it asks for.
    fn answered(&self) -> u64 {
        let [accepted, repeated, ..] = &self.outcomes;
        accepted.get() + repeated.get()
    }
}

/// Returns a counter that is read for a page and never registered itself.
fn counter(metric: &Metric) -> IntCounter {
    IntCounter::new(metric.name, metric.help).expect("the table has well-formed names")
}

fn histogram(metric: &Metric, labels: &[(&str, &str)], buckets: &[f64]) -> Histogram {
    let mut options = HistogramOpts::new(metric.name, metric.help).buckets(buckets.to_vec());
    for (name, value) in labels {
        options = options.const_label(*name, *value);
    }
    Histogram::with_opts(options).expect("the table has well-formed names")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_numbered_in_the_order_of_their_list() {
        for (number, verb) in Verb::ALL.iter().enumerate() {
            assert_eq!(*verb as usize, number, "{verb}");
        }
    }

    #[test]
    fn what_is_counted_is_on_the_page() {
        let counters = Counters::default();
        counters.command(Verb::Create, CommandOutcome::Accepted, Duration::from_millis(3));
        counters.command(Verb::Create, CommandOutcome::Refused, Duration::from_millis(3));
        counters.command(Verb::RevealSecret, CommandOutcome::Accepted, Duration::from_secs(20));
        counters.group(3, Duration::from_millis(1));
        counters.test(TestOutcome::Works, Duration::from_millis(70));
        counters.refresh(Refresh::Refused);
        let mut page = Page::default();
        counters.write(&mut page);
        let text = page.text();
        for line in [
            "connledger_commands_total{outcome=\"accepted\",verb=\"create\"} 1",
            "connledger_commands_total{outcome=\"refused\",verb=\"create\"} 1",
            "connledger_command_duration_seconds_bucket{verb=\"create\",le=\"0.0025\"} 0",
            "connledger_command_duration_seconds_bucket{verb=\"create\",le=\"0.005\"} 2",
            "connledger_command_duration_seconds_count{verb=\"reveal-secret\"} 1",
            "connledger_reveals_total{verb=\"reveal-secret\"} 1",
            "connledger_reveals_total{verb=\"unwrap\"} 0",
            "connledger_group_events_bucket{le=\"4\"} 1",
            "connledger_connection_tests_total{outcome=\"works\"} 1",
            "connledger_token_refreshes_total{outcome=\"refused\"} 1",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
        assert!(!text.contains("duration_seconds_count{verb=\"archive\"}"), "it was not used");
    }
}
