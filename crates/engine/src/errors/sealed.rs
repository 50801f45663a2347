//! Errors of sealed messages.

use ledger_vault::CurveError;

/// A message that cannot be opened, or a key to which nothing can be sealed.
#[derive(Debug, thiserror::Error)]
#[error("cannot open or seal a message")]
pub struct SealedError(#[from] pub(super) CurveError);
