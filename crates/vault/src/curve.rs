//! Curve keys: messages that only their receiver can open, and that authenticate their sender.
//!
//! The format is that of NATS curve keys (`xkv1`: a 24-byte nonce, then XSalsa20-Poly1305 under a
//! key agreed by X25519), so that clients in other languages find it in their NATS library.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use ledger_domain::LedgerId;
use nkeys::XKey;
use rand::{CryptoRng, Rng as _};
use zeroize::Zeroizing;

use crate::error::OpenError;
use crate::keyring::Keyring;
use crate::labels;
use crate::master_key::draw_key;

/// The first bytes of a message.
const VERSION: &[u8] = b"xkv1";
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;
/// The byte before the 32 of a public key that makes its text begin with `X`.
const CURVE_PREFIX: u8 = 23 << 3;
/// Peers whose agreed keys a pair keeps; the oldest goes first. To agree on a key costs many times
/// what it takes to seal a message with it.
const AGREED_MAX: usize = 1_024;

/// A curve key pair; the secret half, and what it agreed on with others, is wiped when dropped.
pub struct CurveKey {
    secret: SecretKey,
    public: String,
    agreed: Mutex<Agreed>,
}

/// The keys that were agreed on, by the text of the peer's public key.
#[derive(Default)]
struct Agreed {
    by_peer: HashMap<String, Arc<SalsaBox>>,
    oldest_first: VecDeque<String>,
}

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
        Self::from_bytes(&draw_key(&mut rand::rng()))
    }

    /// Returns the pair derived from 32 secret bytes.
    pub(crate) fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let public = XKey::new_from_raw(*bytes).public_key();
        Self { secret: SecretKey::from_bytes(*bytes), public, agreed: Mutex::default() }
    }

    /// Returns the public half as text that begins with `X`.
    pub fn public(&self) -> &str {
        &self.public
    }

    /// Seals a message for the holder of a public key.
    pub fn seal(&self, message: &[u8], receiver: &str) -> Result<Vec<u8>, CurveError> {
        let nonce: [u8; NONCE_BYTES] = rand::rng().random();
        let sealed = self.agree(receiver)?.encrypt(&nonce.into(), message);
        let sealed = sealed.map_err(|_| CurveError::Message)?;
        Ok([VERSION, &nonce, &sealed].concat())
    }

    /// Opens a message that the holder of a public key sealed for this pair.
    pub fn open(&self, sealed: &[u8], sender: &str) -> Result<Zeroizing<Vec<u8>>, CurveError> {
        let agreed = self.agree(sender)?;
        let rest = sealed.strip_prefix(VERSION).ok_or(CurveError::Message)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(CurveError::Message)?;
        let opened = agreed.decrypt(&(*nonce).into(), sealed);
        opened.map(Zeroizing::new).map_err(|_| CurveError::Message)
    }

    /// Returns the key that this pair and the holder of a public key agree on.
    fn agree(&self, peer: &str) -> Result<Arc<SalsaBox>, CurveError> {
        if let Some(known) = self.agreed().by_peer.get(peer) {
            return Ok(Arc::clone(known));
        }
        let (prefix, public) = nkeys::from_public_key(peer).map_err(|_| CurveError::Key)?;
        if prefix != CURVE_PREFIX {
            return Err(CurveError::Key);
        }
        let new = Arc::new(SalsaBox::new(&PublicKey::from_bytes(public), &self.secret));
        self.agreed().keep(peer, &new);
        Ok(new)
    }

    fn agreed(&self) -> MutexGuard<'_, Agreed> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Agreed {
    fn keep(&mut self, peer: &str, key: &Arc<SalsaBox>) {
        if self.by_peer.insert(peer.to_owned(), Arc::clone(key)).is_some() {
            return;
        }
        self.oldest_first.push_back(peer.to_owned());
        if self.oldest_first.len() > AGREED_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_peer.remove(&oldest);
        }
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
        let sealed = sender.seal(b"hunter2", receiver.public()).unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"hunter2"));
        assert_eq!(*receiver.open(&sealed, sender.public()).unwrap(), b"hunter2");
        assert_eq!(receiver.open(&sealed, other.public()), Err(CurveError::Message));
        assert_eq!(other.open(&sealed, sender.public()), Err(CurveError::Message));
    }

    #[test]
    fn a_changed_message_or_a_wrong_key_is_refused() {
        let [sender, receiver] = [(); 2].map(|()| CurveKey::generate());
        let mut sealed = sender.seal(b"hunter2", receiver.public()).unwrap();
        for key in ["", "X", "UAAA", "hello"] {
            assert_eq!(sender.seal(b"x", key), Err(CurveError::Key), "{key}");
        }
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(receiver.open(&sealed, sender.public()), Err(CurveError::Message));
        for short in [&b""[..], b"xkv1", &[0; 40]] {
            assert_eq!(receiver.open(short, sender.public()), Err(CurveError::Message));
        }
    }

    #[test]
    fn what_nats_libraries_seal_is_opened_and_they_open_what_is_sealed() {
        let own = CurveKey::generate();
        let theirs = XKey::new();
        let public = XKey::from_public_key(own.public()).unwrap();
        let sealed = theirs.seal(b"hunter2", &public).unwrap();
        assert_eq!(*own.open(&sealed, &theirs.public_key()).unwrap(), b"hunter2");
        let sealed = own.seal(b"hunter2", &theirs.public_key()).unwrap();
        assert_eq!(theirs.open(&sealed, &public).unwrap(), b"hunter2");
    }

    #[test]
    fn keys_are_agreed_on_anew_with_more_peers_than_are_kept() {
        let own = CurveKey::generate();
        let peers: Vec<_> = (0..AGREED_MAX + 3).map(|_| CurveKey::generate()).collect();
        for peer in &peers {
            own.seal(b"x", peer.public()).unwrap();
        }
        let count = |agreed: &Agreed| (agreed.by_peer.len(), agreed.oldest_first.len());
        assert_eq!(count(&own.agreed()), (AGREED_MAX, AGREED_MAX));
        assert!(!own.agreed().by_peer.contains_key(peers[0].public()));
        let sealed = own.seal(b"hunter2", peers[0].public()).unwrap();
        assert_eq!(*peers[0].open(&sealed, own.public()).unwrap(), b"hunter2");
        assert_eq!(count(&own.agreed()), (AGREED_MAX, AGREED_MAX));
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
