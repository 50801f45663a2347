//! Counts the refusals of one endpoint by code. The service API counts only errors without a body,
//! so its own error counter stays at zero and these counts are in the `data` of the statistics.

use std::sync::atomic::{AtomicU64, Ordering};

use ledger_contract::errors::Code;
use serde_json::{Map, Value, json};

/// Refusals by code.
#[derive(Debug)]
pub(crate) struct Counters {
    refused: Vec<AtomicU64>,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self { refused: Code::ALL.iter().map(|_| AtomicU64::new(0)).collect() }
    }

    /// Counts one refusal.
    pub(crate) fn count(&self, code: Code) {
        if let Some(counter) = self.refused.get(code as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the codes that have occurred, with their counts.
    pub(crate) fn snapshot(&self) -> Value {
        let counts = Code::ALL.iter().zip(&self.refused);
        let used = counts.filter_map(|(code, counter)| {
            let count = counter.load(Ordering::Relaxed);
            (count > 0).then(|| (code.as_str().to_owned(), Value::from(count)))
        });
        json!({ "refused": used.collect::<Map<_, _>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_in_use_are_shown() {
        let counters = Counters::new();
        for code in Code::ALL {
            assert_eq!(Code::ALL[*code as usize], *code, "counted under its own number");
        }
        counters.count(Code::Busy);
        counters.count(Code::Busy);
        counters.count(Code::SlugTaken);
        assert_eq!(counters.snapshot(), json!({ "refused": { "busy": 2, "slug_taken": 1 } }));
    }
}
