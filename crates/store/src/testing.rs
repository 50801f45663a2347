//! Means for tests of other crates.

use ledger_domain::Position;

use crate::batch::Batch;
use crate::error::AppendError;
use crate::store::Store;
use crate::tables::{FIXED, LOG, earlier, fixed};

/// Drops a table that every ledger has, as a damaged disk would.
pub fn lose_table(store: &Store, name: &str) -> Result<(), AppendError> {
    let known = FIXED.iter().find(|fixed| earlier(fixed).unwrap_or(fixed) == name);
    store.drop_table(&fixed(known.expect("the name of a table that every ledger has")))
}

/// Removes a record, which no ledger does.
pub fn delete_record(batch: &mut Batch, store: &Store, position: Position) {
    batch.delete(store, &fixed(LOG), &position.get().to_be_bytes());
}
