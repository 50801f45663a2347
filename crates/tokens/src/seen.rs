//! Caches verified tokens, so that each signature is verified once.

use std::collections::{HashMap, VecDeque};

use ledger_domain::Micros;
use ledger_engine::Caller;

/// Maximum number of cached tokens; the oldest are evicted.
const SEEN_MAX: usize = 4_096;

/// A keyed digest of a token.
pub(crate) type TokenDigest = [u8; 32];

/// Verified tokens, by digest.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    entries: HashMap<TokenDigest, Entry>,
    order: VecDeque<TokenDigest>,
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    until: Micros,
    /// Digest of the set of keys that verified it. With another set, the token is verified again.
    keys: [u8; 32],
}

impl Seen {
    /// Returns the caller of a token, if it was verified with these keys and has not expired.
    pub(crate) fn get(&self, token: &TokenDigest, keys: &[u8; 32], now: Micros) -> Option<Caller> {
        let entry = self.entries.get(token)?;
        (entry.keys == *keys && now < entry.until).then(|| entry.caller.clone())
    }

    /// Caches a verified token.
    pub(crate) fn put(
        &mut self,
        token: TokenDigest,
        keys: [u8; 32],
        caller: Caller,
        until: Micros,
    ) {
        if self.entries.insert(token, Entry { caller, until, keys }).is_some() {
            return;
        }
        self.order.push_back(token);
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::Actor;

    use super::*;

    fn token(number: usize) -> TokenDigest {
        *blake3::hash(&number.to_be_bytes()).as_bytes()
    }

    #[test]
    fn entries_end_by_eviction_expiry_or_other_keys() {
        let mut seen = Seen::default();
        let (keys, others) = ([1; 32], [2; 32]);
        let until = Micros::new(10);
        for number in 0..=SEEN_MAX {
            let caller = Caller::new(Actor::new("oidc:a"), Vec::new());
            seen.put(token(number), keys, caller, until);
        }
        assert_eq!((seen.entries.len(), seen.order.len()), (SEEN_MAX, SEEN_MAX));
        let known = |number, keys, now| seen.get(&token(number), keys, Micros::new(now)).is_some();
        assert!(!known(0, &keys, 9), "the oldest");
        assert!(known(1, &keys, 9) && known(SEEN_MAX, &keys, 9));
        assert!(!known(1, &keys, 10) && !known(1, &others, 9));
    }
}
