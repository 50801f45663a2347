//! Policies of secret fields: how old a value may become, how long it must be, what it must look
//! like, and whether it may be kept here at all. They are kept for each workspace and for the
//! ledger as a whole, each in a stream of its own.
//!
//! | command | event | refusals |
//! |---|---|---|
//! | set | set | nothing to change; too many |
//! | remove | removed | unknown |
//!
//! Of the policies of one workspace, the most specific one that states a rule decides it. The
//! ledger's decide among themselves in the same way. What both say holds: a workspace can add to
//! what the ledger demands, and cannot relax it.

use std::collections::BTreeMap;

use crate::connection::{Rejection, check_expected};
use crate::ids::{Actor, ConnectionId, Expected, Generation, Micros, Version};
use crate::limits;
use crate::secret::Secret;
use crate::text::{FieldName, Line};

const DAY_MICROS: i64 = 86_400 * 1_000_000;

/// Which secret fields a policy is about. What is absent stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicySubject {
    /// One connection.
    pub connection: Option<ConnectionId>,
    /// The connections of one provider.
    pub provider: Option<Line>,
    /// One secret field.
    pub field: Option<FieldName>,
}

impl PolicySubject {
    /// Returns how specific it is: a connection counts more than a field, which counts more than a
    /// provider.
    fn rank(&self) -> (bool, bool, bool) {
        (self.connection.is_some(), self.field.is_some(), self.provider.is_some())
    }
}

/// The rules of a policy. An absent rule leaves it to the less specific policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretPolicy {
    /// After how many days a value is overdue for rotation; 0 for never.
    pub max_age_days: Option<u32>,
    /// How many days before that it is due. A tenth of the age when absent, and at most 14.
    pub warn_days: Option<u32>,
    /// The fewest characters of a new value; 0 for any number.
    pub min_chars: Option<u32>,
    /// A regular expression that a new value must match.
    pub pattern: Option<Line>,
    /// Whether the field takes only references.
    pub reference_required: Option<bool>,
}

impl SecretPolicy {
    /// Returns whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the limit of the age that it states, which may be none.
    pub fn max_age(&self) -> Option<MaxAge> {
        let days = self.max_age_days?;
        let warn = self.warn_days.map(|days| i64::from(days) * DAY_MICROS);
        let tenth = i64::from(days) * DAY_MICROS / 10;
        let default = tenth.min(i64::from(limits::POLICY_WARN_DAYS_DEFAULT) * DAY_MICROS);
        Some(MaxAge { days, warn_micros: warn.unwrap_or(default) })
    }
}

/// A policy, and who set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPolicy {
    /// Its rules.
    pub policy: SecretPolicy,
    /// Who set it.
    pub by: Actor,
    /// When.
    pub at: Micros,
}

/// The policies of one workspace, or of the ledger as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policies {
    /// Version of their stream.
    pub version: Version,
    /// The policies, by what they are about.
    pub all: BTreeMap<PolicySubject, SetPolicy>,
}

/// A command about policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyCommand {
    /// Sets a policy, in place of the one with the same subject.
    Set {
        /// What it is about.
        subject: PolicySubject,
        /// Its rules.
        policy: SecretPolicy,
    },
    /// Removes a policy.
    Remove {
        /// What it is about.
        subject: PolicySubject,
    },
}

impl PolicyCommand {
    /// Returns what the policy is about.
    pub const fn subject(&self) -> &PolicySubject {
        match self {
            Self::Set { subject, .. } | Self::Remove { subject } => subject,
        }
    }
}

/// An event about a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyEvent {
    /// A policy was set.
    Set {
        /// What it is about.
        subject: PolicySubject,
        /// Its rules.
        policy: SecretPolicy,
    },
    /// A policy was removed.
    Removed {
        /// What it was about.
        subject: PolicySubject,
    },
}

impl PolicyEvent {
    /// All stored type names, in the order of the variants.
    pub const TYPE_NAMES: [&'static str; 2] = ["secret_policy_set", "secret_policy_removed"];

    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Set { .. } => "secret_policy_set",
            Self::Removed { .. } => "secret_policy_removed",
        }
    }
}

/// Decides on a command about policies.
pub fn decide_policy(
    state: &Policies,
    expected: Expected,
    command: PolicyCommand,
) -> Result<PolicyEvent, Rejection> {
    check_expected(state.version, expected)?;
    match command {
        PolicyCommand::Remove { subject } if state.all.contains_key(&subject) => {
            Ok(PolicyEvent::Removed { subject })
        }
        PolicyCommand::Remove { .. } => Err(Rejection::PolicyUnknown),
        PolicyCommand::Set { subject, policy } => match state.all.get(&subject) {
            Some(now) if now.policy == policy => Err(Rejection::NothingToChange),
            None if state.all.len() >= limits::POLICIES => {
                Err(Rejection::PoliciesFull(limits::POLICIES))
            }
            _ => Ok(PolicyEvent::Set { subject, policy }),
        },
    }
}

impl Policies {
    /// Applies an event.
    pub fn evolve(&mut self, event: PolicyEvent, version: Version, by: Actor, at: Micros) {
        self.version = version;
        match event {
            PolicyEvent::Set { subject, policy } => {
                self.all.insert(subject, SetPolicy { policy, by, at });
            }
            PolicyEvent::Removed { subject } => {
                self.all.remove(&subject);
            }
        }
    }

    /// Returns the rules for a secret field, given which of the policies are about it.
    pub fn rules(&self, is_about: impl Fn(&PolicySubject) -> bool) -> Rules<'_> {
        let mut about: Vec<_> = self.all.iter().filter(|(subject, _)| is_about(subject)).collect();
        about.sort_by_key(|(subject, _)| std::cmp::Reverse(subject.rank()));
        let policies = || about.iter().map(|(_, set)| &set.policy);
        Rules {
            max_age: policies().find_map(SecretPolicy::max_age).filter(|age| age.days > 0),
            min_chars: policies().find_map(|policy| policy.min_chars).unwrap_or_default(),
            patterns: policies().find_map(|policy| policy.pattern.as_ref()).into_iter().collect(),
            reference_required: policies()
                .find_map(|policy| policy.reference_required)
                .unwrap_or_default(),
        }
    }
}

/// The rules for one secret field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules<'a> {
    /// How old its value may become.
    pub max_age: Option<MaxAge>,
    /// The fewest characters of a new value.
    pub min_chars: u32,
    /// What a new value must match, all of them.
    pub patterns: Vec<&'a Line>,
    /// Whether there must be a reference in place of a value.
    pub reference_required: bool,
}

impl Rules<'_> {
    /// Returns the rules that hold if these and others do. Of two equal ages the one that warns
    /// earlier holds.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let ages = [self.max_age, other.max_age];
        self.max_age =
            ages.into_iter().flatten().min_by_key(|age| (age.days, age.due_after_micros()));
        self.min_chars = self.min_chars.max(other.min_chars);
        self.patterns.extend(other.patterns);
        self.reference_required |= other.reference_required;
        self
    }

    /// Returns whether a new value is looked at.
    pub fn concern_values(&self) -> bool {
        self.reference_required || self.min_chars > 0 || !self.patterns.is_empty()
    }
}

/// How old a value may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAge {
    /// The age in days.
    pub days: u32,
    /// How long before that the value is due, in microseconds.
    pub warn_micros: i64,
}

impl MaxAge {
    /// Returns at which age a value is due, in microseconds.
    pub fn due_after_micros(self) -> i64 {
        (i64::from(self.days) * DAY_MICROS).saturating_sub(self.warn_micros)
    }

    /// Returns when a value that was set at a time is overdue.
    pub fn end(self, set_at: Micros) -> Micros {
        Micros::new(set_at.get().saturating_add(i64::from(self.days) * DAY_MICROS))
    }

    /// Returns how a value that was set at a time stands now.
    pub fn of(self, set_at: Micros, now: Micros) -> SecretAge {
        let rotate_by = self.end(set_at);
        let state = if rotate_by <= now {
            AgeState::Overdue
        } else if rotate_by.get().saturating_sub(self.warn_micros) <= now.get() {
            AgeState::Due
        } else {
            AgeState::Fresh
        };
        SecretAge { rotate_by, state }
    }
}

/// How old the value of a secret field is by its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretAge {
    /// When it is overdue.
    pub rotate_by: Micros,
    /// How it stands now.
    pub state: AgeState,
}

/// How old a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgeState {
    /// Neither of the others.
    Fresh,
    /// It is soon overdue.
    Due,
    /// It is older than it may become.
    Overdue,
}

impl AgeState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Fresh, Self::Due, Self::Overdue];

    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Due => "due",
            Self::Overdue => "overdue",
        }
    }
}

/// The ages of the secret fields of a connection that a policy limits.
pub type SecretAges = BTreeMap<FieldName, SecretAge>;

/// A value that became too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Its generation.
    pub generation: Generation,
    /// The age in days that it has passed.
    pub max_age_days: u32,
}

impl Overdue {
    /// Returns what is to be recorded of a value now, if anything is and was not before.
    pub fn of(secret: &Secret, max_age: MaxAge, now: Micros) -> Option<Self> {
        let is_new = !secret.overdue && max_age.end(secret.set_at) <= now;
        is_new.then_some(Self { generation: secret.generation, max_age_days: max_age.days })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CheckedText as _;

    const BY: fn() -> Actor = || Actor::new("key:admin");

    fn subject(connection: Option<u8>, provider: &str, field: &str) -> PolicySubject {
        PolicySubject {
            connection: connection.map(|number| ConnectionId::from_bytes([number; 16])),
            provider: (!provider.is_empty()).then(|| Line::stored(provider.into())),
            field: (!field.is_empty()).then(|| FieldName::stored(field.into())),
        }
    }

    fn days(days: u32) -> SecretPolicy {
        SecretPolicy { max_age_days: Some(days), ..SecretPolicy::default() }
    }

    fn of(all: impl IntoIterator<Item = (PolicySubject, SecretPolicy)>) -> Policies {
        let mut policies = Policies::default();
        for (number, (subject, policy)) in (1..).zip(all) {
            let set = PolicyCommand::Set { subject, policy };
            let event = decide_policy(&policies, Expected::Any, set).unwrap();
            policies.evolve(event, Version::new(number), BY(), Micros::new(0));
        }
        policies
    }

    fn max_age(rules: &Rules<'_>) -> Option<u32> {
        rules.max_age.map(|age| age.days)
    }

    #[test]
    fn the_most_specific_policy_that_states_a_rule_decides_it() {
        let policies = of([
            (subject(None, "", ""), SecretPolicy { min_chars: Some(8), ..days(365) }),
            (subject(None, "openai", ""), days(200)),
            (subject(None, "", "api_key"), days(90)),
            (subject(None, "openai", "api_key"), days(60)),
            (subject(Some(1), "", ""), days(0)),
        ]);
        let at = |connection: u8, provider: &str, field: &str| {
            policies.rules(|subject| {
                let id = ConnectionId::from_bytes([connection; 16]);
                subject.connection.is_none_or(|named| named == id)
                    && subject.provider.as_ref().is_none_or(|named| named.as_str() == provider)
                    && subject.field.as_ref().is_none_or(|named| named.as_str() == field)
            })
        };
        assert_eq!(max_age(&at(2, "openai", "api_key")), Some(60));
        assert_eq!(max_age(&at(2, "cohere", "api_key")), Some(90));
        assert_eq!(max_age(&at(2, "openai", "token")), Some(200));
        assert_eq!(max_age(&at(2, "cohere", "token")), Some(365));
        let lifted = at(1, "openai", "api_key");
        assert_eq!((max_age(&lifted), lifted.min_chars), (None, 8), "only its own rule is lifted");
    }

    #[test]
    fn of_two_levels_the_stricter_rule_holds() {
        let ledger = of([(subject(None, "", ""), SecretPolicy { min_chars: Some(8), ..days(90) })]);
        let pattern = Some(Line::stored("^sk-".into()));
        let own = SecretPolicy { min_chars: Some(4), pattern, ..days(365) };
        let workspace = of([(subject(None, "", ""), own)]);
        let rules = ledger.rules(|_| true).and(workspace.rules(|_| true));
        assert_eq!((max_age(&rules), rules.min_chars, rules.patterns.len()), (Some(90), 8, 1));
        assert!(rules.concern_values() && !rules.reference_required);
        let required = |required| {
            let policy = SecretPolicy { reference_required: Some(required), ..days(90) };
            of([(subject(None, "", ""), policy)])
        };
        let (yes, no) = (required(true), required(false));
        assert!(yes.rules(|_| true).and(no.rules(|_| true)).reference_required);
        assert!(no.rules(|_| true).and(yes.rules(|_| true)).concern_values());
        assert!(!no.rules(|_| true).concern_values());
        assert!(!Rules::default().concern_values());
    }

    #[test]
    fn a_value_is_due_before_it_is_overdue() {
        let at = |day: i64| Micros::new(day * DAY_MICROS);
        let state = |policy: SecretPolicy, day: i64| policy.max_age().unwrap().of(at(0), at(day));
        for (policy, due) in [
            (days(100), 90),
            (days(365), 351),
            (SecretPolicy { warn_days: Some(2), ..days(30) }, 28),
        ] {
            let end = i64::from(policy.max_age_days.unwrap());
            assert_eq!(state(policy.clone(), due - 1).state, AgeState::Fresh, "{policy:?}");
            assert_eq!(state(policy.clone(), due).state, AgeState::Due, "{policy:?}");
            assert_eq!(state(policy.clone(), end - 1).state, AgeState::Due, "{policy:?}");
            let over = state(policy, end);
            assert_eq!((over.state, over.rotate_by), (AgeState::Overdue, at(end)));
        }
    }

    #[test]
    fn a_policy_is_replaced_and_removed_by_what_it_is_about() {
        let mut policies = of([(subject(None, "", "api_key"), days(90))]);
        let set = |days_max| PolicyCommand::Set {
            subject: subject(None, "", "api_key"),
            policy: days(days_max),
        };
        let decide = |policies: &Policies, command| decide_policy(policies, Expected::Any, command);
        assert_eq!(decide(&policies, set(90)), Err(Rejection::NothingToChange));
        let event = decide(&policies, set(30)).unwrap();
        policies.evolve(event, Version::new(2), BY(), Micros::new(5));
        assert_eq!(policies.all.len(), 1);
        let remove = || PolicyCommand::Remove { subject: subject(None, "", "api_key") };
        let event = decide(&policies, remove()).unwrap();
        policies.evolve(event, Version::new(3), BY(), Micros::new(6));
        assert!(policies.all.is_empty());
        assert_eq!(decide(&policies, remove()), Err(Rejection::PolicyUnknown));
        let late = decide_policy(&policies, Expected::At(Version::new(1)), set(1));
        assert!(matches!(late, Err(Rejection::VersionConflict { .. })));
    }

    #[test]
    fn a_workspace_has_a_number_of_policies_at_most() {
        let number = |number: usize| subject(None, &number.to_string(), "");
        let policies = of((0..limits::POLICIES).map(|at| (number(at), days(1))));
        let set = |subject| PolicyCommand::Set { subject, policy: days(2) };
        let full = Err(Rejection::PoliciesFull(limits::POLICIES));
        let new = set(number(limits::POLICIES));
        assert_eq!(decide_policy(&policies, Expected::Any, new), full);
        assert!(decide_policy(&policies, Expected::Any, set(number(0))).is_ok());
    }
}
