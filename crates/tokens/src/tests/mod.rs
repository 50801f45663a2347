//! A verifier, keys of every kind, and tokens of any form.

mod attacks;
mod issuer;
mod keys;
mod mint;
mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use ledger_contract::errors::Code;
use ledger_domain::Micros;
use ledger_engine::{AuthenticateError, Caller, Clock, VerifyToken as _};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::Algorithm;
use crate::keys::{Held, KeySet};
use crate::options::{Timings, TokenOptions};
use crate::verify::Verifier;
use mint::Signer;

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "ledger";
/// The time of the tests, in seconds.
const NOW: i64 = 1_800_000_000;

/// A verifier with the time and keys of a test.
struct Place {
    held: Arc<Held>,
    verifier: Verifier,
    now: Arc<Mutex<i64>>,
}

impl Place {
    /// Creates one that accepts every algorithm and has no keys yet.
    fn empty() -> Self {
        Self::accepting(&Algorithm::ALL)
    }

    fn accepting(algorithms: &[Algorithm]) -> Self {
        Self::of(|options| options.algorithms = algorithms.to_vec())
    }

    /// Creates one that recognizes access tokens by a claim, too.
    fn marked(mark: &str) -> Self {
        Self::of(|options| options.access_mark = Some(mark.parse().expect("a mark")))
    }

    fn of(change: impl FnOnce(&mut TokenOptions)) -> Self {
        let now = Arc::new(Mutex::new(NOW));
        let shown = Arc::clone(&now);
        let clock = Clock::new(move || Micros::new(*shown.lock() * 1_000_000));
        let mut options = TokenOptions::new(ISSUER, AUDIENCE);
        options.algorithms = Algorithm::ALL.to_vec();
        options.lifetime_max = Duration::from_hours(20 * 24);
        change(&mut options);
        let held = Arc::new(Held::new(Timings::default(), clock.clone()));
        let verifier = Verifier::new(options, Arc::clone(&held), clock);
        Self { held, verifier, now }
    }

    fn with(keys: &[&Signer]) -> Self {
        let place = Self::empty();
        place.publish(keys);
        place
    }

    /// Publishes these keys and completes a fetch.
    fn publish(&self, keys: &[&Signer]) {
        let keys: Vec<_> = keys.iter().map(|key| key.published()).collect();
        self.held.begins();
        self.held.found(KeySet::read(set(&keys).as_bytes()).expect("keys"));
    }

    fn wait(&self, time: Duration) {
        *self.now.lock() += i64::try_from(time.as_secs()).expect("a short time");
    }

    fn show(&self, token: &str) -> Result<Caller, Code> {
        self.verifier.verify(token).map_err(AuthenticateError::code)
    }

    #[track_caller]
    fn refuses(&self, token: &str) {
        assert_eq!(self.show(token).expect_err("refused"), Code::TokenInvalid, "{token}");
    }
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// Returns claims that are valid for ten minutes.
fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": [AUDIENCE, "other"],
        "sub": "anna",
        "exp": NOW + 600,
        "nbf": NOW - 5,
        "scope": "openid integrations:get",
    })
}

/// Returns valid claims with these changes.
fn claims_with(change: &Value) -> Value {
    let mut claims = claims();
    let into = claims.as_object_mut().expect("an object");
    into.extend(change.as_object().expect("an object").clone());
    claims
}
