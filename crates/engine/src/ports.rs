//! Sources of time, ids and randomness, passed in with [`EngineOptions`].
//!
//! This is the only file that uses those of the system.
//!
//! [`EngineOptions`]: crate::EngineOptions

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ledger_domain::{ConnectionId, EventId, Incarnation, LedgerId, MessageId, Micros};
use rand::rngs::OsRng;
use rand::{CryptoRng, RngCore, TryRngCore as _};
use uuid::Uuid;

/// Sources of time, ids and randomness. The default is the system's own.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The source of time.
    pub clock: Clock,
    /// The source of ids for connections, events, ledgers, and commands sent without an id.
    pub ids: IdSource,
    /// The source of keys and nonces. Anything but a cryptographic generator exposes every secret.
    pub randomness: Randomness,
}

impl Default for Ports {
    fn default() -> Self {
        Self { clock: Clock::system(), ids: IdSource::system(), randomness: Randomness::system() }
    }
}

impl Ports {
    pub(crate) fn now(&self) -> Micros {
        self.clock.now()
    }

    pub(crate) fn rng(&self) -> impl CryptoRng {
        self.randomness.rng()
    }

    pub(crate) fn connection_id(&self) -> ConnectionId {
        ConnectionId::new(self.ids.make(self.now()))
    }

    pub(crate) fn event_id(&self, time: Micros) -> EventId {
        EventId::new(self.ids.make(time))
    }

    pub(crate) fn ledger_id(&self) -> LedgerId {
        LedgerId::new(self.ids.make(self.now()))
    }

    /// Names a new history of a ledger.
    pub(crate) fn incarnation(&self) -> Incarnation {
        Incarnation::new(self.ids.make(self.now()))
    }

    /// Creates an id for a command that was sent without one.
    pub(crate) fn command_id(&self) -> MessageId {
        let text = self.ids.make(self.now()).to_string();
        MessageId::parse("command_id", &text).expect("a UUID is a message id")
    }
}

/// A source of time. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Micros + Send + Sync>);

impl Clock {
    /// Wraps a function that returns the current time.
    pub fn new(now: impl Fn() -> Micros + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Returns the system's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    pub fn system() -> Self {
        Self::new(|| Micros::new(chrono::Utc::now().timestamp_micros()))
    }

    /// Returns the current time.
    pub fn now(&self) -> Micros {
        (self.0)()
    }

    /// Returns how long ago `moment` was. If the clock was set back, the result is large, not
    /// small.
    pub fn since(&self, moment: Micros) -> Duration {
        Duration::from_micros(self.now().get().abs_diff(moment.get()))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}

/// A source of ids. Cheap to clone.
#[derive(Clone)]
pub struct IdSource(Arc<dyn Fn(Micros) -> Uuid + Send + Sync>);

impl IdSource {
    /// Wraps a function that returns a new id for something that happens at the given time. Every
    /// id must be unique.
    pub fn new(make: impl Fn(Micros) -> Uuid + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// Returns the source of version 7 UUIDs, which sort by time.
    pub fn system() -> Self {
        Self::new(|time| {
            let mut random = [0; 10];
            rand::rng().fill_bytes(&mut random);
            let millis = u64::try_from(time.get() / 1_000).unwrap_or(0);
            uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
        })
    }

    fn make(&self, time: Micros) -> Uuid {
        (self.0)(time)
    }
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdSource(..)")
    }
}

/// A source of random bytes. Cheap to clone.
#[derive(Clone)]
pub struct Randomness(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Randomness {
    /// Wraps a function that fills a slice with random bytes.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// Returns the generator of the operating system. Unlike one in this process, it keeps no copy
    /// of the keys that were drawn.
    ///
    /// # Panics
    ///
    /// Each use panics if the operating system has no random numbers, as every other generator
    /// would.
    pub fn system() -> Self {
        Self::new(|bytes| {
            OsRng.try_fill_bytes(bytes).expect("the operating system has random numbers");
        })
    }

    /// Returns a generator that draws from this source.
    pub fn rng(&self) -> impl CryptoRng {
        Drawing(self)
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomness(..)")
    }
}

/// Adapts [`Randomness`] to the generator traits of libraries.
struct Drawing<'a>(&'a Randomness);

impl RngCore for Drawing<'_> {
    fn next_u32(&mut self) -> u32 {
        rand::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        (self.0.0)(bytes);
    }
}

impl CryptoRng for Drawing<'_> {}
