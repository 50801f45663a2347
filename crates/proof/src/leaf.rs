//! What stands in the tree for an event: one line of text, which says nothing of its content.
//!
//! ```text
//! connledger-event/1 1042 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! ```
//!
//! The number is the position of the event in the log, from one on, and the digits are the SHA-256
//! digest of its record as it was first stored. The line ends with a newline. Its index in the tree
//! is the position less one.

use ring::digest::{SHA256, digest};
use tlog_tiles::tlog::{Hash, record_hash};

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// How each entry begins.
const MARK: &str = "connledger-event/1 ";
const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Most decimal digits of a position.
const POSITION_CHARS_MAX: usize = 20;
/// Most bytes of an entry.
pub const ENTRY_BYTES_MAX: usize = MARK.len() + POSITION_CHARS_MAX + 1 + 64 + 1;

/// Returns the digest of the bytes of a record as it was first stored.
pub fn digest_of(record: &[u8]) -> Digest {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, record).as_ref());
    sum
}

/// One leaf of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The position of the event, from one on.
    pub position: u64,
    /// The digest of its record as it was first stored.
    pub digest: Digest,
}

impl Leaf {
    /// Returns the entry.
    pub fn entry(&self) -> Vec<u8> {
        let mut entry = Vec::with_capacity(ENTRY_BYTES_MAX);
        entry.extend_from_slice(MARK.as_bytes());
        write_number(&mut entry, self.position);
        entry.push(b' ');
        for byte in self.digest {
            for digit in [byte >> 4, byte & 15] {
                entry.extend(DIGITS.get(usize::from(digit)));
            }
        }
        entry.push(b'\n');
        entry
    }

    /// Reads an entry.
    pub fn parse(entry: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(entry).ok()?;
        let (number, digits) = text.strip_prefix(MARK)?.strip_suffix('\n')?.split_once(' ')?;
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        let leaf = Self { position: number.parse().ok()?, digest };
        // There is one form of each entry.
        (leaf.position > 0 && leaf.entry() == entry).then_some(leaf)
    }

    /// Returns the leaf's hash, as RFC 6962 has it.
    pub fn hash(&self) -> Hash {
        record_hash(&self.entry())
    }

    /// Returns its index in the tree.
    pub const fn index(&self) -> u64 {
        self.position.saturating_sub(1)
    }
}

fn write_number(to: &mut Vec<u8>, number: u64) {
    let (mut digits, mut left) = ([b'0'; POSITION_CHARS_MAX], number);
    let mut first = POSITION_CHARS_MAX - 1;
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        if left == 0 {
            break;
        }
        *digit = b'0' + u8::try_from(left % 10).unwrap_or_default();
        left /= 10;
        first = at;
    }
    to.extend_from_slice(digits.get(first..).unwrap_or_default());
}
