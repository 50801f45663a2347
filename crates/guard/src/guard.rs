//! Admits or refuses requests: before the credential is checked, and after it.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::known::Known;
use crate::limited::Limited;
use crate::lockout::Lockout;
use crate::mark::{Digest, Mark};
use crate::rates::{Buckets, Rates};
use crate::verdict::{Identity, Verdict, short_hash};

/// Limits the rate of requests, and the number of invalid keys.
///
/// A sender whose mark is known passes any lockout of its source, and pays from the rate of the
/// identity that was accepted under that mark. Everything else, invalid keys and requests without a
/// key, shares the rate of its source, and that of all strangers together.
pub struct Guard<Source> {
    identities: Buckets,
    sources: Buckets,
    strangers: Buckets,
    lockout: Lockout<Source>,
    known: Mutex<Known<Source>>,
    /// Whether those who were accepted may relay requests of others.
    relays: bool,
    digest_key: [u8; 32],
    clock: Clock,
}

/// A request that was admitted and whose credential is not judged yet.
#[derive(Clone, Debug)]
pub struct Visit<Source> {
    source: Option<Source>,
    mark: Option<Mark>,
    /// Who was accepted under its mark before, and has paid for it.
    payer: Option<Identity>,
}

impl<Source: Clone + Eq + Hash> Guard<Source> {
    /// Creates a guard that has seen nobody yet.
    pub fn new(rates: Rates, clock: &Clock) -> Self {
        Self {
            identities: Buckets::new(rates.per_key, clock.clone()),
            sources: Buckets::new(rates.per_source, clock.clone()),
            strangers: Buckets::new(rates.strangers, clock.clone()),
            lockout: Lockout::new(clock.clone()),
            known: Mutex::new(Known::new()),
            relays: false,
            digest_key: rand::random(),
            clock: clock.clone(),
        }
    }

    /// From now on a source where somebody was accepted may relay requests of others: wrong keys
    /// from there start no lockout.
    #[must_use]
    pub fn with_relays(self) -> Self {
        Self { relays: true, ..self }
    }

    /// Returns a digest of several parts.
    pub fn digest(&self, parts: &[&[u8]]) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(&self.digest_key);
        for part in parts {
            hasher.update(&part.len().to_le_bytes());
            hasher.update(part);
        }
        short_hash(&hasher)
    }

    /// Admits or refuses a request before it is looked at. It counts as so many `units`.
    ///
    /// Without a source it shares only the rate of all strangers. Without a mark it presents no
    /// key, or none that could be recognized; that is no guess, so no lockout concerns it.
    pub fn admit(
        &self,
        source: Option<Source>,
        mark: Option<Mark>,
        units: NonZeroU32,
    ) -> Result<Visit<Source>, Limited> {
        let now = self.clock.now();
        let payer = mark.and_then(|mark| self.known.lock().recognize(mark, now));
        if let Some(identity) = &payer {
            self.identities.take(identity, units).map_err(Limited::Rate)?;
            return Ok(Visit { source, mark, payer });
        }
        if let Some(source) = &source {
            let left = mark.and_then(|_| self.lockout.locked_for(source));
            if let Some(left) = left {
                return Err(Limited::Lockout(left));
            }
            self.sources.take(source, units).map_err(Limited::Rate)?;
        }
        self.strangers.take(&(), units).map_err(Limited::Rate)?;
        Ok(Visit { source, mark, payer })
    }

    /// Notes what became of the credential of an admitted request. Returns the lockout that it
    /// starts, if any. A wrong key is admitted until a lockout, so that its sender learns what is
    /// wrong with it.
    pub fn judged(
        &self,
        visit: &Visit<Source>,
        verdict: Verdict,
    ) -> Result<Option<Duration>, Limited> {
        const ONE: NonZeroU32 = NonZeroU32::MIN;
        let Visit { source, mark, payer } = visit;
        match verdict {
            Verdict::Good(identity) => {
                self.remember(visit, identity);
                if *payer != Some(identity) {
                    self.identities.take(&identity, ONE).map_err(Limited::Rate)?;
                }
                Ok(None)
            }
            Verdict::NoGuess => {
                // Its identity is no longer known.
                if let (Some(Mark::Credential(_)), Some(source), Some(_)) = (mark, source, payer) {
                    self.sources.take(source, ONE).map_err(Limited::Rate)?;
                }
                Ok(None)
            }
            Verdict::Wrong => Ok(self.wrong(visit)),
        }
    }

    fn remember(&self, visit: &Visit<Source>, identity: Identity) {
        let Visit { source, mark, payer } = visit;
        // A recognized credential is known already, and for good.
        if !self.relays && *payer == Some(identity) {
            return;
        }
        let now = self.clock.now();
        let mut known = self.known.lock();
        if let Some(mark) = mark {
            known.accept(*mark, identity, now);
        }
        if let (true, Some(source)) = (self.relays, source) {
            known.accept_at(source.clone());
        }
    }

    fn wrong(&self, visit: &Visit<Source>) -> Option<Duration> {
        let mut known = self.known.lock();
        match (visit.mark, visit.payer) {
            (Some(Mark::ReplyTo(_)), Some(_)) => return None,
            (Some(mark), _) => known.forget(mark),
            (None, _) => {}
        }
        let source = visit.source.as_ref()?;
        if known.was_accepted_at(source) {
            return None;
        }
        drop(known);
        self.lockout.failed(source)
    }

    /// Frees the memory for senders that have not been seen for a while.
    pub fn shrink(&self) {
        self.identities.shrink();
        self.sources.shrink();
        self.strangers.shrink();
        self.lockout.shrink();
    }
}

impl<Source> fmt::Debug for Guard<Source> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::known::RECOGNIZED_FOR;

    use super::*;

    const ONE: NonZeroU32 = NonZeroU32::MIN;

    struct Fixture {
        guard: Guard<&'static str>,
        time: Arc<Mutex<Duration>>,
    }

    fn fixture(rates: Rates) -> Fixture {
        let time = Arc::new(Mutex::new(Duration::ZERO));
        let shown = Arc::clone(&time);
        Fixture { guard: Guard::new(rates, &Clock::new(move || *shown.lock())), time }
    }

    fn fixture_with_relays(rates: Rates) -> Fixture {
        let Fixture { guard, time } = fixture(rates);
        Fixture { guard: guard.with_relays(), time }
    }

    impl Fixture {
        /// Sends a request in the clear. Keys that start with `good` are valid, and keys that start
        /// with `old` were once.
        fn in_the_clear(&self, source: &'static str, key: &str) -> Result<(), Limited> {
            let mark = Mark::Credential(self.guard.digest(&[source.as_bytes(), key.as_bytes()]));
            self.send(source, mark, key)
        }

        /// Sends a request whose key is seen only after it was admitted.
        fn sealed(&self, source: &'static str, key: &str) -> Result<(), Limited> {
            self.send(source, Mark::ReplyTo(self.guard.digest(&[source.as_bytes()])), key)
        }

        fn send(&self, source: &'static str, mark: Mark, key: &str) -> Result<(), Limited> {
            let visit = self.guard.admit(Some(source), Some(mark), ONE)?;
            let verdict = match key {
                _ if key.starts_with("good") => Verdict::Good(Identity::new(key)),
                _ if key.starts_with("old") => Verdict::NoGuess,
                _ => Verdict::Wrong,
            };
            self.guard.judged(&visit, verdict).map(drop)
        }
    }

    const RATES: Rates = Rates { per_key: 1_000, per_source: 100, strangers: 0 };

    fn locked(seconds: u64) -> Result<(), Limited> {
        Err(Limited::Lockout(Duration::from_secs(seconds)))
    }

    #[test]
    fn guesses_are_locked_out_and_previously_accepted_keys_are_not() {
        let fixture = fixture(RATES);
        let send = |key: &str| fixture.in_the_clear("home", key);
        send("good-1").unwrap();
        for number in 0..10 {
            send(&format!("bad-{number}")).unwrap();
        }
        assert_eq!(send("bad-10"), locked(1));
        assert_eq!(send("good-2"), locked(1), "it would have to be checked");
        assert_eq!(send("good-1"), Ok(()));
        assert!(fixture.guard.admit(Some("home"), None, ONE).is_ok(), "no key is no guess");
        assert_eq!(fixture.in_the_clear("elsewhere", "good-1"), Ok(()));
        *fixture.time.lock() += Duration::from_secs(1);
        assert_eq!(send("good-2"), Ok(()));
        assert_eq!(send("bad-11"), Ok(()));
        assert_eq!(send("bad-12"), locked(2));
        assert_eq!(send("good-2"), Ok(()));
    }

    #[test]
    fn an_expired_key_causes_no_lockout_and_shares_the_rate_of_its_source() {
        let fixture = fixture(Rates { per_source: 10, ..RATES });
        for number in 0..20 {
            fixture.in_the_clear("home", &format!("old-{number}")).unwrap();
        }
        assert!(matches!(fixture.in_the_clear("home", "old"), Err(Limited::Rate(_))));
        *fixture.time.lock() += Duration::from_secs(1);
        assert_eq!(fixture.in_the_clear("home", "good-1"), Ok(()));
    }

    #[test]
    fn whoever_was_accepted_passes_while_strangers_are_refused() {
        let fixture = fixture(Rates { strangers: 10, ..RATES });
        fixture.sealed("gateway", "good-1").unwrap();
        fixture.in_the_clear("script", "good-2").unwrap();
        let sources: Vec<&'static str> =
            (0..100).map(|number| &*format!("made-up-{number}").leak()).collect();
        let refused = sources.iter().filter(|source| fixture.sealed(source, "bad").is_err());
        assert_eq!(refused.count(), 82, "a burst of twenty, less the two before");
        assert!(fixture.sealed("newcomer", "good-3").is_err());
        for _ in 0..500 {
            fixture.sealed("gateway", "good-1").unwrap();
            fixture.in_the_clear("script", "good-2").unwrap();
        }
    }

    #[test]
    fn wrong_keys_sent_from_where_somebody_was_accepted_shut_nobody_out() {
        let fixture = fixture_with_relays(RATES);
        fixture.sealed("gateway", "good-1").unwrap();
        for _ in 0..100 {
            fixture.sealed("gateway", "bad").unwrap();
        }
        assert_eq!(fixture.sealed("gateway", "good-1"), Ok(()));
        assert_eq!(fixture.sealed("gateway", "good-2"), Ok(()));
    }

    #[test]
    fn wrong_keys_of_one_user_of_a_relay_shut_out_none_of_the_others() {
        let fixture = fixture_with_relays(RATES);
        let send = |key: &str| {
            // Known at any relay.
            let mark = Mark::Credential(fixture.guard.digest(&[key.as_bytes()]));
            fixture.send("relay", mark, key)
        };
        send("good-1").unwrap();
        for number in 0..100 {
            send(&format!("bad-{number}")).unwrap();
        }
        assert_eq!(send("good-2"), Ok(()), "a new key");
        let rate = (0..100).find_map(|number| send(&format!("bad-{number}")).err());
        assert!(matches!(rate, Some(Limited::Rate(_))), "wrong keys share a rate: {rate:?}");
        assert_eq!(send("good-1"), Ok(()));
        for number in 0..10 {
            fixture.in_the_clear("elsewhere", &format!("bad-{number}")).unwrap();
        }
        assert_eq!(fixture.in_the_clear("elsewhere", "bad"), locked(1), "nobody was accepted");
    }

    #[test]
    fn a_place_for_answers_is_recognized_until_five_minutes_after_the_last_accepted_key() {
        let fixture = fixture_with_relays(Rates { per_source: 1, ..RATES });
        let send = |key: &str| fixture.sealed("gateway", key);
        let pass = |time: Duration| *fixture.time.lock() += time;
        send("good-1").unwrap();
        for _ in 0..3 {
            pass(RECOGNIZED_FOR.saturating_sub(Duration::from_secs(1)));
            for _ in 0..10 {
                send("old").unwrap();
            }
            send("good-1").unwrap();
        }
        pass(RECOGNIZED_FOR);
        for _ in 0..10 {
            send("good-1").unwrap();
        }
        // Its key is revoked.
        pass(RECOGNIZED_FOR);
        let admitted = (0..20).take_while(|_| send("old").is_ok()).count();
        assert_eq!(admitted, 3, "one more, and the burst of a source");
        pass(Duration::from_mins(1));
        for number in 0..20 {
            send(&format!("bad-{number}")).unwrap();
            pass(Duration::from_secs(1));
        }
        assert_eq!(send("good-1"), Ok(()), "no lockout, whoever sent the wrong keys");
        assert_eq!((0..10).find_map(|_| send("good-1").err()), None, "recognized again");
    }

    #[test]
    fn a_recognized_sender_pays_before_its_request_is_looked_at() {
        let fixture = fixture(Rates { per_key: 10, ..RATES });
        fixture.sealed("one", "good-1").unwrap();
        fixture.sealed("two", "good-1").unwrap();
        for _ in 0..9 {
            fixture.sealed("one", "bad").unwrap();
            fixture.sealed("two", "bad").unwrap();
        }
        let mark = |source: &str| Some(Mark::ReplyTo(fixture.guard.digest(&[source.as_bytes()])));
        for source in ["one", "two"] {
            let refused = fixture.guard.admit(Some(source), mark(source), ONE).unwrap_err();
            assert_eq!(refused, Limited::Rate(Duration::from_millis(100)), "one rate for both");
        }
        assert_eq!(fixture.sealed("three", "good-2"), Ok(()));
    }
}
