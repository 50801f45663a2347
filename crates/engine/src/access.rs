//! Who asks: the one admin key, until there are more.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger_contract::errors::{Code, Problem};
use ledger_domain::Actor;
use ledger_domain::connection::Environment;
use ledger_store::tables::meta;
use ledger_store::{Batch, Durability};
use rand::RngCore;
use subtle::ConstantTimeEq;

use crate::engine::Engine;
use crate::{faults, ports};

const KEY_BYTES: usize = 32;
const DIGEST_CONTEXT: &str = "connection-ledger api key v1";
/// The actor that the admin key stands for.
const ADMIN: &str = "key:admin";

/// Digest under which a key is stored. A key has 256 random bits, so a plain fast digest cannot be
/// guessed back.
pub(crate) fn digest(key: &str) -> [u8; 32] {
    blake3::derive_key(DIGEST_CONTEXT, key.as_bytes())
}

impl Engine {
    /// Makes the admin key, replacing the one there was. Returns its text, which is stored nowhere.
    pub fn issue_admin_key(&self, environment: Environment) -> Result<String, Problem> {
        let mut secret = [0; KEY_BYTES];
        ports::rng().fill_bytes(&mut secret);
        let key = format!("sk_{environment}_{}", URL_SAFE_NO_PAD.encode(secret));
        let digest = digest(&key);
        let mut batch = Batch::new();
        meta::put(&mut batch, &self.shared.store, meta::ADMIN_KEY, &digest);
        self.shared
            .store
            .commit(batch, Durability::Synced)
            .map_err(|error| faults::from_append(&error))?;
        *self.shared.admin_key.write() = Some(digest);
        Ok(key)
    }

    /// Checks an `Authorization` header and returns who it stands for.
    ///
    /// Errors: `credential_missing`, `credential_invalid`; which part was wrong is not told.
    pub fn authenticate(&self, authorization: Option<&str>) -> Result<Actor, Problem> {
        let header = authorization.ok_or_else(|| Problem::new(Code::CredentialMissing))?;
        let (scheme, key) = header.trim().split_once(' ').unwrap_or(("", ""));
        if !scheme.eq_ignore_ascii_case("bearer") || key.trim().is_empty() {
            return Err(Problem::new(Code::CredentialInvalid));
        }
        let digest = digest(key.trim());
        let known = *self.shared.admin_key.read();
        match known {
            Some(known) if bool::from(known.ct_eq(&digest)) => Ok(Actor::new(ADMIN)),
            _ => Err(Problem::new(Code::CredentialInvalid)),
        }
    }
}
