//! Which manifests are believed.
//!
//! Whoever can write to a target can put a manifest there or edit one, with the right digest. Only
//! a holder of the ledger's MAC key can make its MAC. An open ledger has that key. With the master
//! key alone it is opened from the state of a backup, which holds it wrapped; one such state serves
//! for all manifests, because a ledger keeps its MAC key.

use ledger_engine::{Portable, PortableKeys};
use ledger_vault::Keyring;

use crate::error::BackupError;
use crate::holdings;
use crate::id::BackupId;
use crate::manifest::{MAC_PURPOSE, SealedManifest};
use crate::packing::Joined;
use crate::target::Target;

/// What manifests are checked with before anything is done on their word.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// The open ledger whose backups they are.
    Ledger(&'a Portable),
    /// The master key, under which the ledger's MAC key is wrapped in the backups themselves.
    MasterKey(&'a Keyring),
    /// Nothing. A manifest is believed if it is whole, whoever made it.
    Unchecked,
}

/// Tells the manifests of a ledger from those that somebody else made or edited.
pub(crate) enum Checker<'a> {
    Ledger(&'a Portable),
    Keys(Box<PortableKeys>),
    /// No backup is there whose keys could be opened, so no manifest is known to be the ledger's.
    NoKeys,
    Unchecked,
}

impl<'a> Checker<'a> {
    /// Finds what is needed. `ids` are those of the backups at the target.
    ///
    /// Errors: those of the target; `Restore` if the master key is another.
    pub(crate) fn new(
        trust: Trust<'a>,
        target: &Target,
        ids: &[BackupId],
    ) -> Result<Self, BackupError> {
        match trust {
            Trust::Ledger(ledger) => Ok(Self::Ledger(ledger)),
            Trust::MasterKey(keyring) => Self::of_backups(target, ids, keyring),
            Trust::Unchecked => Ok(Self::Unchecked),
        }
    }

    /// Opens the keys of the latest backup that the master key opens.
    fn of_backups(
        target: &Target,
        ids: &[BackupId],
        keyring: &Keyring,
    ) -> Result<Self, BackupError> {
        let mut refused = None;
        for backup in ids.iter().rev() {
            match keys_of(target, *backup, keyring) {
                Ok(keys) => return Ok(Self::Keys(Box::new(keys))),
                // A forged one, whose state was made with another key.
                Err(error @ BackupError::Restore(_)) => refused = refused.or(Some(error)),
                Err(BackupError::Newer { .. } | BackupError::Unknown { .. }) => {}
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
            }
        }
        refused.map_or(Ok(Self::NoKeys), Err)
    }

    /// Returns whether manifests are checked at all.
    pub(crate) const fn is_strict(&self) -> bool {
        !matches!(self, Self::Unchecked)
    }

    /// Checks that a manifest is the ledger's own.
    ///
    /// Errors: `Foreign`, `NotAuthentic`.
    pub(crate) fn check(&self, sealed: &SealedManifest) -> Result<(), BackupError> {
        let own = match self {
            Self::Ledger(ledger) => ledger.identity().ledger,
            Self::Keys(keys) => keys.ledger_id(),
            Self::NoKeys => {
                let why = "no backup there has a key that the master key opens";
                return Err(BackupError::not_authentic(sealed.manifest.backup, why));
            }
            Self::Unchecked => return Ok(()),
        };
        let (found, own) = (&sealed.manifest.ledger, own.to_string());
        if *found != own {
            return Err(BackupError::Foreign { found: found.clone(), own });
        }
        sealed.check_mac(|text, mac| match self {
            Self::Ledger(ledger) => ledger.verify_mac(MAC_PURPOSE, text, mac),
            Self::Keys(keys) => keys.verify_mac(MAC_PURPOSE, text, mac),
            Self::NoKeys | Self::Unchecked => false,
        })
    }
}

/// Opens the keys in the state of a backup, and checks its manifest with them.
fn keys_of(
    target: &Target,
    backup: BackupId,
    keyring: &Keyring,
) -> Result<PortableKeys, BackupError> {
    let sealed = holdings::read(target, backup)?;
    let mut state = Joined::lines(target, sealed.manifest.state_parts());
    let keys = PortableKeys::of_first_line(&mut state, keyring);
    let keys = keys.map_err(|error| BackupError::of_restore(error).in_object("the state"))?;
    sealed.check_mac(|text, mac| keys.verify_mac(MAC_PURPOSE, text, mac))?;
    Ok(keys)
}
