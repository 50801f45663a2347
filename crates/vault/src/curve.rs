//! Curve keys: messages that only their receiver can open, and that authenticate their sender.
//!
//! The format is that of NATS curve keys (`xkv1`: a 24-byte nonce, then XSalsa20-Poly1305 under a
//! key agreed by X25519), so that clients in other languages find it in their NATS library.

use std::fmt;

use ledger_domain::LedgerId;
use nkeys::XKey;
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::labels;
use crate::master_key::draw_key;

/// A curve key pair; the secret half is wiped when dropped.
pub struct CurveKey(XKey);

/// An invalid message or key. The error does not say which part is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CurveError {
    /// The text is not a public curve key.
    #[error("not a public curve key, which is text that begins with X")]
    Key,
    /// The message was not sealed by this sender for this receiver, or was changed.
    #[error("the message cannot be opened")]
    Message,
}

impl CurveKey {
    /// Generates a new pair.
    pub fn generate() -> Self {
        Self(XKey::new())
    }

    /// Returns the pair derived from 32 secret bytes.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(XKey::new_from_raw(*bytes))
    }

    /// Returns the public half as text that begins with `X`.
    pub fn public(&self) -> String {
        self.0.public_key()
    }

    /// Seals a message for the holder of a public key.
    pub fn seal(&self, message: &[u8], receiver: &str) -> Result<Vec<u8>, CurveError> {
        let receiver = XKey::from_public_key(receiver).map_err(|_| CurveError::Key)?;
        self.0.seal(message, &receiver).map_err(|_| CurveError::Message)
    }

    /// Opens a message that the holder of a public key sealed for this pair.
    pub fn open(&self, sealed: &[u8], sender: &str) -> Result<Zeroizing<Vec<u8>>, CurveError> {
        let sender = XKey::from_public_key(sender).map_err(|_| CurveError::Key)?;
        self.0.open(sealed, &sender).map(Zeroizing::new).map_err(|_| CurveError::Message)
    }
}

impl Keyring {
    /// Generates a curve key of a ledger, and returns it with the wrapped form to store.
    pub fn new_curve_key(&self, rng: &mut impl CryptoRng, ledger: LedgerId) -> (CurveKey, Vec<u8>) {
        let material = draw_key(rng);
        let wrapped = self.wrap_for_ledger(rng, labels::WRAPPED_CURVE_KEY, ledger, &material);
        (CurveKey::from_bytes(&material), wrapped)
    }

    /// Opens a curve key that was wrapped for the same ledger under any key of the ring.
    pub fn open_curve_key(&self, ledger: LedgerId, wrapped: &[u8]) -> Result<CurveKey, OpenError> {
        let material = self.unwrap_for_ledger(labels::WRAPPED_CURVE_KEY, ledger, wrapped)?;
        Ok(CurveKey::from_bytes(&material))
    }
}

impl fmt::Debug for CurveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CurveKey({})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ledger, seeded};

    #[test]
    fn only_the_receiver_opens_what_the_sender_sealed() {
        let [sender, receiver, other] = [(); 3].map(|()| CurveKey::generate());
        let sealed = sender.seal(b"hunter2", &receiver.public()).unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(*receiver.open(&sealed, &sender.public()).unwrap(), b"hunter2");
        assert_eq!(receiver.open(&sealed, &other.public()), Err(CurveError::Message));
        assert_eq!(other.open(&sealed, &sender.public()), Err(CurveError::Message));
    }

    #[test]
    fn a_changed_message_or_a_wrong_key_is_refused() {
        let [sender, receiver] = [(); 2].map(|()| CurveKey::generate());
        let mut sealed = sender.seal(b"hunter2", &receiver.public()).unwrap();
        for key in ["", "X", "UAAA", "hello"] {
            assert_eq!(sender.seal(b"x", key), Err(CurveError::Key), "{key}");
        }
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(receiver.open(&sealed, &sender.public()), Err(CurveError::Message));
        for short in [&b""[..], b"xkv1", &[0; 40]] {
            assert_eq!(receiver.open(short, &sender.public()), Err(CurveError::Message));
        }
    }

    #[test]
    fn a_wrapped_pair_is_read_back_for_its_ledger_only() {
        let rng = &mut seeded(1);
        let keyring = Keyring::generate(rng);
        let (key, wrapped) = keyring.new_curve_key(rng, ledger(1));
        let read = keyring.open_curve_key(ledger(1), &wrapped).unwrap();
        assert_eq!(read.public(), key.public());
        assert!(matches!(keyring.open_curve_key(ledger(2), &wrapped), Err(OpenError::Corrupt)));
        let (other, _) = keyring.new_curve_key(rng, ledger(1));
        assert_ne!(other.public(), key.public());
    }

    #[test]
    fn the_same_bytes_give_the_same_pair() {
        let pair = CurveKey::from_bytes(&[7; 32]);
        assert_eq!(pair.public(), CurveKey::from_bytes(&[7; 32]).public());
        assert!(!format!("{pair:?}").contains(&*XKey::new_from_raw([7; 32]).seed().unwrap()));
    }
}
