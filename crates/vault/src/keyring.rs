//! The ring of master keys, which wraps and unwraps data keys.

use std::fmt;

use ledger_domain::{ConnectionId, LedgerId, WorkspaceName};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::associated::AssociatedData;
use crate::data_key::{DataKey, DataKeyId};
use crate::error::OpenError;
use crate::key_text::MasterKeyBytes;
use crate::master_key::{KEY_BYTES, KeyId, KeyMaterial, MasterKey, draw_key};
use crate::wrapped::{WrappedDataKey, WrappedLedgerSecret};

/// The place that a data key and its values are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The workspace that owns the connection.
    pub workspace: &'a WorkspaceName,
    /// The connection.
    pub connection: ConnectionId,
}

/// The master keys. The active one wraps; the others only unwrap what they wrapped before.
///
/// Read with [`Keyring::read_file`] or [`Keyring::parse`]. Wiped when
/// dropped.
pub struct Keyring {
    pub(crate) active: MasterKey,
    pub(crate) retired: Vec<MasterKey>,
}

impl Keyring {
    /// Returns a keyring with one new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self { active: MasterKey::generate(rng), retired: Vec::new() }
    }

    /// Adds a new key, which becomes the active one. The others remain for unwrapping.
    #[must_use]
    pub fn rotate(self, rng: &mut impl CryptoRng) -> Self {
        let mut active = MasterKey::generate(rng);
        while self.find(active.id()).is_ok() {
            active = MasterKey::generate(rng);
        }
        let mut retired = self.retired;
        retired.insert(0, self.active);
        Self { active, retired }
    }

    /// Returns the id of the active key.
    pub fn active_id(&self) -> KeyId {
        self.active.id()
    }

    /// Returns the ids of all keys, the active one first.
    pub fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys().map(MasterKey::id)
    }

    /// Returns the id and the bytes of every key, the active one first, for a key service to wrap.
    pub fn for_wrapping(&self) -> impl Iterator<Item = (KeyId, MasterKeyBytes)> {
        self.keys().map(|key| (key.id(), Zeroizing::new(key.material().to_vec())))
    }

    /// Generates a data key for one connection. Only the wrapped form may be stored.
    pub fn new_data_key(
        &self,
        rng: &mut impl CryptoRng,
        scope: Scope<'_>,
    ) -> (DataKey, WrappedDataKey) {
        let material = draw_key(rng);
        let wrapped = self.wrap_data_key(rng, scope, &material);
        (DataKey::from_material(&material), wrapped)
    }

    /// Unwraps a data key that was wrapped for the same connection under any key of the ring.
    pub fn unwrap(&self, scope: Scope<'_>, wrapped: &WrappedDataKey) -> Result<DataKey, OpenError> {
        Ok(DataKey::from_material(&self.unwrap_data_key(scope, wrapped)?))
    }

    /// Wraps the same data key again under the active key. Values sealed under it remain valid.
    pub fn rewrap(
        &self,
        rng: &mut impl CryptoRng,
        scope: Scope<'_>,
        wrapped: &WrappedDataKey,
    ) -> Result<WrappedDataKey, OpenError> {
        let material = self.unwrap_data_key(scope, wrapped)?;
        Ok(self.wrap_data_key(rng, scope, &material))
    }

    /// Wraps a secret of the whole ledger under the active key; `label` identifies the secret.
    pub(crate) fn wrap_for_ledger(
        &self,
        rng: &mut impl CryptoRng,
        label: &'static str,
        ledger: LedgerId,
        material: &[u8; KEY_BYTES],
    ) -> Vec<u8> {
        let master_key = self.active.id();
        let place = AssociatedData::of_ledger(label, ledger, master_key);
        let wrapped = self.active.wrap(rng, &place, material);
        WrappedLedgerSecret { master_key, wrapped }.to_bytes()
    }

    /// Unwraps a secret that [`Self::wrap_for_ledger`] wrapped for the same label and ledger.
    pub(crate) fn unwrap_for_ledger(
        &self,
        label: &'static str,
        ledger: LedgerId,
        bytes: &[u8],
    ) -> Result<KeyMaterial, OpenError> {
        let secret = WrappedLedgerSecret::from_bytes(bytes)?;
        let place = AssociatedData::of_ledger(label, ledger, secret.master_key);
        self.find(secret.master_key)?.unwrap(&place, &secret.wrapped)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.active).chain(&self.retired)
    }

    fn find(&self, id: KeyId) -> Result<&MasterKey, OpenError> {
        self.keys().find(|key| key.id() == id).ok_or(OpenError::UnknownKey { key: id })
    }

    fn wrap_data_key(
        &self,
        rng: &mut impl CryptoRng,
        scope: Scope<'_>,
        material: &KeyMaterial,
    ) -> WrappedDataKey {
        let master_key = self.active.id();
        let data_key = DataKeyId::committing_to(material);
        let place = AssociatedData::of_data_key(scope, master_key, data_key);
        WrappedDataKey { master_key, data_key, wrapped: self.active.wrap(rng, &place, material) }
    }

    fn unwrap_data_key(
        &self,
        scope: Scope<'_>,
        wrapped: &WrappedDataKey,
    ) -> Result<KeyMaterial, OpenError> {
        let place = AssociatedData::of_data_key(scope, wrapped.master_key, wrapped.data_key);
        let material = self.find(wrapped.master_key)?.unwrap(&place, &wrapped.wrapped)?;
        wrapped.data_key.require(DataKeyId::committing_to(&material))?;
        Ok(material)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.key_ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plaintext;
    use crate::testing::{field, scope, seeded, workspace};

    #[test]
    fn a_wrapped_key_opens_what_the_key_sealed() {
        let rng = &mut seeded(1);
        let keyring = Keyring::generate(rng);
        let workspace = workspace("default");
        let scope = scope(&workspace, 1);
        let (key, wrapped) = keyring.new_data_key(rng, scope);
        let sealed = key.seal(rng, scope, &field("api_key"), &Plaintext::new("hunter2"));
        let read = WrappedDataKey::from_bytes(&wrapped.to_bytes()).unwrap();
        assert_eq!(read, wrapped);
        assert_eq!((read.data_key_id(), read.master_key_id()), (key.id(), keyring.active_id()));
        let opened =
            keyring.unwrap(scope, &read).unwrap().open(scope, &field("api_key"), &sealed).unwrap();
        assert!(opened.same_as(&Plaintext::new("hunter2")));
    }

    #[test]
    fn a_moved_data_key_is_refused() {
        let rng = &mut seeded(2);
        let keyring = Keyring::generate(rng);
        let (home, away) = (workspace("default"), workspace("other"));
        let (_, wrapped) = keyring.new_data_key(rng, scope(&home, 1));
        for scope in [scope(&away, 1), scope(&home, 2)] {
            let error = keyring.unwrap(scope, &wrapped).unwrap_err();
            assert!(matches!(error, OpenError::Corrupt), "{error:?}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_wrapped_key_is_refused() {
        let rng = &mut seeded(3);
        let keyring = Keyring::generate(rng);
        let workspace = workspace("default");
        let (_, wrapped) = keyring.new_data_key(rng, scope(&workspace, 1));
        let bytes = wrapped.to_bytes();
        assert_eq!(bytes.len(), WrappedDataKey::BYTES);
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                let opened = WrappedDataKey::from_bytes(&changed)
                    .and_then(|wrapped| keyring.unwrap(scope(&workspace, 1), &wrapped));
                assert!(opened.is_err(), "bit {bit} of byte {place}");
            }
        }
    }

    #[test]
    fn wrapped_keys_of_other_shapes_are_refused() {
        let rng = &mut seeded(4);
        let workspace = workspace("default");
        let (_, wrapped) = Keyring::generate(rng).new_data_key(rng, scope(&workspace, 1));
        let mut bytes = wrapped.to_bytes();
        for length in 0..bytes.len() {
            let error = WrappedDataKey::from_bytes(&bytes[..length]).unwrap_err();
            assert!(matches!(error, OpenError::Malformed), "{length}");
        }
        bytes.push(0);
        assert!(matches!(WrappedDataKey::from_bytes(&bytes), Err(OpenError::Malformed)));
        bytes[0] = 2;
        assert!(matches!(WrappedDataKey::from_bytes(&bytes), Err(OpenError::UnknownFormat)));
    }

    #[test]
    fn another_keyring_is_refused_and_the_missing_key_named() {
        let rng = &mut seeded(5);
        let (right, wrong) = (Keyring::generate(rng), Keyring::generate(rng));
        let workspace = workspace("default");
        let (_, wrapped) = right.new_data_key(rng, scope(&workspace, 1));
        let error = wrong.unwrap(scope(&workspace, 1), &wrapped).unwrap_err();
        assert!(matches!(error, OpenError::UnknownKey { key } if key == right.active_id()));
        assert!(error.to_string().contains(&right.active_id().to_string()));
    }

    #[test]
    fn a_key_that_was_wrapped_under_a_false_id_is_refused() {
        let rng = &mut seeded(6);
        let keyring = Keyring::generate(rng);
        let workspace = workspace("default");
        let scope = scope(&workspace, 1);
        let master_key = keyring.active_id();
        let data_key = DataKeyId::from_bytes([7; 16]);
        let place = AssociatedData::of_data_key(scope, master_key, data_key);
        let wrapped = keyring.active.wrap(rng, &place, &[8; 32]);
        let error =
            keyring.unwrap(scope, &WrappedDataKey { master_key, data_key, wrapped }).unwrap_err();
        assert!(matches!(error, OpenError::WrongDataKey { needed, .. } if needed == data_key));
    }

    #[test]
    fn rewrapping_moves_a_data_key_to_the_active_key() {
        let rng = &mut seeded(7);
        let old = Keyring::generate(rng);
        let old_id = old.active_id();
        let workspace = workspace("default");
        let scope = scope(&workspace, 1);
        let (key, wrapped) = old.new_data_key(rng, scope);

        let both = old.rotate(rng);
        assert_eq!(both.key_ids().collect::<Vec<_>>(), [both.active_id(), old_id]);
        let rewrapped = both.rewrap(rng, scope, &wrapped).unwrap();
        assert_eq!(rewrapped.master_key_id(), both.active_id());
        assert_eq!(rewrapped.data_key_id(), key.id());

        let new = Keyring { active: both.active, retired: Vec::new() };
        assert_eq!(new.unwrap(scope, &rewrapped).unwrap().id(), key.id());
        let error = new.unwrap(scope, &wrapped).unwrap_err();
        assert!(matches!(error, OpenError::UnknownKey { key } if key == old_id));
    }

    #[test]
    fn debug_shows_ids_only() {
        let rng = &mut seeded(8);
        let keyring = Keyring::generate(rng);
        let workspace = workspace("default");
        let (key, wrapped) = keyring.new_data_key(rng, scope(&workspace, 1));
        assert_eq!(format!("{keyring:?}"), format!("[KeyId({})]", keyring.active_id()));
        assert_eq!(
            format!("{wrapped:?}"),
            format!(
                "WrappedDataKey {{ master_key: KeyId({}), data_key: DataKeyId({}), .. }}",
                keyring.active_id(),
                key.id()
            )
        );
    }
}
