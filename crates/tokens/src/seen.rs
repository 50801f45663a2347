//! Tokens found good before, so that a signature is checked once.

use std::collections::{HashMap, VecDeque};

use ledger_domain::Micros;
use ledger_engine::Caller;

/// Most tokens remembered; the oldest make room.
const SEEN_MAX: usize = 4_096;

/// A keyed digest of a token.
pub(crate) type TokenDigest = [u8; 32];

/// Tokens found good, by their digests.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    entries: HashMap<TokenDigest, Entry>,
    order: VecDeque<TokenDigest>,
}

#[derive(Debug)]
struct Entry {
    caller: Caller,
    until: Micros,
    /// Digest of the keys it was checked with. Other keys may not be those of its issuer any more.
    keys: [u8; 32],
}

impl Seen {
    /// Returns who a token stands for, if it was found good with these keys and is good still.
    pub(crate) fn get(&self, token: &TokenDigest, keys: &[u8; 32], now: Micros) -> Option<Caller> {
        let entry = self.entries.get(token)?;
        (entry.keys == *keys && now < entry.until).then(|| entry.caller.clone())
    }

    /// Remembers a good token.
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
    fn the_oldest_make_room_and_other_keys_or_the_end_undo_it() {
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
