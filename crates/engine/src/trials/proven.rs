//! Requests of tests that take a signature, or a token that is asked for first.

use std::time::Duration;

use ledger_domain::connection::TestOutcome;
use ledger_oauth::{Moment, Proof, prove, read_answer, with_token};
use ledger_providers::Request;
use zeroize::Zeroizing;

use super::{NOTHING_SENT, SendTest, SentTest, harmless_words};
use crate::engine::Engine;

/// The member of a token service's answer that has the token.
const FIELD: &str = "access_token";

/// What came of a request that had all it takes.
pub(super) struct Proven {
    pub(super) sent: SentTest,
    /// The token that it was sent with, which is as secret as what it was asked for with.
    pub(super) token: Option<Zeroizing<String>>,
}

/// What came of a request that got no token, so that it was not sent.
pub(super) struct Unproven {
    pub(super) outcome: TestOutcome,
    pub(super) reason: String,
    /// How long the token service asks to wait.
    pub(super) wait: Option<Duration>,
}

impl Unproven {
    const fn new(outcome: TestOutcome, reason: String) -> Self {
        Self { outcome, reason, wait: None }
    }
}

impl Engine {
    /// Sends a request over HTTP with what proves who sends it.
    pub(super) async fn send_proven(
        &self,
        sender: &dyn SendTest,
        request: Request,
        secrets: &[&str],
    ) -> Result<Proven, Unproven> {
        let unique = self.shared.ports.command_id();
        let now = self.clock().now().get() / 1_000_000;
        let proof = prove(request, Moment { now, unique: unique.as_str() });
        let proof = proof.map_err(|unusable| {
            let reason = format!("nothing was sent: {unusable}");
            Unproven::new(TestOutcome::Inconclusive, reason)
        })?;
        match proof {
            Proof::Complete(request) => {
                Ok(Proven { sent: sender.send(request).await, token: None })
            }
            Proof::Token(for_token, request) => {
                let token = token(sender.send(for_token).await, now, secrets)?;
                let sent = sender.send(with_token(request, &token)).await;
                Ok(Proven { sent, token: Some(token) })
            }
        }
    }
}

/// Reads the answer of a token service.
fn token(sent: SentTest, now: i64, secrets: &[&str]) -> Result<Zeroizing<String>, Unproven> {
    match sent {
        SentTest::Answered { status, retry_after, body, .. } => {
            let read = read_answer(FIELD, status, retry_after.as_deref(), &body, now);
            let refusal = match read.token {
                Ok(obtained) => return Ok(obtained.token),
                Err(refusal) => refusal,
            };
            let outcome = match status {
                _ if refusal.is_of_credentials => TestOutcome::CredentialsRefused,
                429 => TestOutcome::RateLimited,
                500..=599 => TestOutcome::Unreachable,
                _ => TestOutcome::Inconclusive,
            };
            let mut reason = refusal.what;
            if let Some(said) = harmless_words(&body, secrets) {
                reason.push_str(": ");
                reason.push_str(&said);
            }
            Err(Unproven { outcome, reason, wait: refusal.wait })
        }
        SentTest::Unanswered(why) => {
            let reason = format!("the token service gave no answer: {why}");
            Err(Unproven::new(TestOutcome::Unreachable, reason))
        }
        SentTest::NotPermitted => {
            Err(Unproven::new(TestOutcome::Inconclusive, NOTHING_SENT.to_owned()))
        }
    }
}
