//! The only file that reads the clock or generates ids.

use std::time::{Duration, SystemTime};

use ledger_contract::time;
use ledger_domain::Micros;
use uuid::Uuid;

/// Returns the time `ahead` from now, as a header value.
#[expect(clippy::disallowed_methods, reason = "a deadline is a time on the caller's own clock")]
pub(crate) fn deadline(ahead: Duration) -> String {
    let since_epoch =
        (SystemTime::now() + ahead).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    time::format(Micros::new(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)))
}

/// Generates an unguessable name. Knowing a consumer's name may suffice to read from it.
#[expect(clippy::disallowed_methods, reason = "a secret name must be random")]
pub(crate) fn new_consumer_name() -> String {
    format!("ledger_{}", Uuid::new_v4().simple())
}

/// Generates a unique command id.
#[expect(clippy::disallowed_methods, reason = "a command id of one's own must be new")]
pub fn new_command_id() -> String {
    Uuid::now_v7().to_string()
}
