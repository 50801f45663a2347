//! The manifest of a backup: what it consists of.
//!
//! ```json
//! {"manifest": {"form": 3, "backup": "0199…", …}, "digest": "…", "mac": "…"}
//! ```
//!
//! The digest covers the bytes of the inner object, so that anybody can tell a flipped bit. The MAC
//! covers the same bytes under the MAC key of the ledger, so that nobody without the master key can
//! make or edit a manifest. The digests of all objects are in it.
//!
//! The first form did not say which master keys it takes to open the backup, and the first two not
//! which connections were erased.

use std::collections::{BTreeMap, BTreeSet};

use ledger_engine::{Identity, PORTABLE_VERSION};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::BackupError;
use crate::id::BackupId;
use crate::names;

/// The form of manifests that this program writes, and the newest that it reads.
pub(crate) const FORM: u32 = 3;
/// What the MACs of manifests are for.
pub(crate) const MAC_PURPOSE: &str = "backup manifest";
/// Largest manifest. A segment takes some 300 bytes of it, and has 32 MiB.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest object that a manifest may name, because objects are read into memory. Those that are
/// written have 32 MiB and a few lines.
const OBJECT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a backup consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The form of this manifest.
    pub(crate) form: u32,
    /// Id of the backup.
    pub(crate) backup: BackupId,
    /// Id of the ledger.
    pub(crate) ledger: String,
    /// Name of the history that was backed up.
    pub(crate) incarnation: String,
    /// How often the ledger had been opened for writing.
    pub(crate) epoch: u64,
    /// Position of the last event; 0 if there is none.
    pub(crate) position: u64,
    /// Time of that event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) recorded_at: Option<String>,
    /// When the backup was begun; it holds what was durable then.
    pub(crate) created_at: String,
    /// The version of the program that made it.
    pub(crate) program_version: String,
    /// The version of the lines in the objects.
    pub(crate) portable_version: u32,
    /// Ids of the master keys that it takes to open everything in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) master_keys: Option<BTreeSet<String>>,
    /// Every connection that was erased up to this position has no values in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) emptied_until: Option<u64>,
    /// The connections that were erased in this history of the ledger, or in one that earlier
    /// backups are of, with the position of each erasure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) erased: BTreeMap<String, u64>,
    /// The events, in the order of their positions and without a gap.
    pub(crate) segments: Vec<Segment>,
    /// What is not events, in pieces.
    pub(crate) state: Vec<Piece>,
}

/// An object with the events of a range of positions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Segment {
    /// The first position in it.
    pub(crate) first: u64,
    /// The last one.
    pub(crate) last: u64,
    /// Size of the object.
    pub(crate) bytes: u64,
    /// BLAKE3 digest of the object, in hexadecimal digits.
    pub(crate) digest: String,
    /// The backup that wrote it.
    pub(crate) writer: BackupId,
    /// Time of the last event in it.
    pub(crate) recorded_at: String,
}

/// An object with a part of what is not events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Piece {
    /// Size of the object.
    pub(crate) bytes: u64,
    /// BLAKE3 digest of the object, in hexadecimal digits.
    pub(crate) digest: String,
}

/// One object that a backup consists of, whatever is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) digest: &'a str,
}

impl Segment {
    /// Returns the number of events in it.
    pub(crate) fn events(&self) -> u64 {
        self.last.saturating_sub(self.first) + 1
    }

    pub(crate) fn part(&self) -> Part<'_> {
        let name = names::segment(self.writer, self.first, self.last);
        Part { name, bytes: self.bytes, digest: &self.digest }
    }
}

impl Manifest {
    /// Returns all objects: the state, then the events.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.state_parts().chain(self.segments.iter().map(Segment::part))
    }

    pub(crate) fn state_parts(&self) -> impl Iterator<Item = Part<'_>> {
        self.state.iter().enumerate().map(|(index, piece)| Part {
            name: names::state(self.backup, index),
            bytes: piece.bytes,
            digest: &piece.digest,
        })
    }

    /// Returns the size of all objects.
    pub(crate) fn bytes(&self) -> u64 {
        self.parts().map(|part| part.bytes).sum()
    }

    /// Returns whether it is of this history of a ledger.
    pub(crate) fn is_of(&self, identity: Identity) -> bool {
        self.ledger == identity.ledger.to_string()
            && self.incarnation == identity.incarnation.to_string()
    }

    /// Returns whether none but the given master keys open something in it, so far as it tells.
    pub(crate) fn takes_none_but(&self, master_keys: &BTreeSet<String>) -> bool {
        self.master_keys.as_ref().is_some_and(|taken| taken.is_subset(master_keys))
    }

    /// Returns what contradicts itself in it, if anything does.
    fn contradiction(&self, backup: BackupId) -> Option<&'static str> {
        let mut next = 1;
        for segment in &self.segments {
            if segment.first != next || segment.last < segment.first {
                return Some("its segments do not follow each other");
            }
            next = segment.last.saturating_add(1);
        }
        if self.backup != backup {
            Some("it is of another backup")
        } else if self.position != next - 1 {
            Some("its segments do not end at its position")
        } else if self.state.is_empty() {
            Some("it has no state")
        } else if self.parts().any(|part| part.bytes > OBJECT_BYTES_MAX) {
            Some("an object of it is too large")
        } else {
            None
        }
    }
}

/// A manifest as it is at the target.
#[derive(Debug)]
pub(crate) struct SealedManifest {
    pub(crate) manifest: Manifest,
    /// The bytes under the MAC.
    text: String,
    mac: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    manifest: &'a RawValue,
    digest: String,
    mac: String,
}

/// What every form of a manifest has.
#[derive(Deserialize)]
struct AnyForm {
    form: u32,
}

impl SealedManifest {
    /// Reads the manifest of a backup.
    ///
    /// Errors: `Newer`; `Damaged` with what is wrong.
    pub(crate) fn read(backup: BackupId, text: &[u8]) -> Result<Self, BackupError> {
        let damaged = |what: &str| BackupError::damaged(names::manifest(backup), what);
        let Envelope { manifest: text, digest, mac } = serde_json::from_slice(text)
            .map_err(|_| damaged("it is not the JSON of a manifest"))?;
        let text = text.get().to_owned();
        let AnyForm { form } =
            serde_json::from_str(&text).map_err(|_| damaged("it does not say its form"))?;
        if form > FORM {
            return Err(BackupError::Newer { backup, form });
        }
        if digest != digest_of(text.as_bytes()) {
            return Err(damaged("its digest is another"));
        }
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|_| damaged("a part of it cannot be read"))?;
        if manifest.portable_version > PORTABLE_VERSION {
            return Err(BackupError::Newer { backup, form: manifest.portable_version });
        }
        if let Some(what) = manifest.contradiction(backup) {
            return Err(damaged(what));
        }
        let mac = from_hex(&mac).ok_or_else(|| damaged("its MAC cannot be read"))?;
        Ok(Self { manifest, text, mac })
    }

    /// Returns an error unless `verify` accepts the MAC.
    pub(crate) fn check_mac(
        &self,
        verify: impl FnOnce(&[u8], &[u8]) -> bool,
    ) -> Result<(), BackupError> {
        if verify(self.text.as_bytes(), &self.mac) {
            return Ok(());
        }
        let why = "its MAC is not the ledger's, so somebody else made or edited it";
        Err(BackupError::not_authentic(self.manifest.backup, why))
    }
}

/// Returns the text of a manifest as it is written to the target.
pub(crate) fn seal(
    manifest: &Manifest,
    mac: impl FnOnce(&[u8]) -> [u8; 32],
) -> serde_json::Result<Vec<u8>> {
    let text = RawValue::from_string(serde_json::to_string(manifest)?)?;
    let bytes = text.get().as_bytes();
    let (digest, mac) = (digest_of(bytes), to_hex(&mac(bytes)));
    serde_json::to_vec(&Envelope { manifest: &text, digest, mac })
}

/// Returns the BLAKE3 digest of some bytes, in hexadecimal digits.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn to_hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    blake3::Hash::from_hex(text).ok().map(|hash| hash.as_bytes().to_vec())
}

#[cfg(test)]
pub(crate) mod tests {
    use ledger_domain::Micros;

    use super::*;

    fn manifest() -> Manifest {
        let backup = BackupId::after(Micros::new(1), None, &mut rand::rng());
        let segment = |first, last| Segment {
            first,
            last,
            bytes: 10,
            digest: digest_of(b"x"),
            writer: backup,
            recorded_at: "2026-11-29T10:00:00.000000Z".to_owned(),
        };
        Manifest {
            form: FORM,
            backup,
            ledger: "l".to_owned(),
            incarnation: "i".to_owned(),
            epoch: 3,
            position: 12,
            recorded_at: Some("2026-11-29T10:00:00.000000Z".to_owned()),
            created_at: "2026-11-29T10:00:01.000000Z".to_owned(),
            program_version: "0.1.0".to_owned(),
            portable_version: PORTABLE_VERSION,
            master_keys: Some(["0a1b2c3d".to_owned()].into()),
            emptied_until: Some(12),
            erased: [("c".to_owned(), 11)].into(),
            segments: vec![segment(1, 10), segment(11, 12)],
            state: vec![Piece { bytes: 5, digest: digest_of(b"y") }],
        }
    }

    fn mac(bytes: &[u8]) -> [u8; 32] {
        *blake3::keyed_hash(&[7; 32], bytes).as_bytes()
    }

    fn is_mac(bytes: &[u8], of: &[u8]) -> bool {
        mac(bytes) == of
    }

    fn read(manifest: &Manifest, text: &[u8]) -> Result<SealedManifest, String> {
        SealedManifest::read(manifest.backup, text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_manifest_reads_as_it_was_written() {
        let manifest = manifest();
        let text = seal(&manifest, mac).unwrap();
        let sealed = read(&manifest, &text).unwrap();
        assert_eq!(sealed.manifest, manifest);
        sealed.check_mac(is_mac).unwrap();
        assert_eq!(manifest.bytes(), 25);
        assert_eq!(manifest.parts().count(), 3);
    }

    #[test]
    fn every_changed_byte_of_a_manifest_is_noticed() {
        let manifest = manifest();
        let text = seal(&manifest, mac).unwrap();
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            let told = read(&manifest, &changed)
                .and_then(|sealed| sealed.check_mac(is_mac).map_err(|error| error.to_string()));
            assert!(told.is_err(), "byte {at} of {}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn an_edited_manifest_with_a_new_digest_is_told_by_its_mac() {
        let mut manifest = manifest();
        manifest.segments[0].bytes += 1;
        let text = seal(&manifest, |_| [0; 32]).unwrap();
        let sealed = read(&manifest, &text).unwrap();
        let told = sealed.check_mac(is_mac).unwrap_err().to_string();
        assert!(told.contains("edited"), "{told}");
    }

    #[test]
    fn a_manifest_that_contradicts_itself_is_refused() {
        let changes: [fn(&mut Manifest); 6] = [
            |manifest| manifest.segments[0].bytes = OBJECT_BYTES_MAX + 1,
            |manifest| manifest.position = 13,
            |manifest| manifest.segments[1].first = 12,
            |manifest| manifest.segments[0].last = 0,
            |manifest| manifest.segments.clear(),
            |manifest| manifest.state.clear(),
        ];
        for edit in changes {
            let mut result = manifest();
            edit(&mut result);
            let text = seal(&result, mac).unwrap();
            assert!(read(&result, &text).is_err(), "{result:?}");
        }
        let (one, other) = (manifest(), manifest());
        assert!(read(&other, &seal(&one, mac).unwrap()).is_err(), "of another backup");
    }

    #[test]
    fn a_manifest_of_the_first_form_is_read_and_tells_no_master_keys() {
        let first = Manifest {
            form: 1,
            master_keys: None,
            emptied_until: None,
            erased: BTreeMap::new(),
            ..manifest()
        };
        let text = seal(&first, mac).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains("master_keys"));
        assert_eq!(read(&first, &text).unwrap().manifest, first);
        assert!(!first.takes_none_but(&["0a1b2c3d".to_owned()].into()), "it may take any");
        let second = manifest();
        assert!(second.takes_none_but(&["0a1b2c3d".to_owned(), "11111111".to_owned()].into()));
        assert!(!second.takes_none_but(&["11111111".to_owned()].into()));
    }

    #[test]
    fn a_newer_form_is_told_as_such_before_anything_else() {
        let manifest = manifest();
        let text = seal(&manifest, mac).unwrap();
        let text = String::from_utf8(text).unwrap().replace("\"form\":3,", "\"form\":4,\"x\":0,");
        let told = read(&manifest, text.as_bytes()).unwrap_err();
        assert!(told.contains("newer"), "{told}");
    }
}
