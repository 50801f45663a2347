//! Data keys: the key of one connection's values, which seals and opens them.

use std::fmt;

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::aead::inout::InOutBuf;
use ledger_domain::{FieldName, Sealed};
use rand::CryptoRng;
use subtle::ConstantTimeEq;

use crate::associated::AssociatedData;
use crate::error::OpenError;
use crate::keyring::Scope;
use crate::labels;
use crate::master_key::{KeyMaterial, NONCE_BYTES, derive_cipher};
use crate::plaintext::Plaintext;
use crate::sealed_text::{self, Draft, Header};
use crate::stack::leaving_nothing;

/// The key under which one connection's values are sealed. Wiped when dropped.
///
/// Created by [`Keyring::new_data_key`](crate::Keyring::new_data_key), unwrapped by
/// [`Keyring::unwrap`](crate::Keyring::unwrap).
pub struct DataKey {
    id: DataKeyId,
    /// On the heap, so that moving the key leaves no copy behind.
    cipher: Box<XChaCha20Poly1305>,
}

impl DataKey {
    pub(crate) fn from_material(material: &KeyMaterial) -> Self {
        let cipher = Box::new(derive_cipher(labels::DATA_KEY_CIPHER, material));
        Self { id: DataKeyId::committing_to(material), cipher }
    }

    /// Returns the id of the key, which every value sealed under it contains.
    pub fn id(&self) -> DataKeyId {
        self.id
    }

    /// Encrypts a value for one field of one connection.
    ///
    /// Every call generates a new value id and nonce, so sealing the same value twice gives two
    /// texts that share only the key's id. Allocates once, for the result. The result reveals the
    /// length of the plaintext.
    #[must_use]
    pub fn seal(
        &self,
        rng: &mut impl CryptoRng,
        scope: Scope<'_>,
        field: &FieldName,
        plaintext: &Plaintext,
    ) -> Sealed {
        let mut header = Header { data_key: self.id, value: [0; 16], nonce: [0; NONCE_BYTES] };
        rng.fill_bytes(&mut header.value);
        rng.fill_bytes(&mut header.nonce);
        let place = AssociatedData::of_value(scope, field, &header.value, self.id);
        let mut draft = Draft::new(&header, plaintext.len_bytes());
        let (ciphertext, tag) = draft.ciphertext_and_tag();
        tag.copy_from_slice(&leaving_nothing(|| {
            self.encrypt(&header, &place, plaintext, ciphertext)
        }));
        draft.finish()
    }

    /// Decrypts a value that was sealed under this key for the same field of the same connection.
    pub fn open(
        &self,
        scope: Scope<'_>,
        field: &FieldName,
        sealed: &Sealed,
    ) -> Result<Plaintext, OpenError> {
        let (header, body) = sealed_text::parse(sealed)?;
        header.data_key.require(self.id)?;
        let (mut bytes, tag) = sealed_text::decode_body(body)?;
        let place = AssociatedData::of_value(scope, field, &header.value, self.id);
        let nonce = (&header.nonce).into();
        // On failure the buffer still contains ciphertext, because the cipher checks the tag first.
        leaving_nothing(|| {
            let buffer = bytes.as_mut_slice().into();
            self.cipher.decrypt_inout_detached(nonce, place.as_bytes(), buffer, (&tag).into())
        })
        .map_err(|_| OpenError::Corrupt)?;
        Ok(Plaintext::new(bytes))
    }

    /// Encrypts straight from the plaintext's buffer into `ciphertext`, and returns the tag.
    fn encrypt(
        &self,
        header: &Header,
        place: &AssociatedData,
        plaintext: &Plaintext,
        ciphertext: &mut [u8],
    ) -> [u8; 16] {
        let buffers = InOutBuf::new(plaintext.bytes(), ciphertext)
            .expect("the draft has space for a plaintext of this length");
        self.cipher
            .encrypt_inout_detached((&header.nonce).into(), place.as_bytes(), buffers)
            .expect("a value in memory is shorter than the cipher's limit of 256 GiB")
            .into()
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Id of a data key, and a commitment to it: 16 bytes of a hash of the key.
///
/// XChaCha20-Poly1305 alone does not commit to its key: somebody who knows two keys can create one
/// ciphertext that opens under both, to two different values. The id is always computed from the
/// unwrapped key, so a value opens only under the key that it names. Finding two keys with the same
/// id takes about 2^64 work. The key itself has 256 bits, so its hash reveals nothing about it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataKeyId([u8; Self::BYTES]);

impl DataKeyId {
    /// Length in bytes.
    pub const BYTES: usize = 16;

    /// Returns the id of the data key that opens a sealed value, without opening it.
    pub fn of(sealed: &Sealed) -> Result<Self, OpenError> {
        sealed_text::parse(sealed).map(|(header, _)| header.data_key)
    }

    /// Returns the bytes.
    pub const fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }

    /// Returns the id with these bytes, as from [`Self::to_bytes`].
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    pub(crate) fn committing_to(material: &KeyMaterial) -> Self {
        let digest = blake3::derive_key(labels::DATA_KEY_ID, material.as_slice());
        let mut id = [0; Self::BYTES];
        id.copy_from_slice(digest.split_at(Self::BYTES).0);
        Self(id)
    }

    /// Checks that the id of the key at hand, `given`, is the needed one.
    pub(crate) fn require(self, given: Self) -> Result<(), OpenError> {
        if bool::from(self.0.ct_eq(&given.0)) {
            return Ok(());
        }
        Err(OpenError::WrongDataKey { needed: self, given })
    }
}

impl fmt::Display for DataKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in sealed_text::encode_small::<22>(&self.0) {
            fmt::Write::write_char(f, char::from(character))?;
        }
        Ok(())
    }
}

impl fmt::Debug for DataKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use ledger_domain::text::CheckedText;
    use proptest::prelude::*;
    use rand::rngs::StdRng;

    use super::*;
    use crate::master_key::draw_key;
    use crate::testing::{field, scope, seeded, workspace};

    const SECRET: &str = "sk-canary-0123456789";

    fn key(rng: &mut StdRng) -> DataKey {
        DataKey::from_material(&draw_key(rng))
    }

    fn seal(key: &DataKey, rng: &mut StdRng) -> Sealed {
        let workspace = workspace("default");
        key.seal(rng, scope(&workspace, 1), &field("api_key"), &Plaintext::new(SECRET))
    }

    fn open(key: &DataKey, sealed: &Sealed) -> Result<Plaintext, OpenError> {
        key.open(scope(&workspace("default"), 1), &field("api_key"), sealed)
    }

    fn parts(sealed: &Sealed) -> Vec<&str> {
        sealed.as_str().split('.').collect()
    }

    #[test]
    fn a_value_opens_where_it_was_sealed() {
        let rng = &mut seeded(1);
        let key = key(rng);
        let sealed = seal(&key, rng);
        assert!(open(&key, &sealed).unwrap().same_as(&Plaintext::new(SECRET)));
        assert_eq!(DataKeyId::of(&sealed).unwrap(), key.id());
        assert_eq!(
            parts(&sealed).iter().map(|part| part.len()).collect::<Vec<_>>(),
            [2, 22, 22, 80]
        );
    }

    #[test]
    fn sealing_twice_shares_only_the_key() {
        let rng = &mut seeded(2);
        let key = key(rng);
        let (one, other) = (seal(&key, rng), seal(&key, rng));
        let same: Vec<bool> = parts(&one).iter().zip(parts(&other)).map(|(a, b)| *a == b).collect();
        assert_eq!(same, [true, true, false, false]);
    }

    #[test]
    fn a_moved_value_is_refused() {
        let rng = &mut seeded(3);
        let key = key(rng);
        let sealed = seal(&key, rng);
        for (workspace_name, connection, field_name) in
            [("other", 1, "api_key"), ("default", 2, "api_key"), ("default", 1, "password")]
        {
            let workspace = workspace(workspace_name);
            let error =
                key.open(scope(&workspace, connection), &field(field_name), &sealed).unwrap_err();
            assert!(matches!(error, OpenError::Corrupt), "{error:?}");
        }
    }

    #[test]
    fn a_name_longer_than_today_allows_still_opens() {
        let rng = &mut seeded(11);
        let key = key(rng);
        let workspace = workspace("default");
        let scope = scope(&workspace, 1);
        let named = |name: String| <FieldName as CheckedText>::stored(name.into());
        let (long, longer) = (named("f".repeat(1000)), named("f".repeat(1001)));
        let sealed = key.seal(rng, scope, &long, &Plaintext::new(SECRET));
        assert!(key.open(scope, &long, &sealed).unwrap().same_as(&Plaintext::new(SECRET)));
        assert!(matches!(key.open(scope, &longer, &sealed), Err(OpenError::Corrupt)));
    }

    #[test]
    fn another_key_is_refused_and_named() {
        let rng = &mut seeded(4);
        let (right, wrong) = (key(rng), key(rng));
        let error = open(&wrong, &seal(&right, rng)).unwrap_err();
        assert!(matches!(
            error,
            OpenError::WrongDataKey { needed, given } if needed == right.id() && given == wrong.id()
        ));
        assert!(error.to_string().contains(&right.id().to_string()));
    }

    #[test]
    fn a_value_claimed_for_another_key_is_refused() {
        let rng = &mut seeded(5);
        let (right, wrong) = (key(rng), key(rng));
        let sealed = seal(&right, rng);
        let claimed = sealed.as_str().replace(&right.id().to_string(), &wrong.id().to_string());
        let error = open(&wrong, &Sealed::from_text(claimed)).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt), "{error:?}");
    }

    #[test]
    fn swapped_value_ids_are_refused() {
        let rng = &mut seeded(6);
        let key = key(rng);
        let (one, other) = (seal(&key, rng), seal(&key, rng));
        let (one, other) = (parts(&one), parts(&other));
        let swapped = [one[0], one[1], other[2], one[3]].join(".");
        let error = open(&key, &Sealed::from_text(swapped)).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt), "{error:?}");
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let rng = &mut seeded(7);
        let key = key(rng);
        let sealed = seal(&key, rng);
        for place in 0..sealed.as_str().len() {
            for bit in 0..7 {
                let mut changed = sealed.as_str().as_bytes().to_vec();
                changed[place] ^= 1 << bit;
                let changed = Sealed::from_text(String::from_utf8(changed).unwrap());
                assert!(open(&key, &changed).is_err(), "bit {bit} of character {place}");
            }
        }
    }

    #[test]
    fn every_shortened_or_lengthened_text_is_refused() {
        let rng = &mut seeded(8);
        let key = key(rng);
        let sealed = seal(&key, rng);
        for length in 0..sealed.as_str().len() {
            assert!(open(&key, &Sealed::from_text(&sealed.as_str()[..length])).is_err());
        }
        for more in ["A", "AAAA", ".", "=", "\n"] {
            assert!(open(&key, &Sealed::from_text(format!("{}{more}", sealed.as_str()))).is_err());
        }
    }

    #[test]
    fn unknown_formats_and_foreign_text_are_distinguished() {
        let rng = &mut seeded(9);
        let key = key(rng);
        let check = |text: &str| open(&key, &Sealed::from_text(text)).unwrap_err();
        for text in ["v2.a.b.c", "v10.", "v0.x"] {
            assert!(matches!(check(text), OpenError::UnknownFormat), "{text}");
        }
        for text in ["", "v1", "v1.", "v1...", "v.a.b.c", "hunter2", "vault:v1:abc", "v1.é.é.é"]
        {
            assert!(matches!(check(text), OpenError::Malformed), "{text}");
        }
    }

    #[test]
    fn nothing_prints_a_secret() {
        let rng = &mut seeded(10);
        let material = draw_key(rng);
        let key = DataKey::from_material(&material);
        let sealed = seal(&key, rng);
        let error = open(&DataKey::from_material(&draw_key(rng)), &sealed).unwrap_err();
        let printed = format!("{key:?} {sealed:?} {error} {error:?}");
        assert!(!printed.contains("canary") && !printed.contains(parts(&sealed)[3]));
        assert_eq!(format!("{key:?}"), format!("DataKey {{ id: DataKeyId({}), .. }}", key.id()));
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(secret in prop::collection::vec(any::<u8>(), 0..3000), seed: u64) {
            let rng = &mut seeded(seed);
            let key = key(rng);
            let workspace = workspace("default");
            let (scope, field) = (scope(&workspace, 1), field("api_key"));
            let secret = Plaintext::new(secret);
            let sealed = key.seal(rng, scope, &field, &secret);
            prop_assert!(key.open(scope, &field, &sealed).unwrap().same_as(&secret));
        }
    }
}
