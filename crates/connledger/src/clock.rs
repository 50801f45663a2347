//! The time of day, for commands that open no ledger.

use ledger_domain::Micros;
use ledger_engine::Clock;

/// Returns the time of the machine's clock.
pub(crate) fn now() -> Micros {
    Clock::system().now()
}
