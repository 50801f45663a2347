//! Sessions of people who have signed in.
//!
//! A session has the caller that a credential turned out to be, never the credential. The rights of
//! that caller are looked up again at every request, so a revoked key ends its sessions at once.

mod cookie;
mod store;

pub(crate) use cookie::Cookies;
pub(crate) use store::{Session, SessionId, Sessions};

use std::fmt::Write as _;

use rand::RngCore as _;

/// Random bytes of ids and tokens: 256 bits.
const RANDOM_BYTES: usize = 32;

/// Returns 256 random bits as hexadecimal text.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; RANDOM_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().fold(String::with_capacity(2 * RANDOM_BYTES), |mut text, byte| {
        write!(text, "{byte:02x}").expect("text grows");
        text
    })
}
