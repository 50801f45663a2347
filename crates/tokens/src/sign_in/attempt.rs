//! One attempt to sign in. The browser keeps a secret, from which everything follows that binds the
//! issuer's answer to it, so the server remembers nothing of whoever has not signed in yet.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_domain::Micros;
use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

/// How long an attempt may take.
pub const ATTEMPT_MAX: Duration = Duration::from_mins(10);
/// How many characters a secret has: 256 random bits.
const SECRET_CHARS: usize = 43;

const STATE: &str = "connledger 2026-12-01 sign-in state";
const NONCE: &str = "connledger 2026-12-01 sign-in nonce";
const VERIFIER: &str = "connledger 2026-12-01 sign-in verifier";

/// One attempt to sign in.
pub struct SignInAttempt {
    secret: Zeroizing<String>,
    began: Micros,
}

impl fmt::Debug for SignInAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignInAttempt({})", self.began.get())
    }
}

impl SignInAttempt {
    pub(super) fn new(now: Micros) -> Self {
        let random: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        Self { secret: Zeroizing::new(URL_SAFE_NO_PAD.encode(*random)), began: now }
    }

    /// Reads what [`Self::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (secret, began) = text.split_once('.')?;
        let is_secret = secret.len() == SECRET_CHARS
            && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let secret = is_secret.then(|| Zeroizing::new(secret.to_owned()))?;
        Some(Self { secret, began: Micros::new(began.parse().ok()?) })
    }

    /// Returns what the browser keeps, for as long as [`ATTEMPT_MAX`].
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}.{}", self.secret.as_str(), self.began.get()))
    }

    /// Returns whether it has not taken too long.
    pub(super) fn is_fresh(&self, now: Micros) -> bool {
        let passed = now.get().saturating_sub(self.began.get());
        u64::try_from(passed).is_ok_and(|passed| Duration::from_micros(passed) <= ATTEMPT_MAX)
    }

    /// Returns whether a state is that of the attempt.
    pub(super) fn is_state(&self, state: &str) -> bool {
        let own = self.state();
        // Digests are compared, so the time tells nothing of the state.
        digest(&SHA256, own.as_bytes()).as_ref() == digest(&SHA256, state.as_bytes()).as_ref()
    }

    pub(super) fn state(&self) -> String {
        self.derived(STATE)
    }

    pub(super) fn nonce(&self) -> String {
        self.derived(NONCE)
    }

    pub(super) fn verifier(&self) -> Zeroizing<String> {
        Zeroizing::new(self.derived(VERIFIER))
    }

    /// Returns the challenge of the verifier (RFC 7636, method S256).
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier().as_bytes()))
    }

    fn derived(&self, context: &str) -> String {
        URL_SAFE_NO_PAD.encode(blake3::derive_key(context, self.secret.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_keeps_gives_the_same_attempt_and_no_two_are_alike() {
        let now = Micros::new(1_000_000);
        let (one, other) = (SignInAttempt::new(now), SignInAttempt::new(now));
        let again = SignInAttempt::parse(&one.to_text()).unwrap();
        assert!(again.is_state(&one.state()) && !again.is_state(&other.state()));
        assert_eq!((again.nonce(), again.challenge()), (one.nonce(), one.challenge()));
        let parts = [one.state(), one.nonce(), one.verifier().to_string(), one.challenge()];
        for (index, part) in parts.iter().enumerate() {
            assert_eq!(part.len(), 43, "of the length that RFC 7636 wants");
            assert!(!parts[index + 1..].contains(part));
        }
        assert!(!format!("{one:?}").contains(one.secret.as_str()));
    }

    #[test]
    fn an_attempt_takes_ten_minutes_at_most_and_is_not_of_the_future() {
        let attempt = SignInAttempt::new(Micros::new(0));
        let at = |seconds: i64| attempt.is_fresh(Micros::new(seconds * 1_000_000));
        assert!(at(0) && at(600) && !at(601) && !at(-1));
    }

    #[test]
    fn other_texts_are_no_attempt() {
        let good = SignInAttempt::new(Micros::new(5)).to_text();
        assert!(SignInAttempt::parse(&good).is_some());
        let secret = "a".repeat(SECRET_CHARS);
        for bad in [String::new(), ".5".into(), format!("{secret}."), format!("{secret}a.5")] {
            assert!(SignInAttempt::parse(&bad).is_none(), "{bad}");
        }
        assert!(SignInAttempt::parse(&good.replace('.', "\u{e4}.")).is_none());
    }
}
