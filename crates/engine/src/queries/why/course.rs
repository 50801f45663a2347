//! The course of a connection's health, as its events tell it.

use ledger_domain::connection::{HealthState, TestOutcome, TestResult};
use ledger_domain::{Event, EventFacts, EventId, MessageId, Prose, Version};

/// An event, as far as it says something about the health of its connection.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub(super) type_name: &'static str,
    pub(super) facts: EventFacts,
    pub(super) command_id: MessageId,
    pub(super) what: What,
}

/// What an event says about the health.
#[derive(Clone, Debug)]
pub(super) enum What {
    /// Somebody reported the health.
    Report(HealthState, Option<Prose>),
    /// A test, with the health that follows from it, if any does.
    Test(Box<TestResult>, Option<HealthState>),
    /// Settings or secrets were changed, which a revert undoes.
    Settings,
    /// Something else was changed.
    Change,
    /// Nothing.
    Nothing,
}

impl What {
    pub(super) fn of(event: Event) -> Self {
        match event {
            Event::MarkedDegraded { reason } => Self::Report(HealthState::Degraded, reason),
            Event::MarkedFailed { reason } => Self::Report(HealthState::Failed, reason),
            Event::MarkedOperational { reason } => Self::Report(HealthState::Operational, reason),
            Event::Tested { result, health } => Self::Test(result, health),
            Event::Updated(_)
            | Event::SecretRotated { .. }
            | Event::RotationCancelled { .. }
            | Event::Reverted(_) => Self::Settings,
            Event::Created(_)
            | Event::FormerRetired { .. }
            | Event::FormerEndSet { .. }
            | Event::Enabled
            | Event::Disabled { .. }
            | Event::Archived { .. }
            | Event::Restored { .. }
            | Event::Erased { .. }
            | Event::WorkspaceGranted { .. }
            | Event::WorkspaceRevoked { .. }
            | Event::LimitsSet { .. }
            | Event::ModelPolicySet(_)
            | Event::PricingSet(_) => Self::Change,
            Event::TokenRefreshed { health: Some(health), .. } => Self::Report(health, None),
            Event::Authorized { .. } => Self::Report(HealthState::Operational, None),
            Event::RefreshFailed { reason, gives_up } => {
                let health = if gives_up { HealthState::Failed } else { HealthState::Degraded };
                Self::Report(health, Some(reason))
            }
            Event::SecretOverdue { .. }
            | Event::TokenRefreshed { health: None, .. }
            | Event::DependentLinked { .. }
            | Event::DependentUnlinked { .. }
            | Event::Emptied(_) => Self::Nothing,
        }
    }

    /// Returns the health that is reported, if one is.
    const fn reported(&self) -> Option<HealthState> {
        match self {
            Self::Report(health, _) => Some(*health),
            Self::Test(_, health) => *health,
            Self::Settings | Self::Change | Self::Nothing => None,
        }
    }

    const fn outcome(&self) -> Option<TestOutcome> {
        match self {
            Self::Test(result, _) => Some(result.outcome),
            Self::Report(..) | Self::Settings | Self::Change | Self::Nothing => None,
        }
    }
}

/// What led to the health of a connection.
#[derive(Debug)]
pub(super) struct Course<'a> {
    /// The event that set it.
    pub(super) cause: Option<&'a Noted>,
    /// The last report that it works.
    pub(super) last_worked: Option<&'a Noted>,
    /// The reports since then.
    pub(super) reports: Vec<&'a Noted>,
    /// The first of them that says that it does not work.
    pub(super) first_failure: Option<&'a Noted>,
    /// The last change before that.
    pub(super) change_before: Option<&'a Noted>,
    /// The version before settings or secrets were changed, if they were before that.
    pub(super) before_settings: Option<Version>,
    /// What the tests found out since the first failure.
    pub(super) outcomes: Vec<TestOutcome>,
}

impl<'a> Course<'a> {
    /// Looks through events in their order. `by` is the one that set the present health.
    pub(super) fn of(events: &'a [Noted], by: EventId) -> Self {
        let worked = |one: &Noted| one.what.reported() == Some(HealthState::Operational);
        let worked = events.iter().rposition(worked);
        let last_worked = worked.and_then(|at| events.get(at));
        let since = worked.and_then(|at| events.get(at + 1..)).unwrap_or(events);
        // None of them says that it works.
        let reports: Vec<_> = since.iter().filter(|one| one.what.reported().is_some()).collect();
        let failure = since.iter().position(|one| one.what.reported().is_some());
        let (before, after) = since.split_at(failure.unwrap_or(since.len()));
        let changes = || before.iter().filter(|_| failure.is_some());
        let is_change = |one: &&Noted| matches!(one.what, What::Settings | What::Change);
        let mut settings = changes().filter(|one| matches!(one.what, What::Settings));
        // If it had worked, it did with what there was before the first of them.
        let settings = if last_worked.is_some() { settings.next() } else { settings.next_back() };
        let earlier = settings.map(|one| Version::new(one.facts.version.get() - 1));
        Self {
            cause: events.iter().find(|one| one.facts.event_id == by),
            last_worked,
            reports,
            first_failure: after.first(),
            change_before: changes().rfind(is_change),
            before_settings: earlier.filter(|version| *version > Version::ZERO),
            outcomes: after.iter().filter_map(|one| one.what.outcome()).collect(),
        }
    }

    /// Returns whether the provider refused the credentials since the first failure, as far as the
    /// last test that tells knows.
    pub(super) fn is_refused(&self) -> bool {
        let conclusive = self.outcomes.iter().rfind(|outcome| outcome.health().is_some());
        conclusive == Some(&TestOutcome::CredentialsRefused)
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::connection::RetiredBy;
    use ledger_domain::{Actor, CheckedText as _, ConnectionId, Micros, Position};

    use super::*;

    fn id(version: u64) -> EventId {
        EventId::from_bytes(u128::from(version).to_be_bytes())
    }

    fn test(outcome: TestOutcome) -> What {
        let result = TestResult {
            outcome,
            reason: Prose::stored("said".into()),
            latency_ms: 1,
            status: None,
            request_id: None,
        };
        What::Test(Box::new(result), outcome.health())
    }

    /// Returns what a letter stands for.
    fn what(letter: char) -> What {
        match letter {
            'o' => What::Report(HealthState::Operational, None),
            'd' => What::Report(HealthState::Degraded, None),
            'f' => What::Report(HealthState::Failed, None),
            'W' => test(TestOutcome::Works),
            'R' => test(TestOutcome::CredentialsRefused),
            'U' => test(TestOutcome::Unreachable),
            's' => What::Settings,
            'c' => What::Change,
            _ => What::Nothing,
        }
    }

    /// Returns a stream, the first event of which has a version.
    fn events(letters: &str, first: u64) -> Vec<Noted> {
        let noted = |(letter, version): (char, u64)| Noted {
            type_name: "any",
            facts: EventFacts {
                connection: ConnectionId::from_bytes([1; 16]),
                event_id: id(version),
                version: Version::new(version),
                position: Position::new(version),
                recorded_at: Micros::new(0),
                actor: Actor::new("user:a"),
            },
            command_id: MessageId::stored("c".into()),
            what: what(letter),
        };
        letters.chars().zip(first..).map(noted).collect()
    }

    /// Returns the versions of the last event that worked, the first failure and the change before
    /// it, the version to go back to, and the numbers of reports and of tests.
    fn told(course: &Course<'_>) -> ([u64; 4], [usize; 2]) {
        let version = |one: Option<&Noted>| one.map_or(0, |one| one.facts.version.get());
        let back = course.before_settings.map_or(0, Version::get);
        let Course { last_worked, first_failure, change_before, .. } = course;
        let versions = [version(*last_worked), version(*first_failure), version(*change_before)];
        let [worked, failure, change] = versions;
        ([worked, failure, change, back], [course.reports.len(), course.outcomes.len()])
    }

    #[test]
    fn the_course_is_told_from_what_last_worked_on() {
        let table = [
            ("c", [0, 0, 0, 0], [0, 0]),
            ("cW", [2, 0, 0, 0], [0, 0]),
            ("cR", [0, 2, 1, 0], [1, 1]),
            ("csR", [0, 3, 2, 1], [1, 1]),
            // The first change after it worked is where to go back to, the last one is named.
            ("cWsR", [2, 4, 3, 2], [1, 1]),
            ("cWcssR", [2, 6, 5, 3], [1, 1]),
            ("cWscR", [2, 5, 4, 2], [1, 1]),
            // Without anything that worked, nothing is known of what came before the last one.
            ("cssR", [0, 4, 3, 2], [1, 1]),
            // The provider itself failed.
            ("csWR", [3, 4, 0, 0], [1, 1]),
            ("csWnf", [3, 5, 0, 0], [1, 0]),
            // Dependents and the like are no changes; a test that tells nothing is no report.
            ("cWsnUdU", [2, 6, 3, 2], [1, 1]),
            // What comes after the first failure did not lead to it.
            ("cosdfsUR", [2, 4, 3, 2], [3, 2]),
            ("cosfWsf", [5, 7, 6, 5], [1, 0]),
            ("cosfo", [5, 0, 0, 0], [0, 0]),
        ];
        for (letters, versions, counts) in table {
            let stream = events(letters, 1);
            let course = Course::of(&stream, id(1));
            assert_eq!(told(&course), (versions, counts), "{letters}");
        }
    }

    #[test]
    fn the_cause_is_found_by_its_id_and_may_be_too_old() {
        let stream = events("Rff", 1_001);
        let cause = |by| Course::of(&stream, id(by)).cause.map(|one| one.facts.version.get());
        assert_eq!((cause(1_002), cause(1_000)), (Some(1_002), None));
        assert_eq!(told(&Course::of(&stream, id(1_003))), ([0, 1_001, 0, 0], [3, 1]));
    }

    #[test]
    fn credentials_are_refused_until_a_test_says_otherwise() {
        for (letters, refused) in [("cR", true), ("cRU", true), ("cfU", false), ("cRW", false)] {
            let stream = events(letters, 1);
            assert_eq!(Course::of(&stream, id(1)).is_refused(), refused, "{letters}");
        }
    }

    #[test]
    fn only_what_a_revert_undoes_is_a_setting() {
        let generations = std::collections::BTreeMap::new();
        let retired = Event::FormerRetired { generations, cause: RetiredBy::Deadline };
        assert!(matches!(What::of(retired), What::Change));
        let reason = Some(Prose::stored("quota".into()));
        assert!(matches!(What::of(Event::Disabled { reason }), What::Change));
        let cancelled = Event::RotationCancelled {
            generations: std::collections::BTreeMap::new(),
            health_unknown: true,
        };
        assert!(matches!(What::of(cancelled), What::Settings));
        let report = What::of(Event::MarkedDegraded { reason: None });
        assert_eq!(report.reported(), Some(HealthState::Degraded));
    }
}
