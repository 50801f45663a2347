//! Seals and opens secrets, and manages the keys for it.
//!
//! There are three layers. An operator keeps a [`Keyring`] of master keys outside the ledger. Each
//! connection has one [`DataKey`], which is stored only as a [`WrappedDataKey`]. The values are
//! sealed under the data key and stored as `Sealed` text in events. Every ciphertext is bound to
//! its place (ledger or workspace, connection, field, its own id, the key's id), so it opens
//! nowhere else. Deleting a connection's wrapped data key makes all its values unreadable, even in
//! backups of the log.
//!
//! Rows of the store have MACs under a [`MacKey`] of the ledger, which is wrapped under the master
//! key. The ledger's [`KeyCheck`] says that they do, so that leaving the MACs out is noticed, too.
//!
//! The text of the master keys can be split into [`Share`]s, a number of which give it back.
//!
//! It protects against attackers who read or edit the stored files without the master key. It does
//! not protect against attackers who read the memory of a running process while it has its keys,
//! against attackers with both the files and the master key, or against attackers who put back an
//! old value, row or directory that was authentic once. A comparison of rows with the log shows the
//! first two. When the keys are dropped, their buffers are wiped, and so was the stack under every
//! function here that had a key or a plaintext in its variables (`stack.rs`).
//!
//! Not here: the storage of keys and values (`ledger-store`), the right to reveal a value
//! (`ledger-engine`), and masks as clients see them (`ledger-contract`). The crate uses no
//! database, network or ambient randomness: the random generator is an argument.
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
//! `wrapped.rs` and `sealed_text.rs` describe the stored formats. `labels.rs` contains all labels
//! of derived keys and associated data.
//!
//! # Invariants
//!
//! - A sealed value that is moved to another connection, field or workspace does not open
//!   (test: `a_moved_value_is_refused`).
//! - A MAC holds for one row of one table
//!   (test: `a_mac_holds_for_one_row_of_one_table_under_one_key`).
//! - Whether rows have MACs, and under which key, cannot be denied without the master key
//!   (test: `a_check_says_under_which_key_rows_have_macs`).
//! - A code of the portable form holds for one purpose and place
//!   (test: `a_code_holds_for_one_purpose_and_place_under_one_ledgers_key`).
//! - Wrapped under another master key, a secret opens as before
//!   (test: `secrets_of_the_ledger_move_to_the_active_key_and_open_as_before`).
//! - A key file is changed as a whole or not at all
//!   (test: `a_damaged_or_held_file_stays_as_it_is`).
//! - What a key service opens must be the key that its line names
//!   (test: `bytes_of_another_key_than_the_line_names_are_refused`).
//! - As many shares as the threshold says give the keys back, and fewer do not
//!   (test: `any_shares_up_to_the_threshold_give_the_keys_back_and_fewer_do_not`).
//! - A share that is damaged, foreign, repeated or false is told from a good one
//!   (test: `shares_that_do_not_fit_are_told_apart`).
//! - What is sealed for the bearer of a token opens with that token alone
//!   (test: `what_is_sealed_for_a_token_opens_with_it_alone_and_unchanged`).
//! - A signing secret follows from its salt and the ledger, and no two salts have one in common
//!   (test: `a_signing_secret_follows_from_ledger_and_salt`).
//! - The state of an attempt to connect opens with the key of its ledger alone
//!   (test: `a_state_opens_with_the_key_of_its_ledger_and_unchanged_only`).
//! - Debug output never shows a secret (test: `debug_output_never_shows_a_value`).
//! - A file with a secret to which other users have access is not read
//!   (test: `a_file_open_to_other_users_is_refused_with_the_remedy`).

mod plaintext;

mod data_key;
mod sealed_text;

mod key_file;
mod key_source;
mod key_text;
mod keyring;
mod locked;
mod master_key;
mod wrapped;

mod connecting;
mod curve;
mod fingerprint;
mod form;
mod key_check;
mod login;
mod mac_key;
mod portable_key;
mod signing;

mod shares;
mod token_key;

mod private_file;

mod associated;
mod error;
mod labels;
mod stack;

pub use connecting::ConnectKey;
pub use curve::{CurveError, CurveKey};
pub use data_key::{DataKey, DataKeyId};
pub use error::{KeyFileError, OpenError, PrivateFileError};
pub use fingerprint::FingerprintKey;
pub use key_check::KeyCheck;
pub use key_source::{KeyFile, KeySource, KeySourceError};
pub use key_text::{KeyText, MasterKeyBytes, WrappedMasterKey};
pub use keyring::{Keyring, LedgerSecret, Scope};
pub use mac_key::MacKey;
pub use plaintext::{Disclosure, Plaintext};
pub use portable_key::PortableKey;
pub use private_file::{
    create_private, create_with, open_private, read_private, sync_parent, write_durably,
};
pub use sealed_text::plaintext_bytes;
pub use shares::{Share, ShareError, ShareSetId, Shares, split};
pub use signing::SigningSecret;
pub use stack::leaving_nothing;
pub use token_key::TokenKey;
pub use wrapped::{WrappedDataKey, master_key_of};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod testing;
