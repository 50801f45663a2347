//! Seals secrets, opens them again, and keeps the keys that do both.
//!
//! Three layers of keys: a [`Keyring`] of master keys, which an operator keeps outside the ledger;
//! one [`DataKey`] for each connection, stored only as a [`WrappedDataKey`]; and under it the
//! values, stored as `Sealed` text in events. Every ciphertext is bound to its place (ledger or
//! workspace, connection, field, its own id, the key's id), so it opens nowhere else. Forgetting a
//! connection's wrapped data key makes all its values unreadable, in backups of the log too.
//!
//! What it holds against: someone who reads or edits the stored files without the master key. What
//! it does not: someone who reads the memory of a running process (owned buffers are wiped when
//! dropped, copies that the compiler leaves on the stack are not), someone with both the files and
//! the master key, and putting an old value of the same field back, which only the order of the
//! log can tell.
//!
//! Not here: where keys and values are stored (`ledger-store`), who may reveal one
//! (`ledger-engine`), how a masked value looks to a client (`ledger-contract`). No database, no
//! network, no ambient randomness: the generator is an argument.
//!
//! Read first: [`Plaintext`], [`Keyring`], [`DataKey`].
//!
//! ```
//! use ledger_domain::{ConnectionId, FieldName, WorkspaceName};
//! use ledger_vault::{Keyring, Plaintext, Scope};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut rng = rand::rng();
//! let keyring = Keyring::generate(&mut rng);
//! let workspace = WorkspaceName::parse("workspace", "team-payments")?;
//! let connection = ConnectionId::from_bytes([7; 16]);
//! let scope = Scope { workspace: &workspace, connection };
//! let field = FieldName::parse("field", "api_key")?;
//!
//! let (data_key, wrapped) = keyring.new_data_key(&mut rng, scope);
//! let secret = Plaintext::from_string("sk-live-0123456789".to_owned());
//! let sealed = data_key.seal(&mut rng, scope, &field, &secret);
//!
//! let opened = keyring.unwrap(scope, &wrapped)?.open(scope, &field, &sealed)?;
//! assert!(opened.same_as(&secret));
//! # Ok(())
//! # }
//! ```
//!
//! The stored formats are described in `wrapped.rs` and `sealed_text.rs`. Every label of a derived
//! key or of associated data is in `labels.rs`.
//!
//! # Invariants
//!
//! - A sealed value that is moved to another connection, field or workspace does not open
//!   (test: `a_moved_value_is_refused`).
//! - Debug output never shows a secret (test: `debug_output_never_shows_a_value`).

mod plaintext;

mod data_key;
mod sealed_text;

mod key_file;
mod keyring;
mod master_key;
mod wrapped;

mod curve;
mod fingerprint;
mod key_check;

mod associated;
mod error;
mod labels;

pub use curve::{CurveError, CurveKey};
pub use data_key::{DataKey, DataKeyId};
pub use error::{KeyFileError, OpenError};
pub use fingerprint::FingerprintKey;
pub use keyring::{Keyring, Scope};
pub use master_key::KeyId;
pub use plaintext::{Disclosure, Plaintext};
pub use wrapped::WrappedDataKey;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod testing;
