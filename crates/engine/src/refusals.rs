//! How often was refused with which code.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_contract::errors::Code;

/// Numbers of refused commands by error code, since the start, in the order of the codes.
#[derive(Debug)]
pub(crate) struct Refusals(Vec<AtomicU64>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Code::ALL.iter().map(|_| AtomicU64::new(0)).collect())
    }
}

impl Refusals {
    pub(crate) fn count(&self, code: Code) {
        if let Some(count) = self.0.get(code as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the codes that occurred.
    pub(crate) fn each(&self) -> impl Iterator<Item = (Code, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Code::ALL.iter().copied().zip(counts).filter(|(_, count)| *count > 0)
    }

    pub(crate) fn by_code(&self) -> BTreeMap<String, u64> {
        self.each().map(|(code, count)| (code.as_str().to_owned(), count)).collect()
    }
}
