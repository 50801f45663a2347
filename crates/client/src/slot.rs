//! One secret of a mirror: its last known value and the result of the last fetch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::error::ClientError;
use crate::reveal::Secret;

/// After a temporary failure, how long the last known value is used without another request.
const REST: Duration = Duration::from_secs(5);

/// Holds one secret. It is locked during a fetch, so that concurrent requests cause only one.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    secret: Option<Arc<Secret>>,
    /// The last fetch, if it failed temporarily.
    failed: Option<(Instant, ClientError)>,
}

impl Slot {
    /// Returns the value of generation `wanted` or later, stored or from `fetch`. After a temporary
    /// failure, returns the last known value.
    ///
    /// Callers that waited for another's fetch share its failure, so that each waits for at most
    /// one timeout if the ledger does not answer.
    pub(crate) async fn get(
        &self,
        wanted: Option<u64>,
        fetch: impl AsyncFnOnce() -> Result<Secret, ClientError>,
    ) -> Result<Arc<Secret>, ClientError> {
        let asked_at = Instant::now();
        let mut held = self.0.lock().await;
        if let Some(secret) = &held.secret
            && wanted.is_some_and(|wanted| secret.generation() >= wanted)
        {
            return Ok(Arc::clone(secret));
        }
        match (&held.secret, &held.failed) {
            (Some(secret), Some((at, _))) if at.elapsed() < REST => return Ok(Arc::clone(secret)),
            (None, Some((at, error))) if asked_at < *at => return Err(error.clone()),
            _ => {}
        }
        match fetch().await {
            Ok(secret) => {
                let secret = Arc::new(secret);
                *held = Held { secret: Some(Arc::clone(&secret)), failed: None };
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
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    fn away() -> ClientError {
        ClientError::Unanswered("no answer".to_owned())
    }

    #[tokio::test]
    async fn while_the_ledger_is_away_the_last_value_is_served_at_once() {
        let slot = Slot::default();
        let first = slot.get(Some(1), async || Ok(Secret::new(1, "v-1"))).await.unwrap();
        assert_eq!(first.value(), "v-1");
        let old = slot.get(Some(2), async || Err(away())).await.unwrap();
        assert_eq!(old.value(), "v-1");
        slot.0.lock().await.failed = None;
        let refused = async || Err(ClientError::LoginRefused("new passwords".to_owned()));
        assert_eq!(slot.get(Some(2), refused).await.unwrap().value(), "v-1");
        let at_once = slot.get(Some(2), async || panic!("nobody is asked")).await.unwrap();
        assert_eq!(at_once.value(), "v-1");
        slot.0.lock().await.failed = Some((Instant::now().checked_sub(REST).unwrap(), away()));
        let new = slot.get(Some(2), async || Ok(Secret::new(2, "v-2"))).await.unwrap();
        assert_eq!(new.value(), "v-2");
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
            asking.get(Some(1), failing).await
        });
        while slot.0.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        let waiting = slot.get(Some(1), async || panic!("one has asked already"));
        let (second, ()) = tokio::join!(waiting, async { fail.send(()).unwrap() });
        assert!(matches!(second, Err(ClientError::Unanswered(_))));
        assert!(matches!(first.await.unwrap(), Err(ClientError::Unanswered(_))));
        let later = slot.get(Some(1), async || Ok(Secret::new(1, "v-1"))).await.unwrap();
        assert_eq!(later.value(), "v-1", "who comes later asks again");
    }

    #[tokio::test]
    async fn a_refusal_that_will_not_pass_is_told_and_not_remembered() {
        let slot = Slot::default();
        slot.get(Some(1), async || Ok(Secret::new(1, "v-1"))).await.unwrap();
        let refusal = async || Err(ClientError::Internal("no".to_owned()));
        assert!(slot.get(Some(2), refusal).await.is_err());
        let new = slot.get(Some(2), async || Ok(Secret::new(2, "v-2"))).await.unwrap();
        assert_eq!(new.generation(), 2);
    }
}
