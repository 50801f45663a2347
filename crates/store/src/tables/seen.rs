//! When consumers of connections were last seen. This is neither part of the log nor a read model;
//! without it, a consumer counts as seen when it last confirmed something new.
//!
//! ```text
//! connection id (16) | consumer   ->   time i64 BE
//! ```

use ledger_domain::{CheckedText, ConnectionId, ConsumerName, Micros};

use super::{SEEN, fixed};
use crate::batch::Batch;
use crate::error::{ReadError, corrupt};
use crate::store::{Row, Store};

/// A consumer of a connection.
pub type SeenConsumer = (ConnectionId, ConsumerName);

/// Stores when a consumer was last seen.
pub fn put(batch: &mut Batch, store: &Store, consumer: &SeenConsumer, at: Micros) {
    batch.put(store, &fixed(SEEN), &key(consumer), &at.get().to_be_bytes());
}

/// Removes a consumer.
pub fn delete(batch: &mut Batch, store: &Store, consumer: &SeenConsumer) {
    batch.delete(store, &fixed(SEEN), &key(consumer));
}

/// Iterates over all consumers that were seen.
pub fn all(store: &Store) -> impl Iterator<Item = Result<(SeenConsumer, Micros), ReadError>> {
    store.scan(&fixed(SEEN), &[]).map(|row| {
        let row = row?;
        decode(&row).ok_or_else(|| corrupt(&fixed(SEEN), "when a consumer was seen"))
    })
}

fn key((id, name): &SeenConsumer) -> Vec<u8> {
    [id.to_bytes().as_slice(), name.as_str().as_bytes()].concat()
}

fn decode((key, value): &Row) -> Option<(SeenConsumer, Micros)> {
    let (id, name) = key.split_first_chunk::<16>()?;
    let name = ConsumerName::stored(std::str::from_utf8(name).ok()?.into());
    let at = <[u8; 8]>::try_from(value.as_ref()).ok()?;
    Some(((ConnectionId::from_bytes(*id), name), Micros::new(i64::from_be_bytes(at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_consumer_and_a_time_and_other_bytes_are_refused() {
        let consumer = (ConnectionId::from_bytes([7; 16]), ConsumerName::stored("eu-1".into()));
        let row = |value: &[u8]| -> Row { (key(&consumer).into(), value.into()) };
        assert_eq!(decode(&row(&7_i64.to_be_bytes())), Some((consumer.clone(), Micros::new(7))));
        assert_eq!(decode(&row(&[0; 7])), None);
        let short: Row = ([0; 15].as_slice().into(), 7_i64.to_be_bytes().as_slice().into());
        assert_eq!(decode(&short), None);
    }
}
