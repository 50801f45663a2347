//! The time of day, for what runs beside the engine.

use ledger_domain::Micros;

/// Returns the time of the machine's clock.
#[expect(clippy::disallowed_methods, reason = "the binary hands the parts their clock")]
pub(crate) fn now() -> Micros {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Micros::new(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}
