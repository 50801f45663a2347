//! Master keys as text, one in each line: in the clear, or wrapped by a key service.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::MasterKeyId;
use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::key_file::read_clear;
use crate::keyring::Keyring;
use crate::master_key::{KEY_BYTES, MasterKey};
use crate::stack::leaving_nothing;

/// The mark that some editors write at the beginning of UTF-8 text.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';
const PREFIX: &str = "connledger-wrapped-key-v1:";
const COMMENT: &str = "\
# Wrapped master keys of a connection ledger. The first key is active, the others only open.
# Only the key service that a line names opens it. If that loses its key, a copy of the master key
# in the clear, kept elsewhere, is all that helps.
";
/// Longest name of a key at its service, in bytes.
const NAME_BYTES_MAX: usize = 2_048;

/// The bytes of a master key outside a keyring, wiped when dropped.
pub type MasterKeyBytes = Zeroizing<Vec<u8>>;

/// A master key that a key service wrapped. Its id is known without that service.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedMasterKey {
    id: MasterKeyId,
    service: String,
    key: String,
    ciphertext: Vec<u8>,
}

impl WrappedMasterKey {
    /// Longest ciphertext, in bytes.
    pub const CIPHERTEXT_BYTES_MAX: usize = 8 * 1024;

    /// Creates one, as `service` wrapped it under its `key`. Returns nothing if a part has
    /// characters or a length that a line cannot have.
    pub fn new(id: MasterKeyId, service: &str, key: &str, ciphertext: Vec<u8>) -> Option<Self> {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_service = !service.is_empty() && service.chars().all(is_name);
        let is_key =
            (1..=NAME_BYTES_MAX).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
        let has_room = (1..=Self::CIPHERTEXT_BYTES_MAX).contains(&ciphertext.len());
        let (service, key) = (service.to_owned(), key.to_owned());
        (is_service && is_key && has_room).then_some(Self { id, service, key, ciphertext })
    }

    /// Returns the id of the master key.
    pub fn id(&self) -> MasterKeyId {
        self.id
    }

    /// Returns the name of the kind of service that wrapped it.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the name of the key at that service under which it is wrapped.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns what the service made of it.
    pub fn ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }

    /// Returns the text of several, as [`KeyText::parse`] reads it.
    pub fn to_text(wrapped: &[Self]) -> String {
        let mut text = COMMENT.to_owned();
        for Self { id, service, key, ciphertext } in wrapped {
            let (id, ciphertext) = (id.to_string(), STANDARD.encode(ciphertext));
            text.extend([PREFIX, &id, ":", service, ":", key, ":", &ciphertext, "\n"]);
        }
        text
    }
}

impl fmt::Debug for WrappedMasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, service, key, .. } = self;
        write!(f, "WrappedMasterKey {{ {id}, by {service} under {key}, .. }}")
    }
}

/// What a key file, or any other source of master keys, says. The first key is active.
pub struct KeyText(Vec<Line>);

struct Line {
    /// Counted from one.
    number: usize,
    key: Key,
}

enum Key {
    Clear(MasterKey),
    Wrapped(WrappedMasterKey),
}

impl KeyText {
    /// Longest text, in bytes: enough for several hundred keys.
    pub const BYTES_MAX: usize = 64 * 1024;

    /// Parses text. Each line has one key, as `connledger-master-key-v1:<key id>:<base64 of 32
    /// bytes>` in the clear, or as `connledger-wrapped-key-v1:<key id>:<service>:<name of the key
    /// at the service>:<base64 of what the service made>`. Empty lines and lines that start with
    /// `#` are skipped.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        leaving_nothing(|| Self::parse_lines(text))
    }

    fn parse_lines(text: &str) -> Result<Self, KeyFileError> {
        let mut keys: Vec<Line> = Vec::new();
        for (number, content) in
            (1..).zip(text.trim_start_matches(BYTE_ORDER_MARK).lines().map(str::trim))
        {
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let key = match content.strip_prefix(PREFIX) {
                Some(rest) => Key::Wrapped(
                    read_wrapped(rest).ok_or(KeyFileError::NotWrapped { line: number })?,
                ),
                None => Key::Clear(read_clear(number, content)?),
            };
            if keys.iter().any(|known| known.key.id() == key.id()) {
                return Err(KeyFileError::Duplicate { line: number, id: key.id() });
            }
            keys.push(Line { number, key });
        }
        if keys.is_empty() { Err(KeyFileError::Empty) } else { Ok(Self(keys)) }
    }

    /// Returns the wrapped keys, in the order of their lines.
    pub fn wrapped(&self) -> impl Iterator<Item = &WrappedMasterKey> {
        self.0.iter().filter_map(|line| match &line.key {
            Key::Wrapped(wrapped) => Some(wrapped),
            Key::Clear(_) => None,
        })
    }

    /// Makes a keyring, given the bytes of the wrapped keys in the order of [`Self::wrapped`].
    ///
    /// Errors: bytes that are not those of the key that the line names; a key that is still
    /// wrapped.
    pub fn into_keyring(
        self,
        opened: impl IntoIterator<Item = MasterKeyBytes>,
    ) -> Result<Keyring, KeyFileError> {
        let mut opened = opened.into_iter();
        let mut keys = Vec::with_capacity(self.0.len());
        for Line { number: line, key } in self.0 {
            keys.push(match key {
                Key::Clear(key) => key,
                Key::Wrapped(WrappedMasterKey { id, service, .. }) => {
                    let wrapped = KeyFileError::StillWrapped { line, id, service };
                    let bytes = opened.next().ok_or(wrapped)?;
                    leaving_nothing(|| from_bytes(line, id, &bytes))?
                }
            });
        }
        let mut keys = keys.into_iter().map(Arc::new);
        let active = keys.next().ok_or(KeyFileError::Empty)?;
        Ok(Keyring { active, others: keys.collect() })
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|line| line.key.id())).finish()
    }
}

impl Key {
    fn id(&self) -> MasterKeyId {
        match self {
            Self::Clear(key) => key.id(),
            Self::Wrapped(wrapped) => wrapped.id(),
        }
    }
}

/// Makes the key of a line, whose id the bytes must have.
pub(crate) fn from_bytes(
    line: usize,
    stated: MasterKeyId,
    bytes: &[u8],
) -> Result<MasterKey, KeyFileError> {
    let wrong_length = |_| KeyFileError::WrongLength { line, bytes: bytes.len() };
    let bytes: &[u8; KEY_BYTES] = bytes.try_into().map_err(wrong_length)?;
    let key = MasterKey::from_material(bytes);
    if key.id() != stated {
        return Err(KeyFileError::WrongId { line, stated, actual: key.id() });
    }
    Ok(key)
}

/// Reads what follows the prefix of a wrapped key. The name of the key may contain colons.
fn read_wrapped(rest: &str) -> Option<WrappedMasterKey> {
    let (id, rest) = rest.split_once(':')?;
    let (service, rest) = rest.split_once(':')?;
    let (key, ciphertext) = rest.rsplit_once(':')?;
    let id = MasterKeyId::from_ascii(id.as_bytes())?;
    WrappedMasterKey::new(id, service, key, STANDARD.decode(ciphertext).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded;

    const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/0a1b-2c3d";

    fn wrapped(ring: &Keyring, key: &str) -> WrappedMasterKey {
        WrappedMasterKey::new(ring.active_id(), "aws-kms", key, vec![7; 99]).unwrap()
    }

    fn bytes(ring: &Keyring) -> MasterKeyBytes {
        ring.for_wrapping().next().unwrap().1
    }

    #[test]
    fn wrapped_keys_read_back_also_with_colons_in_the_name_of_their_key() {
        let ring = Keyring::generate(&mut seeded(1));
        let wrapped = wrapped(&ring, ARN);
        let text = KeyText::parse(&WrappedMasterKey::to_text(std::slice::from_ref(&wrapped)));
        assert_eq!(text.unwrap().wrapped().collect::<Vec<_>>(), [&wrapped]);
    }

    #[test]
    fn clear_and_wrapped_keys_keep_the_order_of_their_lines() {
        let rng = &mut seeded(2);
        let (first, second) = (Keyring::generate(rng), Keyring::generate(rng));
        let lines = WrappedMasterKey::to_text(&[wrapped(&first, "a")]);
        let text = format!("{lines}{}", second.to_file_text().as_str());
        let read = KeyText::parse(&text).unwrap().into_keyring([bytes(&first)]).unwrap();
        assert!(read.key_ids().eq([first.active_id(), second.active_id()]));

        let missing = Keyring::parse(&text).unwrap_err();
        assert!(matches!(&missing, KeyFileError::StillWrapped { line: 4, .. }), "{missing}");
        let twice = format!("{lines}{}", first.to_file_text().as_str());
        let twice = KeyText::parse(&twice).unwrap_err();
        assert!(matches!(twice, KeyFileError::Duplicate { .. }), "{twice}");
    }

    #[test]
    fn bytes_of_another_key_than_the_line_names_are_refused() {
        let rng = &mut seeded(3);
        let (right, wrong) = (Keyring::generate(rng), Keyring::generate(rng));
        let text = || KeyText::parse(&WrappedMasterKey::to_text(&[wrapped(&right, "a")])).unwrap();
        let error = text().into_keyring([bytes(&wrong)]).unwrap_err();
        assert!(matches!(
            error,
            KeyFileError::WrongId { stated, actual, .. }
                if stated == right.active_id() && actual == wrong.active_id()
        ));
        let short = text().into_keyring([Zeroizing::new(vec![1; 31])]).unwrap_err();
        assert!(matches!(short, KeyFileError::WrongLength { bytes: 31, .. }));
    }

    #[test]
    fn damaged_lines_are_named_by_number_and_never_repeated() {
        let ring = Keyring::generate(&mut seeded(4));
        let text = WrappedMasterKey::to_text(&[wrapped(&ring, ARN)]);
        let line = text.lines().last().unwrap();
        let ciphertext = line.rsplit(':').next().unwrap();
        let id = ring.active_id();
        for bad in [
            &line[..line.len() - 3],
            &line.replace("aws-kms", "AWS"),
            &line.replace(&format!("{id}:"), ""),
            &line.replace(ARN, ""),
            &line.replace(ARN, "a b"),
            &line.replace(ciphertext, ""),
            PREFIX,
        ] {
            let error = KeyText::parse(&format!("# comment\n{bad}\n")).unwrap_err();
            assert!(matches!(error, KeyFileError::NotWrapped { line: 2 }), "{bad}: {error}");
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains(&ciphertext[..8]), "{printed}");
        }
        let long = vec![0; WrappedMasterKey::CIPHERTEXT_BYTES_MAX + 1];
        assert!(WrappedMasterKey::new(id, "aws-kms", "a", long).is_none());
    }

    #[test]
    fn debug_output_shows_no_ciphertext_and_no_key() {
        let ring = Keyring::generate(&mut seeded(5));
        let wrapped = wrapped(&ring, "a");
        let text = KeyText::parse(&WrappedMasterKey::to_text(std::slice::from_ref(&wrapped)));
        let printed = format!("{wrapped:?} {:?}", text.unwrap());
        let id = ring.active_id();
        let expected =
            format!("WrappedMasterKey {{ {id}, by aws-kms under a, .. }} [MasterKeyId({id})]");
        assert_eq!(printed, expected);
    }
}
