//! What the transit engine of Vault does with a key, after its public documentation.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngCore as _;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

/// A refusal: a status and what is said.
pub(super) type Refusal = (u16, String);

fn refused<T>(said: impl Into<String>) -> Result<T, Refusal> {
    Err((400, said.into()))
}

/// A key of the type aes256-gcm96 with all its versions.
#[derive(Debug)]
pub(super) struct Key {
    versions: Vec<[u8; 32]>,
    is_derived: bool,
    /// The first version that still decrypts.
    pub(super) min_decryption_version: usize,
}

impl Key {
    pub(super) fn new(is_derived: bool) -> Self {
        let mut key = Self { versions: Vec::new(), is_derived, min_decryption_version: 1 };
        key.rotate();
        key
    }

    pub(super) fn rotate(&mut self) {
        let mut version = [0; 32];
        rand::rng().fill_bytes(&mut version);
        self.versions.push(version);
    }

    pub(super) fn encrypt(&self, request: &Map<String, Value>) -> Result<Value, Refusal> {
        let Some(plaintext) = bytes(request, "plaintext")? else {
            return refused("missing plaintext to encrypt");
        };
        let version = self.versions.len();
        let cipher = self.cipher(version, request)?;
        let mut nonce = [0; NONCE_LEN];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = plaintext;
        let bound = Aad::from(bytes(request, "associated_data")?.unwrap_or_default());
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        cipher.seal_in_place_append_tag(nonce_used, bound, &mut sealed).expect("a short text");
        let sealed = STANDARD.encode([&nonce[..], &sealed].concat());
        Ok(json!({ "ciphertext": format!("vault:v{version}:{sealed}"), "key_version": version }))
    }

    pub(super) fn decrypt(&self, request: &Map<String, Value>) -> Result<Value, Refusal> {
        let ciphertext = request.get("ciphertext").and_then(Value::as_str).unwrap_or_default();
        if ciphertext.is_empty() {
            return refused("missing ciphertext to decrypt");
        }
        let parts = ciphertext.strip_prefix("vault:v").and_then(|rest| rest.split_once(':'));
        let Some((version, sealed)) = parts else {
            return refused("invalid ciphertext: no prefix");
        };
        let version = match version.parse() {
            Ok(version) if (1..=self.versions.len()).contains(&version) => version,
            _ => return refused("invalid ciphertext: version is too new"),
        };
        if version < self.min_decryption_version {
            return refused("ciphertext or signature version is disallowed by policy (too old)");
        }
        let cipher = self.cipher(version, request)?;
        let sealed = STANDARD.decode(sealed).unwrap_or_default();
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE_LEN>() else {
            return refused("invalid ciphertext: could not decode base64");
        };
        let bound = Aad::from(bytes(request, "associated_data")?.unwrap_or_default());
        let mut sealed = sealed.to_vec();
        match cipher.open_in_place(Nonce::assume_unique_for_key(*nonce), bound, &mut sealed) {
            Ok(opened) => Ok(json!({ "plaintext": STANDARD.encode(opened) })),
            Err(_) => refused("cipher: message authentication failed"),
        }
    }

    fn cipher(&self, version: usize, request: &Map<String, Value>) -> Result<LessSafeKey, Refusal> {
        let context = bytes(request, "context")?.unwrap_or_default();
        let own = self.versions.get(version - 1).expect("a version that is there");
        let material = match (self.is_derived, context.is_empty()) {
            (true, true) => {
                return refused(
                    "missing 'context' for key derivation; the key was created using a derived \
                     key, which means additional, per-request information must be included in \
                     order to perform operations with the key",
                );
            }
            (true, false) => digest(&SHA256, &[&own[..], &context].concat()).as_ref().to_vec(),
            (false, _) => own.to_vec(),
        };
        let key = UnboundKey::new(&AES_256_GCM, &material).expect("32 bytes");
        Ok(LessSafeKey::new(key))
    }
}

fn bytes(request: &Map<String, Value>, field: &str) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(text) = request.get(field).and_then(Value::as_str) else { return Ok(None) };
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) => refused(format!("failed to base64-decode {field}: {error}")),
    }
}
