//! Who was accepted before: under which marks, and at which sources.

use std::hash::Hash;
use std::time::Duration;

use crate::generations::Generations;
use crate::mark::Mark;
use crate::verdict::Identity;

/// Most marks, and most relays, that are remembered. A table of the full size has 1,048,576 entries
/// for the half of it, so all marks together take less than 90 MB, and all relays half as much.
const KNOWN_MAX: usize = 1_000_000;
/// How long a place for answers is recognized for sure after the last key was accepted there.
pub(crate) const RECOGNIZED_FOR: Duration = Duration::from_mins(5);

/// The marks and sources of those who were accepted.
#[derive(Debug)]
pub(crate) struct Known<Source> {
    marks: Generations<Mark, Accepted>,
    relays: Generations<Source, ()>,
}

/// Who was accepted, and when for the last time. It is kept small, since there are many.
#[derive(Debug)]
struct Accepted {
    identity: Identity,
    second: u32,
}

impl<Source: Eq + Hash> Known<Source> {
    pub(crate) fn new() -> Self {
        Self { marks: Generations::new(KNOWN_MAX), relays: Generations::new(KNOWN_MAX) }
    }

    /// Returns who was accepted under a mark.
    ///
    /// Where no key was accepted for [`RECOGNIZED_FOR`], only one more request is recognized, until
    /// a key is accepted again: the former one may have been revoked.
    pub(crate) fn recognize(&mut self, mark: Mark, now: Duration) -> Option<Identity> {
        let Accepted { identity, second } = *self.marks.get_mut(&mark)?;
        let lapsed = now.as_secs() >= u64::from(second) + RECOGNIZED_FOR.as_secs();
        if lapsed && matches!(mark, Mark::ReplyTo(_)) {
            self.marks.remove(&mark);
        }
        Some(identity)
    }

    /// Notes that an identity was accepted under a mark.
    pub(crate) fn accept(&mut self, mark: Mark, identity: Identity, now: Duration) {
        let second = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        self.marks.put(mark, Accepted { identity, second });
    }

    /// Forgets a mark.
    pub(crate) fn forget(&mut self, mark: Mark) {
        self.marks.remove(&mark);
    }

    /// Notes that somebody was accepted at a source.
    pub(crate) fn accept_at(&mut self, source: Source) {
        self.relays.put(source, ());
    }

    /// Returns whether somebody was accepted at a source.
    pub(crate) fn was_accepted_at(&mut self, source: &Source) -> bool {
        self.relays.get_mut(source).is_some()
    }
}

#[cfg(test)]
mod tests {
    use crate::mark::Digest;

    use super::*;

    #[test]
    fn a_million_known_senders_take_little_memory() {
        // One byte of each entry belongs to the table.
        let bytes = |entry: usize| (entry + 1) * 2 * (KNOWN_MAX / 2 * 8 / 7).next_power_of_two();
        assert!(bytes(size_of::<(Mark, Accepted)>()) < 90_000_000);
        assert!(bytes(size_of::<(Digest, ())>()) < 45_000_000);
    }
}
