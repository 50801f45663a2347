//! Tests of a connection: a request of the provider's own, sent with the connection's credentials.

use super::Connection;
use super::health::HealthState;
use super::vocabulary::vocabulary;
use crate::ids::Version;
use crate::text::{Line, Prose};

vocabulary!(
    /// What a test found out.
    TestOutcome, "outcome", {
        /// The provider accepted the credentials.
        Works = "works",
        /// The provider refused the credentials.
        CredentialsRefused = "credentials_refused",
        /// The provider knows the credentials, and does not let them make this request.
        NotPermitted = "not_permitted",
        /// There was no answer of the provider, or one that says that it does not work now.
        Unreachable = "unreachable",
        /// The provider refused the request because there were too many before it.
        RateLimited = "rate_limited",
        /// The answer says nothing about the credentials.
        Inconclusive = "inconclusive",
    }
);

vocabulary!(
    /// What users of a connection report: why it did not work for them.
    ReportedFailure, "outcome", {
        /// The provider refused the credentials.
        CredentialsRefused = "credentials_refused",
        /// The provider knows the credentials, and does not permit the request.
        NotPermitted = "not_permitted",
        /// There was no answer of the provider, or one that says that it does not work now.
        Unreachable = "unreachable",
        /// The provider refused the request because there were too many before it.
        RateLimited = "rate_limited",
    }
);

impl TestOutcome {
    /// Returns the health that follows from it. Only an outcome that says something about the
    /// credentials changes the health: a provider that is away from here may be reached by
    /// gateways, and a key that may not make the request of a test may make theirs.
    pub const fn health(self) -> Option<HealthState> {
        match self {
            Self::Works => Some(HealthState::Operational),
            Self::CredentialsRefused => Some(HealthState::Failed),
            Self::NotPermitted | Self::Unreachable | Self::RateLimited | Self::Inconclusive => None,
        }
    }
}

/// The result of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// What it found out.
    pub outcome: TestOutcome,
    /// Why, without anything of a secret.
    pub reason: Prose,
    /// How long the provider took, in milliseconds.
    pub latency_ms: u64,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The provider's name for the request, if it gave one.
    pub request_id: Option<Line>,
}

/// Returns the health that a test of a version of the connection leads to. A connection that was
/// changed meanwhile may have other credentials.
pub(super) fn health_after(
    state: &Connection,
    result: &TestResult,
    tested: Version,
) -> Option<HealthState> {
    let token = state.provider_token.as_ref().and_then(|token| token.failure);
    // The token that works is the last one, until somebody acts.
    let is_last = token.is_some_and(|failure| failure.gives_up);
    let is_told = |health: &HealthState| !(is_last && *health == HealthState::Operational);
    result.outcome.health().filter(|health| state.version == tested && is_told(health))
}
