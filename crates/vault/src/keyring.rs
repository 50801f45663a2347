//! The ring of master keys, which wraps and unwraps data keys.

use std::fmt;
use std::sync::Arc;

use ledger_domain::{ConnectionId, LedgerId, MasterKeyId, WorkspaceName};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::associated::AssociatedData;
use crate::data_key::{DataKey, DataKeyId};
use crate::error::OpenError;
use crate::key_text::MasterKeyBytes;
use crate::labels;
use crate::master_key::{KEY_BYTES, KeyMaterial, MasterKey, draw_key};
use crate::stack::leaving_nothing;
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
/// Read with [`Keyring::read_file`] or [`Keyring::parse`]. Cheap to clone; a key is wiped when the
/// last ring with it is dropped.
#[derive(Clone)]
pub struct Keyring {
    pub(crate) active: Arc<MasterKey>,
    pub(crate) others: Vec<Arc<MasterKey>>,
}

/// A secret of the whole ledger that is stored wrapped under a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerSecret {
    /// The check that the right master key was given.
    KeyCheck,
    /// The key of the fingerprints.
    FingerprintKey,
    /// The key of the MACs.
    MacKey,
    /// A curve key.
    CurveKey,
    /// A login, of which only the key is wrapped.
    Login,
}

impl LedgerSecret {
    fn label(self) -> &'static str {
        match self {
            Self::KeyCheck => labels::KEY_CHECK,
            Self::FingerprintKey => labels::FINGERPRINT_KEY,
            Self::MacKey => labels::MAC_KEY,
            Self::CurveKey => labels::WRAPPED_CURVE_KEY,
            Self::Login => labels::WRAPPED_LOGIN_KEY,
        }
    }
}

impl Keyring {
    /// Returns a keyring with one new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self { active: Arc::new(MasterKey::generate(rng)), others: Vec::new() }
    }

    /// Adds a new key, which becomes the active one. The others remain for unwrapping.
    #[must_use]
    pub fn rotate(self, rng: &mut impl CryptoRng) -> Self {
        let mut active = MasterKey::generate(rng);
        while self.holds(active.id()) {
            active = MasterKey::generate(rng);
        }
        let others = self.arcs().cloned().collect();
        Self { active: Arc::new(active), others }
    }

    /// Returns the same keys with another one of them active.
    ///
    /// Errors: [`OpenError::UnknownKey`].
    pub fn with_active(&self, id: MasterKeyId) -> Result<Self, OpenError> {
        let active = self.find(id)?;
        let others = self.arcs().filter(|key| key.id() != id).cloned().collect();
        Ok(Self { active: Arc::clone(active), others })
    }

    /// Returns the same keys without some. The active one stays.
    #[must_use]
    pub fn without(&self, is_left_out: impl Fn(MasterKeyId) -> bool) -> Self {
        let kept = self.others.iter().filter(|key| !is_left_out(key.id()));
        Self { active: Arc::clone(&self.active), others: kept.cloned().collect() }
    }

    /// Returns whether a key is there.
    pub fn holds(&self, id: MasterKeyId) -> bool {
        self.keys().any(|key| key.id() == id)
    }

    /// Returns the id of a key that another ring has with other bytes, if there is one. An id has
    /// 32 bits, so two keys may have the same by accident, or by intent.
    pub fn clash(&self, other: &Self) -> Option<MasterKeyId> {
        let clashes =
            |own: &&MasterKey| other.keys().any(|key| key.id() == own.id() && !key.is_same(own));
        self.keys().find(clashes).map(MasterKey::id)
    }

    /// Returns the id of the active key.
    pub fn active_id(&self) -> MasterKeyId {
        self.active.id()
    }

    /// Returns the ids of all keys, the active one first.
    pub fn key_ids(&self) -> impl Iterator<Item = MasterKeyId> {
        self.keys().map(MasterKey::id)
    }

    /// Returns the id and the bytes of every key, the active one first, for a key service to wrap.
    pub fn for_wrapping(&self) -> impl Iterator<Item = (MasterKeyId, MasterKeyBytes)> {
        self.keys().map(|key| (key.id(), Zeroizing::new(key.material().to_vec())))
    }

    /// Generates a data key for one connection. Only the wrapped form may be stored.
    pub fn new_data_key(
        &self,
        rng: &mut impl CryptoRng,
        scope: Scope<'_>,
    ) -> (DataKey, WrappedDataKey) {
        leaving_nothing(|| {
            let material = draw_key(rng);
            let wrapped = self.wrap_data_key(rng, scope, &material);
            (DataKey::from_material(&material), wrapped)
        })
    }

    /// Unwraps a data key that was wrapped for the same connection under any key of the ring.
    pub fn unwrap(&self, scope: Scope<'_>, wrapped: &WrappedDataKey) -> Result<DataKey, OpenError> {
        leaving_nothing(|| Ok(DataKey::from_material(&self.unwrap_data_key(scope, wrapped)?)))
    }

    /// Wraps the same data key again under the active key. Values sealed under it remain valid.
    pub fn rewrap(
        &self,
        rng: &mut impl CryptoRng,
        scope: Scope<'_>,
        wrapped: &WrappedDataKey,
    ) -> Result<WrappedDataKey, OpenError> {
        leaving_nothing(|| {
            let material = self.unwrap_data_key(scope, wrapped)?;
            Ok(self.wrap_data_key(rng, scope, &material))
        })
    }

    /// Wraps a secret of the whole ledger again under the active key, given its stored form.
    pub fn rewrap_secret(
        &self,
        rng: &mut impl CryptoRng,
        ledger: LedgerId,
        secret: LedgerSecret,
        stored: &[u8],
    ) -> Result<Vec<u8>, OpenError> {
        let (wrapped, rest) =
            stored.split_at_checked(WrappedLedgerSecret::BYTES).ok_or(OpenError::Malformed)?;
        if secret != LedgerSecret::Login && !rest.is_empty() {
            return Err(OpenError::Malformed);
        }
        leaving_nothing(|| {
            let material = self.unwrap_for_ledger(secret.label(), ledger, wrapped)?;
            let mut rewrapped = self.wrap_for_ledger(rng, secret.label(), ledger, &material);
            rewrapped.extend_from_slice(rest);
            Ok(rewrapped)
        })
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
        let wrapped = leaving_nothing(|| self.active.wrap(rng, &place, material));
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
        let key = self.find(secret.master_key)?;
        leaving_nothing(|| key.unwrap(&place, &secret.wrapped))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &MasterKey> {
        self.arcs().map(Arc::as_ref)
    }

    fn arcs(&self) -> impl Iterator<Item = &Arc<MasterKey>> {
        std::iter::once(&self.active).chain(&self.others)
    }

    fn find(&self, id: MasterKeyId) -> Result<&Arc<MasterKey>, OpenError> {
        let unknown = || OpenError::UnknownKey { key: id, held: self.key_ids().collect() };
        self.arcs().find(|key| key.id() == id).ok_or_else(unknown)
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
    use crate::testing::{field, ledger, scope, seeded, workspace};
    use crate::{Plaintext, master_key_of};

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
        assert!(matches!(error, OpenError::UnknownKey { key, .. } if key == right.active_id()));
        for id in [right.active_id(), wrong.active_id()] {
            assert!(error.to_string().contains(&id.to_string()), "{error}");
        }
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

        let new = both.without(|id| id == old_id);
        assert_eq!(new.unwrap(scope, &rewrapped).unwrap().id(), key.id());
        let error = new.unwrap(scope, &wrapped).unwrap_err();
        assert!(matches!(error, OpenError::UnknownKey { key, .. } if key == old_id));
    }

    #[test]
    fn secrets_of_the_ledger_move_to_the_active_key_and_open_as_before() {
        let rng = &mut seeded(9);
        let ledger = ledger(1);
        let old = Keyring::generate(rng);
        let (fingerprints, wrapped) = old.new_fingerprint_key(rng, ledger);
        let login = old.seal_login(rng, ledger, b"user and password");
        let both = old.clone().rotate(rng);
        let new = both.without(|id| id == old.active_id());
        let mut rewrapped = |secret, stored: &[u8]| {
            let moved = both.rewrap_secret(rng, ledger, secret, stored).unwrap();
            assert_eq!(master_key_of(&moved).unwrap(), both.active_id());
            assert_eq!(moved.len(), stored.len());
            moved
        };
        let moved = rewrapped(LedgerSecret::FingerprintKey, &wrapped);
        let opened = new.open_fingerprint_key(ledger, &moved).unwrap();
        assert_eq!(opened.fingerprint(&[b"x"]), fingerprints.fingerprint(&[b"x"]));
        let moved = rewrapped(LedgerSecret::Login, &login);
        assert_eq!(new.open_login(ledger, &moved).unwrap().as_slice(), b"user and password");

        let wrong = both.rewrap_secret(rng, ledger, LedgerSecret::MacKey, &wrapped);
        assert!(matches!(wrong, Err(OpenError::Corrupt)), "it is another secret");
        let longer = [wrapped.as_slice(), &[0]].concat();
        let longer = both.rewrap_secret(rng, ledger, LedgerSecret::FingerprintKey, &longer);
        assert!(matches!(longer, Err(OpenError::Malformed)));
    }

    #[test]
    fn a_ring_has_the_active_key_that_it_is_told_and_no_key_that_was_left_out() {
        let rng = &mut seeded(10);
        let first = Keyring::generate(rng);
        let both = first.clone().rotate(rng);
        let (old, new) = (first.active_id(), both.active_id());
        assert_eq!(both.with_active(old).unwrap().key_ids().collect::<Vec<_>>(), [old, new]);
        assert!(matches!(first.with_active(new), Err(OpenError::UnknownKey { .. })));
        assert_eq!(both.without(|id| id == old).key_ids().collect::<Vec<_>>(), [new]);
        assert_eq!(both.without(|_| true).active_id(), new);
    }

    #[test]
    fn two_keys_with_one_id_are_told_apart() {
        let rng = &mut seeded(11);
        let first = Keyring::generate(rng);
        assert_eq!(first.clash(&first.clone().rotate(rng)), None);
        let other = MasterKey::generate(rng).with_id(first.active_id());
        let other = Keyring { active: Arc::new(other), others: Vec::new() };
        assert_eq!(first.clash(&other), Some(first.active_id()));
    }

    #[test]
    fn debug_shows_ids_only() {
        let rng = &mut seeded(8);
        let keyring = Keyring::generate(rng);
        let workspace = workspace("default");
        let (key, wrapped) = keyring.new_data_key(rng, scope(&workspace, 1));
        assert_eq!(format!("{keyring:?}"), format!("[MasterKeyId({})]", keyring.active_id()));
        assert_eq!(
            format!("{wrapped:?}"),
            format!(
                "WrappedDataKey {{ master_key: MasterKeyId({}), data_key: DataKeyId({}), .. }}",
                keyring.active_id(),
                key.id()
            )
        );
    }
}
