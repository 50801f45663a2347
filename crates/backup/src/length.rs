//! Lengths as numbers that are written down.

/// Returns a length, whatever the width of addresses is.
pub(crate) fn length(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
