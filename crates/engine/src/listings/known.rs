//! What providers have listed, for a while, and who is asking them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use ledger_domain::{CheckedText as _, Connection, ConnectionId, Micros};
use ledger_providers::ListedModel;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::ModelsRefusal;
use crate::engine::Engine;
use crate::errors::ExecuteError;
use crate::writer::Recent;

/// Most providers that are asked at once; others wait for them.
const ASKING_MAX: usize = 16;
/// Connections of which something is known; those asked for least recently are forgotten.
const CONNECTIONS_MAX: usize = 131_072;
/// Bytes that all answers may take together.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long an answer is given without asking again, unless the operator says otherwise.
const AGE_MAX: Duration = Duration::from_hours(1);

/// What an answer depends on: provider, settings and secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Basis([u8; 32]);

impl Basis {
    pub(super) fn of(connection: &Connection) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        let details = &connection.details;
        add(details.provider.as_str());
        add(details.auth_method.as_str());
        for (name, value) in &details.config {
            add(name.as_str());
            add(value.text());
        }
        add("");
        for (name, secret) in &connection.secrets {
            add(name.as_str());
            add(&secret.generation.get().to_string());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl Basis {
    /// Returns one that no other request has, so that nobody joins it.
    pub(super) fn of_one_request(engine: &Engine) -> Self {
        let mut unique = [0; 32];
        rand::RngCore::fill_bytes(&mut engine.shared.ports.rng(), &mut unique);
        Self(unique)
    }
}

/// What a provider listed.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(super) at: Micros,
    pub(super) models: Vec<ListedModel>,
    pub(super) truncated: bool,
}

/// What is known of one connection.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) basis: Basis,
    /// When the provider was last asked.
    pub(super) asked_at: Micros,
    pub(super) listed: Option<Arc<Listed>>,
    /// Why there is nothing newer, and until when nobody asks again.
    pub(super) refusal: Option<(ModelsRefusal, Micros)>,
}

/// How asking a provider ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// There is an answer.
    Listed(Arc<Listed>),
    /// The provider gave none.
    Refused(ModelsRefusal),
    /// The ledger could not do its part.
    Failed(Arc<ExecuteError>),
}

/// A provider that is being asked, for all who wait for the answer.
pub(super) type Flight = Shared<BoxFuture<'static, Ended>>;

type Flights = Arc<Mutex<HashMap<(ConnectionId, Basis), Flight>>>;

/// The lists of models.
#[derive(Debug)]
pub(crate) struct Listings {
    known: Mutex<Recent<ConnectionId, Known>>,
    flights: Flights,
    pub(super) room: Arc<Semaphore>,
    age_max_micros: AtomicI64,
}

impl Default for Listings {
    fn default() -> Self {
        let listings = Self {
            known: Mutex::new(Recent::new(CONNECTIONS_MAX).within(BYTES_MAX)),
            flights: Flights::default(),
            room: Arc::new(Semaphore::new(ASKING_MAX)),
            age_max_micros: AtomicI64::default(),
        };
        listings.set_age_max(AGE_MAX);
        listings
    }
}

/// Ends a flight for those who come later.
#[derive(Debug)]
pub(super) struct Landing {
    flights: Flights,
    key: (ConnectionId, Basis),
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

impl Listings {
    /// Sets how long an answer is given without asking again; zero if no provider is ever asked.
    pub(crate) fn set_age_max(&self, age: Duration) {
        self.age_max_micros.store(micros(age), Ordering::Relaxed);
    }

    /// Returns how long an answer is given without asking again.
    pub(super) fn age_max_micros(&self) -> i64 {
        self.age_max_micros.load(Ordering::Relaxed)
    }

    /// Returns what is known of a connection as it is. Of one that has changed, nothing is.
    pub(super) fn known(&self, id: ConnectionId, basis: Basis) -> Option<Known> {
        let mut all = self.known.lock();
        let known = all.get(&id)?;
        if known.basis != basis {
            all.take(&id);
            return None;
        }
        Some(known.clone())
    }

    /// Keeps what is known of a connection.
    pub(super) fn keep(&self, id: ConnectionId, known: Known) {
        let texts = known.listed.iter().flat_map(|listed| &listed.models);
        let size = |model: &ListedModel| {
            let name = model.name.as_ref().map_or(0, String::len);
            size_of::<ListedModel>() + model.id.len() + name + model.capabilities.len()
        };
        let bytes = size_of::<Known>() + texts.map(size).sum::<usize>();
        self.known.lock().set_sized(id, known, bytes, |_| true);
    }

    /// Returns the flight of a connection, or begins one. Returns whether it began one.
    pub(super) fn join(
        &self,
        id: ConnectionId,
        basis: Basis,
        begin: impl FnOnce(Landing) -> BoxFuture<'static, Ended>,
    ) -> (Flight, bool) {
        let key = (id, basis);
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.get(&key) {
            return (flight.clone(), false);
        }
        let flight = begin(Landing { flights: Arc::clone(&self.flights), key }).shared();
        flights.insert(key, flight.clone());
        (flight, true)
    }
}

/// Returns a time in microseconds.
pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(number: u8, models: usize) -> Known {
        let model = ListedModel { id: "m".repeat(255), name: None, capabilities: Vec::new() };
        let listed = Listed { models: vec![model; models], ..Listed::default() };
        Known {
            basis: Basis([number; 32]),
            asked_at: Micros::new(0),
            listed: Some(Arc::new(listed)),
            refusal: None,
        }
    }

    #[test]
    fn what_is_kept_has_a_limit_and_is_of_the_connection_as_it_is() {
        let listings = Listings::default();
        let id = |number: u32| {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            ConnectionId::from_bytes(bytes)
        };
        for number in 0..1_000 {
            listings.keep(id(number), known(1, 1_000));
        }
        let kept =
            (0..1_000).filter(|number| listings.known(id(*number), Basis([1; 32])).is_some());
        let kept = kept.count();
        assert!((100..260).contains(&kept), "64 MiB hold {kept} lists of a thousand models");
        assert!(listings.known(id(999), Basis([2; 32])).is_none(), "it has changed");
        assert!(listings.known(id(999), Basis([1; 32])).is_none(), "and is forgotten");
    }

    #[tokio::test]
    async fn whoever_asks_for_the_same_at_once_shares_one_flight() {
        let listings = Listings::default();
        let id = ConnectionId::from_bytes([1; 16]);
        let begin = |landing: Landing| {
            async move {
                tokio::task::yield_now().await;
                drop(landing);
                Ended::Listed(Arc::default())
            }
            .boxed()
        };
        let (first, is_own) = listings.join(id, Basis([1; 32]), begin);
        assert!(is_own);
        assert!(!listings.join(id, Basis([1; 32]), begin).1, "the same");
        assert!(listings.join(id, Basis([2; 32]), begin).1, "another secret");
        first.await;
        assert!(listings.join(id, Basis([1; 32]), begin).1, "it has ended");
    }
}
