//! Associated data: the context of a ciphertext, as bytes that the cipher authenticates.
//!
//! Every part is preceded by its length (8 bytes, little-endian), so no two lists of parts give the
//! same bytes. The bytes are on the stack, because sealing must not allocate more than its output.
//! Only names longer than today's limits, which an old log may contain, need a heap buffer.

use ledger_domain::{FieldName, LedgerId, MasterKeyId, limits};

use crate::data_key::DataKeyId;
use crate::keyring::Scope;
use crate::labels;

/// Format version of everything that this crate writes, as its first byte or as `v1`.
pub(crate) const FORMAT: u8 = 1;

const LENGTH_BYTES: usize = size_of::<u64>();
const PARTS_MAX: usize = 7;
const LABEL_BYTES_MAX: usize = 32;
const ID_BYTES: usize = 16;

/// Size of the longest associated data within today's limits, that of a sealed value. Both names
/// are ASCII, so characters are bytes.
const CAPACITY: usize = PARTS_MAX * LENGTH_BYTES
    + LABEL_BYTES_MAX
    + size_of::<u8>()
    + limits::WORKSPACE_NAME_CHARS
    + limits::FIELD_NAME_CHARS
    + 3 * ID_BYTES;

/// The bytes that a ciphertext is bound to.
pub(crate) struct AssociatedData {
    bytes: [u8; CAPACITY],
    filled: usize,
    /// Contains everything once `bytes` is too small; empty until then.
    overlong: Vec<u8>,
}

impl AssociatedData {
    /// Returns the data that binds a value to its place, its id and the key that seals it.
    pub(crate) fn of_value(
        scope: Scope<'_>,
        field: &FieldName,
        value: &[u8; ID_BYTES],
        data_key: DataKeyId,
    ) -> Self {
        Self::start(labels::SEALED_VALUE)
            .and(scope.workspace.as_str().as_bytes())
            .and(&scope.connection.to_bytes())
            .and(field.as_str().as_bytes())
            .and(value)
            .and(&data_key.to_bytes())
    }

    /// Returns the data that binds a wrapped data key to its place, its id and the master key that
    /// wraps it.
    pub(crate) fn of_data_key(
        scope: Scope<'_>,
        master_key: MasterKeyId,
        data_key: DataKeyId,
    ) -> Self {
        Self::start(labels::WRAPPED_DATA_KEY)
            .and(&master_key.to_ascii())
            .and(&data_key.to_bytes())
            .and(scope.workspace.as_str().as_bytes())
            .and(&scope.connection.to_bytes())
    }

    /// Returns the data that binds a secret of the whole ledger; `label` identifies the secret.
    pub(crate) fn of_ledger(
        label: &'static str,
        ledger: LedgerId,
        master_key: MasterKeyId,
    ) -> Self {
        Self::start(label).and(&master_key.to_ascii()).and(&ledger.to_bytes())
    }

    /// Returns the data that binds a login to its ledger. Its key is used for nothing else.
    pub(crate) fn of_login(ledger: LedgerId) -> Self {
        Self::start(labels::SEALED_LOGIN).and(&ledger.to_bytes())
    }

    /// Returns the data that binds what a token opens to what it is.
    pub(crate) fn of_token(what: &str) -> Self {
        Self::start(labels::SEALED_FOR_TOKEN).and(what.as_bytes())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        if self.overlong.is_empty() { self.on_stack() } else { &self.overlong }
    }

    fn start(label: &'static str) -> Self {
        Self::empty().and(label.as_bytes()).and(&[FORMAT])
    }

    fn empty() -> Self {
        Self { bytes: [0; CAPACITY], filled: 0, overlong: Vec::new() }
    }

    fn and(mut self, part: &[u8]) -> Self {
        self.push(&(part.len() as u64).to_le_bytes());
        self.push(part);
        self
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.filled + bytes.len();
        match self.bytes.get_mut(self.filled..end) {
            Some(free) if self.overlong.is_empty() => {
                free.copy_from_slice(bytes);
                self.filled = end;
            }
            _ => self.push_overlong(bytes),
        }
    }

    #[cold]
    fn push_overlong(&mut self, bytes: &[u8]) {
        if self.overlong.is_empty() {
            self.overlong = self.on_stack().to_vec();
        }
        self.overlong.extend_from_slice(bytes);
    }

    fn on_stack(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::{ConnectionId, WorkspaceName};
    use proptest::prelude::*;

    use super::*;

    fn of_parts(parts: &[Vec<u8>]) -> Vec<u8> {
        parts.iter().fold(AssociatedData::empty(), |data, part| data.and(part)).as_bytes().to_vec()
    }

    #[test]
    fn overlong_names_give_the_same_bytes_as_any_list() {
        for length in [0, 1, CAPACITY - 8, CAPACITY - 7, CAPACITY, 70_000] {
            let parts = [vec![1; length], vec![2; 3], vec![3; length], Vec::new()];
            let expected: Vec<u8> = parts
                .iter()
                .flat_map(|part| [&(part.len() as u64).to_le_bytes(), part.as_slice()].concat())
                .collect();
            assert_eq!(of_parts(&parts), expected, "{length}");
        }
    }

    #[test]
    fn the_longest_names_of_today_stay_on_the_stack() {
        let workspace = WorkspaceName::parse("w", &"w".repeat(63)).unwrap();
        let field = FieldName::parse("f", &"f".repeat(128)).unwrap();
        let connection = ConnectionId::from_bytes([1; 16]);
        let scope = Scope { workspace: &workspace, connection };
        let id = DataKeyId::from_bytes([3; 16]);
        let data = AssociatedData::of_value(scope, &field, &[2; 16], id);
        assert!(data.overlong.is_empty());
        let label = labels::SEALED_VALUE.len();
        assert_eq!(data.as_bytes().len(), 7 * 8 + label + 1 + 63 + 16 + 128 + 16 + 16);
        assert!(
            [labels::WRAPPED_DATA_KEY, labels::FINGERPRINT_KEY, labels::MAC_KEY, labels::KEY_CHECK]
                .iter()
                .all(|label| label.len() <= LABEL_BYTES_MAX)
        );
    }

    #[test]
    fn moving_a_letter_to_the_next_part_changes_the_bytes() {
        let split = of_parts(&[b"ab".to_vec(), b"c".to_vec()]);
        assert_ne!(split, of_parts(&[b"a".to_vec(), b"bc".to_vec()]));
        assert_ne!(split, of_parts(&[b"abc".to_vec(), Vec::new()]));
    }

    proptest! {
        #[test]
        fn different_parts_give_different_bytes(
            one in prop::collection::vec(prop::collection::vec(0_u8..3, 0..4), 0..5),
            other in prop::collection::vec(prop::collection::vec(0_u8..3, 0..4), 0..5),
        ) {
            prop_assert_eq!(one == other, of_parts(&one) == of_parts(&other));
        }
    }
}
