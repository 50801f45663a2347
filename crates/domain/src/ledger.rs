//! The ledger itself, whose events have a stream of their own: which master key it wraps under,
//! which ones it has left behind, and whether it is sealed.
//!
//! | command | event | refusals |
//! |---|---|---|
//! | rotate | rotated | nothing to change; the key was retired; a key is lacking |
//! | note that all is rewrapped | rewrapped | nothing to change |
//! | retire | retired | the key is active, in use or unknown; nothing to change |
//! | seal | sealed | nothing to change |
//! | unseal | unsealed | a key is lacking; nothing to change |
//!
//! A sealed ledger has no master key, so it refuses to rotate or to retire one.
//!
//! A rotation needs every key under which something is wrapped. A key is retired when nothing is
//! wrapped under it, and what was is gone from the files, which the second event says.

use std::collections::{BTreeMap, BTreeSet};

use crate::connection::{Rejection, check_expected};
use crate::ids::{Expected, MasterKeyId, Version};

/// The ledger after some number of its own events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Version of its stream.
    pub version: Version,
    /// The master key under which everything new is wrapped, and every secret of the ledger itself.
    pub active: MasterKeyId,
    /// How many data keys are wrapped under each master key. None is zero.
    pub data_keys: BTreeMap<MasterKeyId, u64>,
    /// The master keys that are not used any more.
    pub retired: BTreeSet<MasterKeyId>,
    /// Whether something may still be wrapped under a key that was active before.
    pub is_rewrapping: bool,
    /// Whether it is sealed: it then has no master key and no data key in memory.
    pub is_sealed: bool,
}

/// A command to the ledger itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerCommand {
    /// Wraps under another master key from now on.
    RotateMasterKey {
        /// The key.
        to: MasterKeyId,
        /// All keys that are given, this one among them.
        held: BTreeSet<MasterKeyId>,
    },
    /// Notes that everything is wrapped under a key, if that is still the active one. The ledger's
    /// own.
    NoteRewrapped {
        /// The key.
        key: MasterKeyId,
    },
    /// Uses a master key no more.
    RetireMasterKey {
        /// The key.
        key: MasterKeyId,
        /// Whether the ledger has it.
        is_held: bool,
    },
    /// Uses no key that opens a secret until it is unsealed.
    Seal,
    /// Uses its keys again.
    Unseal {
        /// All keys that are given.
        held: BTreeSet<MasterKeyId>,
        /// By how many shares they were given; zero if they come from the key source.
        shares: u8,
    },
}

/// The result of an accepted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerEvent {
    /// Another master key became the active one, and every secret of the ledger itself was wrapped
    /// under it.
    MasterKeyRotated {
        /// The key that was active before.
        from: MasterKeyId,
        /// The key that is active now.
        to: MasterKeyId,
    },
    /// Every data key was wrapped under the active master key, and what was wrapped under others is
    /// gone from the files of the data directory.
    DataKeysRewrapped {
        /// The active key.
        key: MasterKeyId,
        /// The number of data keys under it.
        data_keys: u64,
    },
    /// A master key was retired.
    MasterKeyRetired {
        /// The key.
        key: MasterKeyId,
    },
    /// The ledger was sealed.
    Sealed,
    /// The ledger was unsealed.
    Unsealed {
        /// The active master key.
        key: MasterKeyId,
        /// By how many shares its keys were given; zero if they come from the key source.
        shares: u8,
    },
}

impl LedgerEvent {
    /// The stored names of all types.
    pub const TYPE_NAMES: [&'static str; 5] = [
        "master_key_rotated",
        "data_keys_rewrapped",
        "master_key_retired",
        "ledger_sealed",
        "ledger_unsealed",
    ];

    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::MasterKeyRotated { .. } => "master_key_rotated",
            Self::DataKeysRewrapped { .. } => "data_keys_rewrapped",
            Self::MasterKeyRetired { .. } => "master_key_retired",
            Self::Sealed => "ledger_sealed",
            Self::Unsealed { .. } => "ledger_unsealed",
        }
    }
}

impl Ledger {
    /// Returns a ledger without events that wraps under a key.
    pub fn under(active: MasterKeyId) -> Self {
        Self {
            version: Version::ZERO,
            active,
            data_keys: BTreeMap::new(),
            retired: BTreeSet::new(),
            is_rewrapping: false,
            is_sealed: false,
        }
    }

    /// Returns how many data keys are wrapped under a key.
    pub fn under_key(&self, key: MasterKeyId) -> u64 {
        self.data_keys.get(&key).copied().unwrap_or_default()
    }

    /// Returns how many data keys are wrapped under others than the active key.
    pub fn left_behind(&self) -> u64 {
        let others = self.data_keys.iter().filter(|(key, _)| **key != self.active);
        others.map(|(_, data_keys)| data_keys).sum()
    }

    /// Counts a data key that is wrapped under a key now, or under none because it was destroyed,
    /// and was under another one if it is not new.
    pub fn count(&mut self, from: Option<MasterKeyId>, to: Option<MasterKeyId>) {
        if let Some(from) = from
            && let Some(data_keys) = self.data_keys.get_mut(&from)
        {
            *data_keys = data_keys.saturating_sub(1);
            if *data_keys == 0 {
                self.data_keys.remove(&from);
            }
        }
        if let Some(to) = to {
            *self.data_keys.entry(to).or_default() += 1;
        }
    }

    /// Applies an event.
    pub fn evolve(&mut self, event: &LedgerEvent, version: Version) {
        self.version = version;
        match event {
            LedgerEvent::MasterKeyRotated { to, .. } => {
                self.active = *to;
                self.is_rewrapping = true;
            }
            LedgerEvent::DataKeysRewrapped { .. } => self.is_rewrapping = false,
            LedgerEvent::MasterKeyRetired { key } => {
                self.retired.insert(*key);
            }
            LedgerEvent::Sealed => self.is_sealed = true,
            LedgerEvent::Unsealed { .. } => self.is_sealed = false,
        }
    }
}

/// Decides on one command to the ledger itself.
pub fn decide_ledger(
    state: &Ledger,
    expected: Expected,
    command: LedgerCommand,
) -> Result<LedgerEvent, Rejection> {
    check_expected(state.version, expected)?;
    match command {
        LedgerCommand::RotateMasterKey { to, held } => rotate(state, to, &held),
        LedgerCommand::NoteRewrapped { key } => {
            if !state.is_rewrapping || state.left_behind() > 0 || key != state.active {
                return Err(Rejection::NothingToChange);
            }
            Ok(LedgerEvent::DataKeysRewrapped { key, data_keys: state.under_key(key) })
        }
        LedgerCommand::RetireMasterKey { key, is_held } => retire(state, key, is_held),
        LedgerCommand::Seal if state.is_sealed => Err(Rejection::NothingToChange),
        LedgerCommand::Seal => Ok(LedgerEvent::Sealed),
        LedgerCommand::Unseal { held, shares } => unseal(state, &held, shares),
    }
}

fn rotate(
    state: &Ledger,
    to: MasterKeyId,
    held: &BTreeSet<MasterKeyId>,
) -> Result<LedgerEvent, Rejection> {
    let from = state.active;
    check_unsealed(state)?;
    if to == from {
        return Err(Rejection::NothingToChange);
    }
    if state.retired.contains(&to) {
        return Err(Rejection::MasterKeyRetired { key: to });
    }
    check_held(state, held)?;
    Ok(LedgerEvent::MasterKeyRotated { from, to })
}

fn unseal(
    state: &Ledger,
    held: &BTreeSet<MasterKeyId>,
    shares: u8,
) -> Result<LedgerEvent, Rejection> {
    if !state.is_sealed {
        return Err(Rejection::NothingToChange);
    }
    check_held(state, held)?;
    Ok(LedgerEvent::Unsealed { key: state.active, shares })
}

/// Refuses keys among which one is lacking that still wraps something.
fn check_held(state: &Ledger, held: &BTreeSet<MasterKeyId>) -> Result<(), Rejection> {
    let mut wrapping = std::iter::once(&state.active).chain(state.data_keys.keys());
    match wrapping.find(|key| !held.contains(key)) {
        Some(key) => {
            Err(Rejection::MasterKeyLacking { key: *key, data_keys: state.under_key(*key) })
        }
        None => Ok(()),
    }
}

fn check_unsealed(state: &Ledger) -> Result<(), Rejection> {
    if state.is_sealed { Err(Rejection::Sealed) } else { Ok(()) }
}

fn retire(state: &Ledger, key: MasterKeyId, is_held: bool) -> Result<LedgerEvent, Rejection> {
    let data_keys = state.under_key(key);
    check_unsealed(state)?;
    if key == state.active {
        return Err(Rejection::MasterKeyActive { key });
    }
    if data_keys > 0 || (state.is_rewrapping && is_held) {
        return Err(Rejection::MasterKeyInUse { key, data_keys });
    }
    if state.retired.contains(&key) {
        return Err(Rejection::NothingToChange);
    }
    if !is_held {
        return Err(Rejection::MasterKeyUnknown { key });
    }
    Ok(LedgerEvent::MasterKeyRetired { key })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: MasterKeyId = MasterKeyId::new(1);
    const NEW: MasterKeyId = MasterKeyId::new(2);
    const OTHER: MasterKeyId = MasterKeyId::new(3);

    fn ledger(data_keys: u64) -> Ledger {
        let mut ledger = Ledger::under(OLD);
        (0..data_keys).for_each(|_| ledger.count(None, Some(OLD)));
        ledger
    }

    fn decide(state: &Ledger, command: LedgerCommand) -> Result<LedgerEvent, Rejection> {
        decide_ledger(state, Expected::Any, command)
    }

    fn rotate_to(to: MasterKeyId, held: &[MasterKeyId]) -> LedgerCommand {
        LedgerCommand::RotateMasterKey { to, held: held.iter().copied().collect() }
    }

    #[test]
    fn a_key_is_rotated_rewrapped_and_retired_in_this_order_only() {
        let mut state = ledger(2);
        let retire = || LedgerCommand::RetireMasterKey { key: OLD, is_held: true };
        assert_eq!(decide(&state, retire()), Err(Rejection::MasterKeyActive { key: OLD }));
        let steps =
            [rotate_to(NEW, &[NEW, OLD]), LedgerCommand::NoteRewrapped { key: NEW }, retire()];
        for (number, step) in (1..).zip(steps) {
            if number == 2 {
                assert_eq!(decide(&state, step.clone()), Err(Rejection::NothingToChange));
                let in_use = Rejection::MasterKeyInUse { key: OLD, data_keys: 2 };
                assert_eq!(decide(&state, retire()), Err(in_use));
                state.count(Some(OLD), Some(NEW));
                state.count(Some(OLD), Some(NEW));
                let in_use = Rejection::MasterKeyInUse { key: OLD, data_keys: 0 };
                assert_eq!(decide(&state, retire()), Err(in_use), "it is in the files");
            }
            let event = decide(&state, step).unwrap();
            state.evolve(&event, Version::new(number));
        }
        assert_eq!((state.active, state.under_key(NEW), state.left_behind()), (NEW, 2, 0));
        assert_eq!(decide(&state, retire()), Err(Rejection::NothingToChange));
        let again = decide(&state, rotate_to(OLD, &[NEW, OLD]));
        assert_eq!(again, Err(Rejection::MasterKeyRetired { key: OLD }));
        let unknown = LedgerCommand::RetireMasterKey { key: OTHER, is_held: false };
        assert_eq!(decide(&state, unknown), Err(Rejection::MasterKeyUnknown { key: OTHER }));
    }

    #[test]
    fn the_end_of_wrapping_anew_is_noted_only_for_the_key_that_it_was_for() {
        let mut state = ledger(0);
        for (number, to) in [(1, NEW), (2, OTHER)] {
            let event = decide(&state, rotate_to(to, &[OLD, NEW, OTHER])).unwrap();
            state.evolve(&event, Version::new(number));
        }
        let note = |key| decide(&state, LedgerCommand::NoteRewrapped { key });
        assert_eq!(note(NEW), Err(Rejection::NothingToChange), "another rotation came meanwhile");
        assert_eq!(note(OTHER), Ok(LedgerEvent::DataKeysRewrapped { key: OTHER, data_keys: 0 }));
    }

    #[test]
    fn a_rotation_needs_every_key_that_still_wraps_something() {
        let mut state = ledger(1);
        state.count(None, Some(OTHER));
        assert_eq!(decide(&state, rotate_to(OLD, &[OLD])), Err(Rejection::NothingToChange));
        let lacking = Rejection::MasterKeyLacking { key: OTHER, data_keys: 1 };
        assert_eq!(decide(&state, rotate_to(NEW, &[NEW, OLD])), Err(lacking));
        state.count(Some(OTHER), None);
        assert!(decide(&state, rotate_to(NEW, &[NEW, OLD])).is_ok(), "nothing is under it");
        state.count(None, Some(OTHER));
        let lacking = Rejection::MasterKeyLacking { key: OLD, data_keys: 1 };
        assert_eq!(decide(&state, rotate_to(NEW, &[NEW, OTHER])), Err(lacking));
        assert!(decide(&state, rotate_to(NEW, &[NEW, OTHER, OLD])).is_ok());
        let late = decide_ledger(&state, Expected::At(Version::new(7)), rotate_to(NEW, &[NEW]));
        assert!(matches!(late, Err(Rejection::VersionConflict { .. })));
    }

    #[test]
    fn a_sealed_ledger_takes_its_keys_back_and_changes_none_before() {
        let mut state = ledger(1);
        state.count(None, Some(OTHER));
        let unseal = |keys: &[MasterKeyId]| LedgerCommand::Unseal {
            held: keys.iter().copied().collect(),
            shares: 3,
        };
        let both = || unseal(&[OLD, OTHER]);
        assert_eq!(decide(&state, both()), Err(Rejection::NothingToChange), "it is not sealed");
        let sealed = decide(&state, LedgerCommand::Seal).unwrap();
        state.evolve(&sealed, Version::new(1));
        assert!(state.is_sealed);
        assert_eq!(decide(&state, LedgerCommand::Seal), Err(Rejection::NothingToChange));
        let retire = LedgerCommand::RetireMasterKey { key: OLD, is_held: false };
        for refused in [rotate_to(NEW, &[NEW, OLD, OTHER]), retire] {
            assert_eq!(decide(&state, refused), Err(Rejection::Sealed));
        }
        for lacking in [OLD, OTHER] {
            let others: Vec<_> = [OLD, OTHER].into_iter().filter(|key| *key != lacking).collect();
            let error = Rejection::MasterKeyLacking { key: lacking, data_keys: 1 };
            assert_eq!(decide(&state, unseal(&others)), Err(error));
        }
        let unsealed = decide(&state, both()).unwrap();
        assert_eq!(unsealed, LedgerEvent::Unsealed { key: OLD, shares: 3 });
        state.evolve(&unsealed, Version::new(2));
        assert!(!state.is_sealed);
    }
}
