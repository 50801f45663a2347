//! What a record says about repeats of its command.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserializer, Serializer};

use crate::shape::{self, Shape};

/// Length of a fingerprint as base64 text.
pub(crate) const FINGERPRINT_CHARS: usize = 22;

/// The keyed fingerprint of a command, by which a repeat is recognized. It is stored in the record,
/// so that a lost receipt comes back whole, and is in no form that readers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredFingerprint(pub [u8; 16]);

impl StoredFingerprint {
    /// Parses the stored text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != FINGERPRINT_CHARS {
            return None;
        }
        // Decoding may use whole groups of three bytes.
        let mut bytes = [0; 18];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        bytes.get(..length)?.try_into().ok().map(Self)
    }
}

impl Shape for StoredFingerprint {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| {
            Self::parse(text).ok_or_else(|| "not a fingerprint".to_owned())
        })
    }
}

/// Whether and how a repeat of a record's command is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// The record is of an earlier version, which does not say. The command has a receipt.
    Unknown,
    /// The ledger made the command id, so that nobody can repeat it. There is no receipt.
    Never,
    /// The receipt has this fingerprint.
    By(StoredFingerprint),
}

impl Repeats {
    /// Returns what metadata of a version say with this fingerprint or without one.
    pub(super) fn of(metadata_version: u32, fingerprint: Option<StoredFingerprint>) -> Self {
        match fingerprint {
            Some(fingerprint) => Self::By(fingerprint),
            None if metadata_version < 3 => Self::Unknown,
            None => Self::Never,
        }
    }
}
