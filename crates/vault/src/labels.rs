//! The strings that separate the uses of a key from each other.
//!
//! A string must never change or be used twice: a change makes everything sealed under it
//! unreadable.

/// Derives a master key's short id.
pub(crate) const MASTER_KEY_ID: &str = "connledger master key id v1";
/// Derives the key that wraps other keys from a master key's bytes.
pub(crate) const MASTER_KEY_CIPHER: &str = "connledger master key wrapping v1";
/// Derives a data key's id, which is also a commitment to the key.
pub(crate) const DATA_KEY_ID: &str = "connledger data key id v1";
/// Derives the key that encrypts values from a data key's bytes.
pub(crate) const DATA_KEY_CIPHER: &str = "connledger value encryption v1";

/// Derives a ledger's curve key from its fingerprint key's bytes.
pub(crate) const CURVE_KEY: &str = "connledger curve key v1";

/// Derives the key from which the signing secrets of alerts follow from a ledger's fingerprint
/// key's bytes.
pub(crate) const SIGNING_KEY: &str = "connledger alert signing key v1";

/// Derives the key of the states of attempts to connect from a ledger's fingerprint key's bytes.
pub(crate) const CONNECT_STATES: &str = "connledger connect states v1";
/// Derives the key of the verifiers of attempts to connect in the same way.
pub(crate) const CONNECT_VERIFIERS: &str = "connledger connect verifiers v1";

/// Derives the value that identifies a ledger's MAC key in its check.
pub(crate) const MAC_KEY_COMMITMENT: &str = "connledger mac key commitment v1";

/// Derives the key of a ledger's portable form from its MAC key's bytes.
pub(crate) const PORTABLE_KEY: &str = "connledger portable form v1";

/// The key that signs checkpoints of the log, of the portable form's key and the name of a history.
pub(crate) const CHECKPOINT_KEY: &str = "connledger log checkpoints v1";

/// Associated data of a sealed value.
pub(crate) const SEALED_VALUE: &str = "connledger sealed value";
/// Associated data of a wrapped data key.
pub(crate) const WRAPPED_DATA_KEY: &str = "connledger wrapped data key";
/// Associated data of a wrapped fingerprint key.
pub(crate) const FINGERPRINT_KEY: &str = "connledger fingerprint key";
/// Associated data of a wrapped MAC key.
pub(crate) const MAC_KEY: &str = "connledger mac key";
/// Associated data of a wrapped curve key.
pub(crate) const WRAPPED_CURVE_KEY: &str = "connledger wrapped curve key";
/// Associated data of the wrapped key of a login.
pub(crate) const WRAPPED_LOGIN_KEY: &str = "connledger wrapped login key";
/// Associated data of a sealed login.
pub(crate) const SEALED_LOGIN: &str = "connledger sealed login";
/// Derives the cipher of a login from its key.
pub(crate) const LOGIN_CIPHER: &str = "connledger login encryption v1";
/// Derives the key that encrypts for the bearer of a token from the token.
pub(crate) const TOKEN_KEY: &str = "connledger token key v1";
/// Associated data of what is sealed for the bearer of a token.
pub(crate) const SEALED_FOR_TOKEN: &str = "connledger sealed for a token";
/// Associated data of the check that the right master key was given.
pub(crate) const KEY_CHECK: &str = "connledger master key check";

/// Derives the code of a text that is split into shares, by which it is known when it is whole.
pub(crate) const SHARED_TEXT: &str = "connledger shared text v1";
/// Derives the checksum of a share.
pub(crate) const SHARE_CHECKSUM: &str = "connledger share checksum v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_labels_are_equal() {
        let mut labels = [
            MASTER_KEY_ID,
            MASTER_KEY_CIPHER,
            DATA_KEY_ID,
            DATA_KEY_CIPHER,
            CURVE_KEY,
            SIGNING_KEY,
            CONNECT_STATES,
            CONNECT_VERIFIERS,
            MAC_KEY_COMMITMENT,
            PORTABLE_KEY,
            MAC_KEY,
            SEALED_VALUE,
            WRAPPED_DATA_KEY,
            FINGERPRINT_KEY,
            WRAPPED_CURVE_KEY,
            WRAPPED_LOGIN_KEY,
            SEALED_LOGIN,
            LOGIN_CIPHER,
            TOKEN_KEY,
            SEALED_FOR_TOKEN,
            KEY_CHECK,
            SHARED_TEXT,
            SHARE_CHECKSUM,
        ];
        labels.sort_unstable();
        assert!(labels.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
