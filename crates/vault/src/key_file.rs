//! Master keys in the clear, and the files that contain them.

mod add;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::MasterKeyId;
use zeroize::Zeroizing;

use crate::error::KeyFileError;
use crate::key_text::{KeyText, from_bytes};
use crate::keyring::Keyring;
use crate::master_key::MasterKey;
use crate::private_file;
use crate::stack::leaving_nothing;

const PREFIX: &str = "connledger-master-key-v1:";
const COMMENT: &str = "\
# Master keys of a connection ledger. The first key is active, the others only open.
# Whoever has this file and the ledger's data can read every secret; without this file nobody can.
";
/// Length of a key in base64.
const KEY_CHARS: usize = 44;
/// Length of the line of a key, in bytes.
const LINE_BYTES: usize = PREFIX.len() + MasterKeyId::ASCII_BYTES + 1 + KEY_CHARS + 1;
/// Largest key file, in bytes.
const FILE_BYTES_MAX: usize = KeyText::BYTES_MAX;

impl Keyring {
    /// Parses keys that are in the clear, as [`KeyText::parse`] describes them.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        KeyText::parse(text)?.into_keyring([])
    }

    /// Returns the text that [`Self::parse`] reads, with an explanatory comment.
    pub fn to_file_text(&self) -> Zeroizing<String> {
        // The buffer gets its full capacity from the start, because growing would leave copies of
        // keys behind.
        let bytes = COMMENT.len() + self.keys().count() * LINE_BYTES;
        let mut text = Zeroizing::new(String::with_capacity(bytes));
        text.push_str(COMMENT);
        leaving_nothing(|| self.keys().for_each(|key| push_line(&mut text, key)));
        text
    }

    /// Reads a key file. On Unix, refuses a file to which other users have access.
    pub fn read_file(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        Self::parse(&private_file::read_private(path.as_ref(), FILE_BYTES_MAX)?)
    }

    /// Writes a new key file and syncs it to disk. On Unix, only the owner gets access. Never
    /// overwrites a file, because a lost key file is a lost ledger.
    pub fn create_file(&self, path: impl AsRef<Path>) -> Result<(), KeyFileError> {
        let path = path.as_ref();
        let failed = |source| KeyFileError::Create { path: path.to_owned(), source };
        private_file::create_with(path, &self.to_file_text()).map_err(failed)
    }
}

/// Appends the line of a key to a text that has room for it.
fn push_line(text: &mut String, key: &MasterKey) {
    text.push_str(PREFIX);
    text.extend(key.id().to_ascii().map(char::from));
    text.push(':');
    STANDARD.encode_string(key.material(), text);
    text.push('\n');
}

/// Reads the line of a key in the clear.
pub(crate) fn read_clear(line: usize, content: &str) -> Result<MasterKey, KeyFileError> {
    let not_a_key = || KeyFileError::NotAKey { line };
    let rest = content.strip_prefix(PREFIX).ok_or_else(not_a_key)?;
    let (id, encoded) = rest.split_once(':').ok_or_else(not_a_key)?;
    let stated = MasterKeyId::from_ascii(id.as_bytes()).ok_or_else(not_a_key)?;
    let mut decoded =
        Zeroizing::new(Vec::with_capacity(base64::decoded_len_estimate(encoded.len())));
    STANDARD.decode_vec(encoded, &mut decoded).map_err(|_| not_a_key())?;
    from_bytes(line, stated, &decoded)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::PrivateFileError;
    use crate::testing::seeded;

    fn line_of(keyring: &Keyring) -> String {
        keyring.to_file_text().lines().last().unwrap().to_owned()
    }

    fn error_of(text: &str) -> KeyFileError {
        Keyring::parse(text).unwrap_err()
    }

    #[test]
    fn text_reads_back_in_the_same_order() {
        let rng = &mut seeded(1);
        let keyring = Keyring::generate(rng).rotate(rng).rotate(rng);
        let text = keyring.to_file_text();
        assert_eq!(text.len(), text.capacity());
        let read = Keyring::parse(&text).unwrap();
        assert!(read.key_ids().eq(keyring.key_ids()));
        assert!(read.keys().zip(keyring.keys()).all(|(a, b)| a.material() == b.material()));
        let windows = text.replace('\n', "\r\n");
        assert!(Keyring::parse(&windows).unwrap().key_ids().eq(keyring.key_ids()));
    }

    #[test]
    fn bad_lines_are_named_by_number() {
        let line = line_of(&Keyring::generate(&mut seeded(2)));
        let key = line.rsplit(':').next().unwrap();
        for text in ["", "# nothing here\n\n", " \n"] {
            assert!(matches!(error_of(text), KeyFileError::Empty), "{text:?}");
        }
        for bad in ["hunter2", key, &line[1..], &line.replace("v1", "v2"), &format!("{line}!")] {
            let text = format!("# comment\n\n{bad}\n");
            assert!(matches!(error_of(&text), KeyFileError::NotAKey { line: 3 }), "{bad}");
        }
        let short = line.replace(key, &STANDARD.encode([0; 31]));
        assert!(matches!(error_of(&short), KeyFileError::WrongLength { line: 1, bytes: 31 }));
        let foreign = line.replace(key, &STANDARD.encode([0; 32]));
        assert!(matches!(error_of(&foreign), KeyFileError::WrongId { line: 1, .. }));
        let twice = format!("{line}\n{line}");
        assert!(matches!(error_of(&twice), KeyFileError::Duplicate { line: 2, .. }));
    }

    #[test]
    fn errors_never_repeat_a_line() {
        let line = line_of(&Keyring::generate(&mut seeded(3)));
        let key = line.rsplit(':').next().unwrap();
        for text in [key, &line[1..], &format!("{PREFIX}{key}:{key}"), &format!("{line}\n{line}")] {
            let error = error_of(text);
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains(&key[..8]), "{printed}");
        }
    }

    #[test]
    fn a_created_file_reads_back_and_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let rng = &mut seeded(4);
        let keyring = Keyring::generate(rng);
        keyring.create_file(&path).unwrap();
        assert_eq!(Keyring::read_file(&path).unwrap().active_id(), keyring.active_id());

        let error = Keyring::generate(rng).create_file(&path).unwrap_err();
        assert!(matches!(
            &error,
            KeyFileError::Create { source, .. } if source.kind() == io::ErrorKind::AlreadyExists
        ));
        assert_eq!(Keyring::read_file(&path).unwrap().active_id(), keyring.active_id());
    }

    #[test]
    fn missing_long_and_binary_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let error = || match Keyring::read_file(&path).unwrap_err() {
            KeyFileError::File(error) => error,
            other => panic!("{other}"),
        };
        assert!(matches!(error(), PrivateFileError::Read { .. }));
        private_file::create_private(&path).unwrap();
        std::fs::write(&path, "#".repeat(FILE_BYTES_MAX + 1)).unwrap();
        assert!(matches!(error(), PrivateFileError::TooLong { .. }));
        std::fs::write(&path, [0xff; 64]).unwrap();
        assert!(matches!(error(), PrivateFileError::Read { .. }));
    }
}
