//! Connections under two further names of Portkey's: virtual keys and providers.
//!
//! Portkey keeps both beside its integrations. Here all three are the same connections, so what is
//! created, changed or deleted under one name is so under the others. Limits are those of the
//! workspace that uses the connection.

mod azure;
mod limits;
pub(super) mod providers;
pub(super) mod virtual_keys;

use ledger_domain::InvalidField;

/// Refuses a time of expiry, which connections do not have.
///
/// Errors: `field_invalid`.
fn refuse_expiry(expires_at: Option<&str>) -> Result<(), InvalidField> {
    match expires_at {
        None | Some("") => Ok(()),
        Some(_) => Err(InvalidField::new("expires_at", "cannot be set: connections do not expire")),
    }
}
