//! Shares of the master keys, by Shamir's method: a number of them give the keys back, and fewer
//! say nothing about them.
//!
//! What is split is the text of the keys, in the clear, followed by a code of that text and the
//! set. So it is known whether shares fit together before anybody uses what they give.
//!
//! A share is a line:
//! `connledger-share-v1:<set>:<number>:<threshold>:<shares>:<base64>:<checksum>`. The set is 16
//! hexadecimal digits that are drawn anew for each split. The checksum tells a share with a typing
//! error; it is no protection against a false one.

mod error;
mod text;

use std::collections::BTreeMap;
use std::fmt;

use rand::CryptoRng;
use vsss_rs::Gf256;
use zeroize::{Zeroize as _, Zeroizing};

pub use error::ShareError;

use crate::keyring::Keyring;
use crate::labels;
use crate::stack::leaving_nothing;

/// Length of the code that follows the text, in bytes.
const CODE_BYTES: usize = 16;
/// Length of the name of a set, in bytes.
const SET_BYTES: usize = 8;

/// The name of the shares that were made together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ShareSetId([u8; SET_BYTES]);

impl fmt::Display for ShareSetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ShareSetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShareSetId({self})")
    }
}

/// One share of the master keys. Wiped when dropped.
pub struct Share {
    set: ShareSetId,
    number: u8,
    threshold: u8,
    shares: u8,
    /// What the polynomials of all bytes give at its number.
    values: Zeroizing<Vec<u8>>,
}

impl Share {
    /// Most shares of a set.
    pub const SHARES_MAX: u8 = 32;
    /// Longest text that is split, in bytes: enough for more than a hundred keys.
    pub const SHARED_BYTES_MAX: usize = 16 * 1024;
    /// Longest text of a share, in bytes, with comments.
    pub const TEXT_BYTES_MAX: usize = 24 * 1024;

    /// Returns the name of its set.
    pub fn set(&self) -> ShareSetId {
        self.set
    }

    /// Returns its number in the set, counted from one.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Returns how many shares of the set it takes.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, number, threshold, shares, .. } = self;
        write!(f, "Share({number} of {shares} of set {set}, {threshold} needed, ..)")
    }
}

/// Splits the text of master keys into `shares`, of which any `threshold` give it back.
///
/// Errors: numbers other than 2 to 32 shares, and a threshold from 2 to their number; more keys
/// than fit.
pub fn split(
    keys: &Keyring,
    rng: &mut impl CryptoRng,
    threshold: u8,
    shares: u8,
) -> Result<Vec<Share>, ShareError> {
    if !(2..=Share::SHARES_MAX).contains(&shares) || !(2..=shares).contains(&threshold) {
        return Err(ShareError::Numbers);
    }
    let text = keys.to_file_text();
    if text.len() > Share::SHARED_BYTES_MAX {
        return Err(ShareError::TooLong);
    }
    let mut set = ShareSetId([0; SET_BYTES]);
    rng.fill_bytes(&mut set.0);
    let mut whole = Zeroizing::new(Vec::with_capacity(text.len() + CODE_BYTES));
    whole.extend_from_slice(text.as_bytes());
    whole.extend_from_slice(&code(set, text.as_bytes()));
    let made = leaving_nothing(|| {
        Gf256::split_bytes(threshold.into(), shares.into(), &*whole, Drawing(rng))
    });
    let made = Zeroizing::new(made.map_err(|_| ShareError::Numbers)?);
    let share = |numbered: &Vec<u8>| {
        let (number, values) = numbered.split_first().ok_or(ShareError::Numbers)?;
        let values = Zeroizing::new(values.to_vec());
        Ok(Share { set, number: *number, threshold, shares, values })
    };
    made.iter().map(share).collect()
}

/// Shares of one set that were given so far. Wiped when dropped.
#[derive(Debug)]
pub struct Shares {
    set: ShareSetId,
    threshold: u8,
    given: BTreeMap<u8, Share>,
}

impl Shares {
    /// Begins with a first share.
    pub fn new(first: Share) -> Self {
        let (set, threshold) = (first.set, first.threshold);
        Self { set, threshold, given: BTreeMap::from([(first.number, first)]) }
    }

    /// Adds another share.
    ///
    /// Errors: it is of another set, or was given already; it contradicts the others.
    pub fn add(&mut self, share: Share) -> Result<(), ShareError> {
        if share.set != self.set {
            return Err(ShareError::Foreign { wanted: self.set, given: share.set });
        }
        let is_alike = |other: &Share| {
            (other.threshold, other.shares, other.values.len())
                == (share.threshold, share.shares, share.values.len())
        };
        if self.given.contains_key(&share.number) {
            return Err(ShareError::Repeated { number: share.number });
        }
        if !self.given.values().all(is_alike) {
            return Err(ShareError::False);
        }
        self.given.insert(share.number, share);
        Ok(())
    }

    /// Returns the name of the set.
    pub fn set(&self) -> ShareSetId {
        self.set
    }

    /// Returns how many were given.
    pub fn given(&self) -> u8 {
        u8::try_from(self.given.len()).unwrap_or(u8::MAX)
    }

    /// Returns how many it takes.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Returns whether there are enough.
    pub fn are_enough(&self) -> bool {
        self.given() >= self.threshold
    }

    /// Returns the text of the master keys.
    ///
    /// Errors: there are too few; they do not give the text that was split, so one of them is
    /// false.
    pub fn combine(&self) -> Result<Zeroizing<String>, ShareError> {
        if !self.are_enough() {
            return Err(ShareError::TooFew { given: self.given(), threshold: self.threshold });
        }
        let numbered = |share: &Share| {
            let mut numbered = Vec::with_capacity(share.values.len() + 1);
            numbered.push(share.number);
            numbered.extend_from_slice(&share.values);
            numbered
        };
        let numbered: Zeroizing<Vec<_>> =
            Zeroizing::new(self.given.values().map(numbered).collect());
        let whole = leaving_nothing(|| Gf256::combine_bytes(&*numbered));
        let mut whole = Zeroizing::new(whole.map_err(|_| ShareError::False)?);
        let bytes = whole.len().checked_sub(CODE_BYTES).ok_or(ShareError::False)?;
        let (text, stated) = whole.split_at(bytes);
        if code(self.set, text).as_slice() != stated {
            return Err(ShareError::False);
        }
        whole.truncate(bytes);
        let text = String::from_utf8(std::mem::take(&mut *whole));
        text.map(Zeroizing::new).map_err(|error| {
            error.into_bytes().zeroize();
            ShareError::False
        })
    }
}

/// Returns the code by which a text is known that was split into a set.
fn code(set: ShareSetId, text: &[u8]) -> [u8; CODE_BYTES] {
    let mut code = [0; CODE_BYTES];
    leaving_nothing(|| {
        let mut hasher = blake3::Hasher::new_derive_key(labels::SHARED_TEXT);
        hasher.update(&set.0).update(text);
        hasher.finalize_xof().fill(&mut code);
    });
    code
}

/// Adapts a generator to the trait of another version.
struct Drawing<'a, R>(&'a mut R);

impl<R: CryptoRng> rand_core::TryRng for Drawing<'_, R> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl<R: CryptoRng> rand_core::TryCryptoRng for Drawing<'_, R> {}

#[cfg(test)]
mod tests;
