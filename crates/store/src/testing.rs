//! Means for tests of other crates.

use crate::error::AppendError;
use crate::store::Store;
use crate::tables::{FIXED, earlier, fixed};

/// Drops a table that every ledger has, as a damaged disk would.
pub fn lose_table(store: &Store, name: &str) -> Result<(), AppendError> {
    let known = FIXED.iter().find(|fixed| earlier(fixed).unwrap_or(fixed) == name);
    store.drop_table(&fixed(known.expect("the name of a table that every ledger has")))
}
