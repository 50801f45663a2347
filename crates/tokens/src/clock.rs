//! The time, which whoever starts this hands in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ledger_domain::Micros;

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Micros + Send + Sync>);

impl Clock {
    /// Wraps whatever tells the time.
    pub fn new(now: impl Fn() -> Micros + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> Micros {
        (self.0)()
    }

    /// Returns how far away a moment is. A clock that was set back makes it far, not near.
    pub(crate) fn since(&self, moment: Micros) -> Duration {
        Duration::from_micros(self.now().get().abs_diff(moment.get()))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock(..)")
    }
}
