//! The keys of a ledger, from the header of its state and the operator's master key.

use std::fmt;
use std::io::BufRead;

use ledger_domain::{LedgerId, Position};
use ledger_vault::{Keyring, MacKey, OpenError as UnsealError, PortableKey};

use super::beside;
use super::header::Header;
use super::line::{Kind, Line, Lines};
use super::read::{StateLine, read_event, read_state};
use crate::errors::RestoreError;

/// The place of the header's MAC.
pub(super) const HEADER_PLACE: u64 = 0;

/// What the lines of one ledger are checked with. Nothing is written.
pub struct PortableKeys {
    pub(super) header: Header,
    pub(super) key: PortableKey,
    pub(super) mac_key: MacKey,
}

impl fmt::Debug for PortableKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PortableKeys({}, position {})", self.header.ledger, self.header.position())
    }
}

impl PortableKeys {
    /// Reads a state to its end, and checks that the master key is the ledger's and that every line
    /// is authentic.
    pub fn open(state: &mut dyn BufRead, keyring: &Keyring) -> Result<Self, RestoreError> {
        let mut lines = Lines::new(state);
        let keys = Self::of_header(lines.expect_line("the header")?, keyring)?;
        while !matches!(next_of_state(&keys.key, &mut lines)?, StateLine::End) {}
        Ok(keys)
    }

    /// Reads the first line of a state only, and checks that the master key is the ledger's.
    pub fn of_first_line(state: &mut dyn BufRead, keyring: &Keyring) -> Result<Self, RestoreError> {
        Self::of_header(Lines::new(state).expect_line("the header")?, keyring)
    }

    /// Opens the keys that a header names.
    pub(super) fn of_header(line: Line<'_>, keyring: &Keyring) -> Result<Self, RestoreError> {
        let header = Header::read(line.text)?;
        let altered = || RestoreError::Altered { line: 1, what: "the header".to_owned() };
        let (ledger, founding) = (header.ledger, &header.founding);
        let unknown = |error| match error {
            UnsealError::UnknownKey { .. } => RestoreError::MasterKey(error),
            _ => altered(),
        };
        let check = keyring.open_check(ledger, &founding.key_check).map_err(unknown)?;
        keyring.open_fingerprint_key(ledger, &founding.fingerprint_key).map_err(unknown)?;
        let mac_key = keyring.open_mac_key(ledger, &founding.mac_key).map_err(unknown)?;
        let key = mac_key.portable_key();
        if !check.is_of(&mac_key) || !line.is_authentic(&key, Kind::State, HEADER_PLACE) {
            return Err(altered());
        }
        Ok(Self { header, key, mac_key })
    }

    /// Returns the ledger's id.
    pub fn ledger_id(&self) -> LedgerId {
        self.header.ledger
    }

    /// Returns whether `mac` is the one that [`super::Portable::mac`] returns for a document.
    pub fn verify_mac(&self, purpose: &str, document: &[u8], mac: &[u8]) -> bool {
        self.key.is_mac_of(mac, &beside(purpose), 0, document)
    }

    /// Checks that lines are the events after a position, authentic and without a gap. Returns the
    /// position of the last one.
    pub fn check_events(
        &self,
        lines: &mut dyn BufRead,
        after: Position,
    ) -> Result<Position, RestoreError> {
        let (mut lines, mut last) = (Lines::new(lines), after);
        while let Some(line) = lines.next_line()? {
            read_event(&self.key, last.next(), line)?;
            last = last.next();
        }
        Ok(last)
    }
}

/// Reads the next line of a state after its header.
pub(super) fn next_of_state<'a>(
    key: &PortableKey,
    lines: &'a mut Lines<'_>,
) -> Result<StateLine<'a>, RestoreError> {
    read_state(key, lines.expect_line("the end of the state")?)
}
