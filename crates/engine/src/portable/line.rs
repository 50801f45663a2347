//! Lines, each with a MAC as its last member.

use std::io::{self, BufRead, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_vault::PortableKey;

use crate::errors::RestoreError;

/// Longest line, in bytes. A record has at most 60 KiB.
pub(super) const LINE_BYTES_MAX: usize = 256 * 1024;

/// Bytes of a MAC that a line has.
const MAC_BYTES: usize = 16;
/// The same as base64 text.
const MAC_CHARS: usize = 22;
const BEFORE_MAC: &[u8] = b",\"mac\":\"";
const AFTER_MAC: &[u8] = b"\"}";

/// The kinds of lines, whose MACs do not hold for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    State,
    Event,
    End,
}

impl Kind {
    const fn purpose(self) -> &'static str {
        match self {
            Self::State => "line of a state",
            Self::Event => "line of an event",
            Self::End => "end of an export",
        }
    }
}

/// Completes the line that begins at `start` of `text`, and has all of its members but the MAC.
pub(super) fn seal(text: &mut Vec<u8>, start: usize, key: &PortableKey, kind: Kind, place: u64) {
    let content = text.get(start..).unwrap_or_default();
    let mac = key.mac(kind.purpose(), place, content);
    let mac = URL_SAFE_NO_PAD.encode(mac.get(..MAC_BYTES).unwrap_or_default());
    for part in [BEFORE_MAC, mac.as_bytes(), AFTER_MAC, b"\n"] {
        text.extend_from_slice(part);
    }
}

/// A line without its end, and its number from one.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a [u8],
    pub(super) number: u64,
}

impl<'a> Line<'a> {
    /// Returns whether the line is what a holder of the key wrote at this place.
    pub(super) fn is_authentic(self, key: &PortableKey, kind: Kind, place: u64) -> bool {
        self.split().is_some_and(|(content, mac)| {
            let due = key.mac(kind.purpose(), place, content);
            mac_eq(due.get(..MAC_BYTES).unwrap_or_default(), &mac)
        })
    }

    /// Splits the line into what its MAC covers and the MAC.
    fn split(self) -> Option<(&'a [u8], [u8; MAC_BYTES])> {
        let rest = self.text.strip_suffix(AFTER_MAC)?;
        let (rest, mac) = rest.split_at_checked(rest.len().checked_sub(MAC_CHARS)?)?;
        let content = rest.strip_suffix(BEFORE_MAC)?;
        // Decoding may use whole groups of three bytes.
        let mut bytes = [0; 18];
        let length = URL_SAFE_NO_PAD.decode_slice(mac, &mut bytes).ok()?;
        Some((content, bytes.get(..length)?.try_into().ok()?))
    }
}

/// Compares MACs in the same time, whatever they are.
fn mac_eq(due: &[u8], mac: &[u8]) -> bool {
    use subtle::ConstantTimeEq as _;
    due.ct_eq(mac).into()
}

/// Reads lines one after another.
pub(super) struct Lines<'a> {
    from: &'a mut dyn BufRead,
    /// The line that was read last, with its end.
    text: Vec<u8>,
    number: u64,
    /// The hash of all lines before that one, if it is wanted.
    hasher: Option<blake3::Hasher>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(from: &'a mut dyn BufRead) -> Self {
        Self { from, text: Vec::new(), number: 0, hasher: None }
    }

    /// Does the same, and hashes the lines.
    pub(super) fn hashed(from: &'a mut dyn BufRead) -> Self {
        Self { hasher: Some(blake3::Hasher::new()), ..Self::new(from) }
    }

    /// Returns the number of the line that was read last.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Returns the hash of all lines before the one that was read last.
    pub(super) fn hash_before(&self) -> Option<blake3::Hash> {
        self.hasher.as_ref().map(blake3::Hasher::finalize)
    }

    /// Returns the next line, or `None` at the end.
    ///
    /// Errors: the input cannot be read; the line is too long, or has no end.
    pub(super) fn next_line(&mut self) -> Result<Option<Line<'_>>, RestoreError> {
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&self.text);
        }
        self.text.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut *self.from).take(limit).read_until(b'\n', &mut self.text);
        let number = self.number + 1;
        let failed = |error: io::Error| match error.kind() {
            // A compressed file without its end.
            io::ErrorKind::UnexpectedEof => RestoreError::LineCutOff { line: number },
            _ => RestoreError::Input(error),
        };
        if read.map_err(failed)? == 0 {
            return Ok(None);
        }
        self.number = number;
        match self.text.strip_suffix(b"\n") {
            Some(text) => Ok(Some(Line { text, number })),
            None if self.text.len() > LINE_BYTES_MAX => Err(RestoreError::Foreign { line: number }),
            None => Err(RestoreError::LineCutOff { line: number }),
        }
    }

    /// Returns the next line, which must be there.
    pub(super) fn expect_line(&mut self, what: &'static str) -> Result<Line<'_>, RestoreError> {
        self.next_line()?.ok_or(RestoreError::CutOff { before: what.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::LedgerId;
    use ledger_vault::Keyring;

    use super::*;

    fn key() -> PortableKey {
        let rng = &mut rand::rng();
        Keyring::generate(rng).new_mac_key(rng, LedgerId::from_bytes([1; 16])).0.portable_key()
    }

    #[test]
    fn every_changed_byte_of_a_line_and_every_other_place_is_noticed() {
        let key = key();
        let mut text = b"before".to_vec();
        text.extend_from_slice(br#"{"event":{"position":7}"#);
        seal(&mut text, 6, &key, Kind::Event, 7);
        let text = text.strip_prefix(b"before").unwrap().strip_suffix(b"\n").unwrap();
        let is_authentic =
            |text: &[u8], kind, place| Line { text, number: 1 }.is_authentic(&key, kind, place);
        assert!(is_authentic(text, Kind::Event, 7));
        assert!(!is_authentic(text, Kind::Event, 8) && !is_authentic(text, Kind::State, 7));
        for place in 0..text.len() {
            let mut wrong = text.to_vec();
            wrong[place] ^= 1;
            assert!(!is_authentic(&wrong, Kind::Event, 7), "byte {place}");
            assert!(!is_authentic(&text[..place], Kind::Event, 7), "cut at {place}");
        }
    }

    #[test]
    fn lines_that_are_too_long_or_have_no_end_are_refused() {
        let long = vec![b'x'; LINE_BYTES_MAX];
        let read = |text: &[u8]| {
            let mut from = text;
            let mut lines = Lines::new(&mut from);
            lines.next_line().map(|line| line.map(|line| line.text.len()))
        };
        assert_eq!(read(b"").unwrap(), None);
        assert_eq!(read(b"{}\n{").unwrap(), Some(2));
        assert_eq!(read(&[&long, b"\n".as_slice()].concat()).unwrap(), Some(LINE_BYTES_MAX));
        assert!(matches!(read(b"{}"), Err(RestoreError::LineCutOff { line: 1 })));
        let longer = [&long, b"x\n".as_slice()].concat();
        assert!(matches!(read(&longer), Err(RestoreError::Foreign { line: 1 })));
    }
}
