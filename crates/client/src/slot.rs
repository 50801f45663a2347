//! One secret of a mirror: its last known value and the result of the last fetch.

use std::sync::{Arc, Weak};
use std::time::Duration;

use ledger_domain::Incarnation;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::ClientError;
use crate::reveal::Secret;
use crate::watch::is_same;

/// How long a value is used without another request after a temporary failure, and if it is of
/// another history than the connection.
const REST: Duration = Duration::from_secs(5);
/// How long a value is used that the ledger found elsewhere, where it may change unnoticed.
const ELSEWHERE: Duration = Duration::from_mins(5);

/// What a caller knows of the value that they want.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownGeneration {
    /// Its generation, or `None` if that is unknown.
    pub(crate) generation: Option<u64>,
    /// The history in which it has that generation.
    pub(crate) incarnation: Option<Incarnation>,
}

/// Holds one secret.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Locked during a fetch, so that concurrent requests cause only one.
    held: Mutex<Held>,
    /// Never locked for long.
    given: parking_lot::Mutex<Given>,
}

#[derive(Debug, Default)]
struct Held {
    secret: Option<Arc<Secret>>,
    /// When the secret was fetched.
    fetched: Option<Instant>,
    /// The history of the connection for which it was fetched.
    fetched_for: Option<Incarnation>,
    /// The last fetch, if it failed temporarily.
    failed: Option<(Instant, ClientError)>,
}

/// What was given out, and what of it others know.
#[derive(Debug, Default)]
struct Given {
    /// Values that somebody may still hold, this slot or a caller.
    values: Vec<Weak<Secret>>,
    /// The latest generation that others know, with its history.
    compromised: Option<(u64, Option<Incarnation>)>,
    /// Whether a value was dropped for that, and no other was fetched yet.
    lacks_value: bool,
}

impl Given {
    fn is_compromised(&self, secret: &Secret) -> bool {
        self.compromised.is_some_and(|(latest, history)| {
            secret.generation() <= latest && is_same(secret.incarnation(), history)
        })
    }
}

impl Held {
    /// Returns the value if it is the wanted one or a later one.
    ///
    /// After a restore, the ledger may answer in its new history while the connection is still
    /// known in the former one. Generations of the two cannot be compared, so the answer holds for
    /// a while and not for long.
    fn fresh(&self, wanted: KnownGeneration) -> Option<&Arc<Secret>> {
        let secret = self.secret.as_ref()?;
        let age = self.fetched.map(|at| at.elapsed());
        if secret.reference().is_some() && age.is_none_or(|age| age >= ELSEWHERE) {
            return None;
        }
        let is_fresh = if is_same(secret.incarnation(), wanted.incarnation) {
            wanted.generation.is_some_and(|generation| secret.generation() >= generation)
        } else {
            self.fetched_for == wanted.incarnation && age.is_some_and(|age| age < REST)
        };
        is_fresh.then_some(secret)
    }
}

impl Slot {
    /// Returns the generation that is in use, with its history: the earliest that a caller still
    /// holds, or else the stored one. Returns `None` if nothing was fetched, or nothing is held.
    pub(crate) async fn in_use(&self) -> Option<(u64, Option<Incarnation>)> {
        let held = self.held.lock().await;
        let mut given = self.given.lock();
        given.values.retain(|value| value.strong_count() > 0);
        let values: Vec<_> = given.values.iter().filter_map(Weak::upgrade).collect();
        let newest = values.iter().max_by_key(|value| value.generation());
        // Those of another history are counted by it.
        let own = held.secret.as_ref().or(newest)?.incarnation();
        let values = values.iter().filter(|value| value.incarnation() == own);
        Some((values.map(|value| value.generation()).min()?, own))
    }

    /// Notes that others know a generation of a history and those before it. What is held of them
    /// is dropped, and whoever still holds one can tell; none is given out from now on. Returns
    /// whether something was held.
    pub(crate) fn compromise(&self, latest: u64, history: Option<Incarnation>) -> bool {
        {
            let mut given = self.given.lock();
            if given.compromised == Some((latest, history)) {
                return false;
            }
            given.compromised = Some((latest, history));
            let values = given.values.iter().filter_map(Weak::upgrade);
            let known: Vec<_> = values.filter(|value| given.is_compromised(value)).collect();
            for value in &known {
                value.mark_compromised();
            }
            if known.is_empty() {
                return false;
            }
            given.lacks_value = true;
        }
        // While it is locked, a fetch is under way, whose end drops the value.
        if let Ok(mut held) = self.held.try_lock() {
            self.drop_compromised(&mut held);
        }
        true
    }

    /// Returns whether a value was dropped because others know it, and no other was fetched yet.
    pub(crate) fn lacks_value(&self) -> bool {
        self.given.lock().lacks_value
    }

    fn drop_compromised(&self, held: &mut Held) {
        let given = self.given.lock();
        drop(held.secret.take_if(|secret| given.is_compromised(secret)));
    }

    /// Returns the value of the wanted generation or a later one, stored or from `fetch`. After a
    /// temporary failure, returns the last known value, unless others know it.
    ///
    /// Callers that waited for another's fetch share its failure, so that each waits for at most
    /// one timeout if the ledger does not answer.
    pub(crate) async fn get(
        &self,
        wanted: KnownGeneration,
        fetch: impl AsyncFnOnce() -> Result<Secret, ClientError>,
    ) -> Result<Arc<Secret>, ClientError> {
        let asked_at = Instant::now();
        let mut held = self.held.lock().await;
        self.drop_compromised(&mut held);
        if let Some(secret) = held.fresh(wanted) {
            return Ok(Arc::clone(secret));
        }
        match (&held.secret, &held.failed) {
            (Some(secret), Some((at, _))) if at.elapsed() < REST => return Ok(Arc::clone(secret)),
            (None, Some((at, error))) if asked_at < *at => return Err(error.clone()),
            _ => {}
        }
        let fetched = fetch().await;
        self.drop_compromised(&mut held);
        match fetched {
            Ok(secret) => {
                let secret = self.give(secret)?;
                *held = Held {
                    secret: Some(Arc::clone(&secret)),
                    fetched: Some(Instant::now()),
                    fetched_for: wanted.incarnation,
                    failed: None,
                };
                Ok(secret)
            }
            Err(error) if error.is_away() => {
                held.failed = Some((Instant::now(), error.clone()));
                let Some(secret) = &held.secret else { return Err(error) };
                tracing::warn!(%error, "the ledger cannot be reached; using the last known secret");
                Ok(Arc::clone(secret))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes note of a value that is about to be given out, unless others know it by now.
    fn give(&self, secret: Secret) -> Result<Arc<Secret>, ClientError> {
        let mut given = self.given.lock();
        if given.is_compromised(&secret) {
            let problem = "the value was compromised while it was fetched; ask again";
            return Err(ClientError::Unavailable(problem.to_owned()));
        }
        let secret = Arc::new(secret);
        given.values.retain(|value| value.strong_count() > 0);
        given.values.push(Arc::downgrade(&secret));
        given.lacks_value = false;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    const OWN: Incarnation = Incarnation::from_bytes([1; 16]);
    const OTHER: Incarnation = Incarnation::from_bytes([2; 16]);

    fn wanted(generation: u64, incarnation: Incarnation) -> KnownGeneration {
        KnownGeneration { generation: Some(generation), incarnation: Some(incarnation) }
    }

    fn of(generation: u64) -> KnownGeneration {
        wanted(generation, OWN)
    }

    fn secret(generation: u64, value: &str) -> Secret {
        Secret::new(generation, OWN, value)
    }

    fn away() -> ClientError {
        ClientError::Unanswered("no answer".to_owned())
    }

    #[tokio::test]
    async fn while_the_ledger_is_away_the_last_value_is_served_at_once() {
        let slot = Slot::default();
        let first = slot.get(of(1), async || Ok(secret(1, "v-1"))).await.unwrap();
        assert_eq!(first.value(), "v-1");
        let old = slot.get(of(2), async || Err(away())).await.unwrap();
        assert_eq!(old.value(), "v-1");
        slot.held.lock().await.failed = None;
        let refused = async || Err(ClientError::LoginRefused("new passwords".to_owned()));
        assert_eq!(slot.get(of(2), refused).await.unwrap().value(), "v-1");
        let at_once = slot.get(of(2), async || panic!("nobody is asked")).await.unwrap();
        assert_eq!(at_once.value(), "v-1");
        slot.held.lock().await.failed = Some((Instant::now().checked_sub(REST).unwrap(), away()));
        let new = slot.get(of(2), async || Ok(secret(2, "v-2"))).await.unwrap();
        assert_eq!(new.value(), "v-2");
    }

    #[tokio::test]
    async fn a_value_is_in_use_until_its_last_holder_drops_it() {
        let slot = Slot::default();
        assert_eq!(slot.in_use().await, None);
        let first = slot.get(of(1), async || Ok(secret(1, "v-1"))).await.unwrap();
        let second = slot.get(of(2), async || Ok(secret(2, "v-2"))).await.unwrap();
        assert_eq!(slot.in_use().await, Some((1, Some(OWN))));
        drop(first);
        assert_eq!(slot.in_use().await, Some((2, Some(OWN))));
        slot.get(wanted(1, OTHER), async || Ok(Secret::new(1, OTHER, "restored"))).await.unwrap();
        assert_eq!(slot.in_use().await, Some((1, Some(OTHER))));
        drop(second);
    }

    #[tokio::test]
    async fn who_waits_for_a_ledger_that_does_not_answer_shares_the_failure() {
        let slot = Arc::new(Slot::default());
        let (fail, failing) = oneshot::channel::<()>();
        let asking = Arc::clone(&slot);
        let first = tokio::spawn(async move {
            let failing = async || {
                failing.await.ok();
                Err(away())
            };
            asking.get(of(1), failing).await
        });
        while slot.held.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        let waiting = slot.get(of(1), async || panic!("one has asked already"));
        let (second, ()) = tokio::join!(waiting, async { fail.send(()).unwrap() });
        assert!(matches!(second, Err(ClientError::Unanswered(_))));
        assert!(matches!(first.await.unwrap(), Err(ClientError::Unanswered(_))));
        let later = slot.get(of(1), async || Ok(secret(1, "v-1"))).await.unwrap();
        assert_eq!(later.value(), "v-1", "who comes later asks again");
    }

    #[tokio::test]
    async fn a_refusal_that_will_not_pass_is_told_and_not_remembered() {
        let slot = Slot::default();
        slot.get(of(1), async || Ok(secret(1, "v-1"))).await.unwrap();
        let refusal = async || Err(ClientError::Internal("no".to_owned()));
        assert!(slot.get(of(2), refusal).await.is_err());
        let new = slot.get(of(2), async || Ok(secret(2, "v-2"))).await.unwrap();
        assert_eq!(new.generation(), 2);
    }

    #[tokio::test]
    async fn a_secret_of_another_history_is_fetched_again() {
        let slot = Slot::default();
        slot.get(of(3), async || Ok(secret(3, "lost"))).await.unwrap();
        let restored = async || Ok(Secret::new(2, OTHER, "restored"));
        let now = slot.get(wanted(2, OTHER), restored).await.unwrap();
        assert_eq!(now.value(), "restored", "a higher generation is no later value");
        let none = async || panic!("nobody is asked");
        assert_eq!(slot.get(wanted(2, OTHER), none).await.unwrap().value(), "restored");
        let rotated = async || Ok(Secret::new(3, OTHER, "rotated"));
        let now = slot.get(wanted(3, OTHER), rotated).await.unwrap();
        assert_eq!(now.value(), "rotated", "the same generation is another value");
    }

    #[tokio::test]
    async fn an_answer_of_a_history_that_the_mirror_does_not_know_yet_is_used_for_a_while() {
        let slot = Slot::default();
        slot.get(of(3), async || Ok(secret(3, "lost"))).await.unwrap();
        let restored = async || Ok(Secret::new(2, OTHER, "restored"));
        let now = slot.get(of(4), restored).await.unwrap();
        assert_eq!(now.value(), "restored");
        let none = async || panic!("nobody is asked");
        assert_eq!(slot.get(of(4), none).await.unwrap().value(), "restored");
        slot.held.lock().await.fetched = Instant::now().checked_sub(REST);
        let again = async || Ok(Secret::new(5, OTHER, "later"));
        assert_eq!(slot.get(of(4), again).await.unwrap().value(), "later");
    }

    #[tokio::test]
    async fn a_compromised_value_is_dropped_at_once_and_never_given_out_again() {
        let slot = Slot::default();
        assert!(!slot.compromise(1, Some(OTHER)), "nothing was held");
        let first = slot.get(of(1), async || Ok(secret(1, "v-1"))).await.unwrap();
        assert!(!first.is_compromised());
        assert!(slot.compromise(1, Some(OWN)) && slot.lacks_value());
        assert!(!slot.compromise(1, Some(OWN)), "the same again says nothing");
        assert!(first.is_compromised() && slot.held.lock().await.secret.is_none());
        assert_eq!(slot.in_use().await, Some((1, Some(OWN))), "a request still holds it");
        drop(first);
        assert_eq!(slot.in_use().await, None);
        // Not even if the ledger is away, or answers late, whatever the caller knows.
        assert!(slot.get(of(1), async || Err(away())).await.is_err());
        slot.held.lock().await.failed = None;
        assert!(slot.get(of(1), async || Ok(secret(1, "v-1"))).await.is_err());
        let second = slot.get(of(1), async || Ok(secret(2, "v-2"))).await.unwrap();
        assert_eq!((second.value(), slot.lacks_value()), ("v-2", false));
        let other = slot.get(wanted(1, OTHER), async || Ok(Secret::new(1, OTHER, "restored")));
        assert_eq!(other.await.unwrap().value(), "restored", "another history, another value");
    }

    #[tokio::test]
    async fn a_value_that_is_compromised_during_a_fetch_is_not_what_a_failure_falls_back_to() {
        let slot = Slot::default();
        slot.get(of(1), async || Ok(secret(1, "v-1"))).await.unwrap();
        let fetch = async || {
            assert!(slot.compromise(1, Some(OWN)));
            Err(away())
        };
        assert!(slot.get(of(2), fetch).await.is_err());
    }

    #[tokio::test]
    async fn while_the_ledger_is_away_a_secret_of_the_former_history_is_served() {
        let slot = Slot::default();
        slot.get(of(3), async || Ok(secret(3, "former"))).await.unwrap();
        let kept = slot.get(wanted(2, OTHER), async || Err(away())).await.unwrap();
        assert_eq!(kept.value(), "former");
    }
}
