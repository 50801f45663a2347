//! The place of a row in words, for operators.

use std::fmt::Write as _;

use ledger_domain::ConnectionId;

use super::{
    CLAIMS, ERASURES, JOURNAL, KEYS, LOG, META, RECEIPTS, SNAPSHOTS, STREAMS, connections, u64_from,
};
use super::{model_generation, streams};
use crate::table::Table;

/// Describes a key of a table.
pub(crate) fn place(table: &Table, key: &[u8]) -> String {
    let words = match table.name() {
        LOG => u64_from(key).map(|position| format!("position {position}")),
        STREAMS => streams::place(key),
        RECEIPTS => pair(key).map(|(home, id)| format!("command {id} in workspace {home}")),
        CLAIMS => pair(key).map(|(home, slug)| format!("slug {slug} in workspace {home}")),
        KEYS => connection(key),
        ERASURES => u64_from(key).map(|position| format!("the erasure at position {position}")),
        JOURNAL => u64_from(key).map(|number| format!("entry {number} of the audit journal")),
        META => std::str::from_utf8(key).ok().map(str::to_owned),
        SNAPSHOTS => key.split_first_chunk::<16>().and_then(|(id, version)| {
            Some(format!("{} at version {}", connection(id)?, u64_from(version)?))
        }),
        name => match model_generation(name) {
            Some((connections::MODEL, _)) => connections::place(key),
            _ => None,
        },
    };
    words.unwrap_or_else(|| format!("key {}", printable(key)))
}

/// Describes a connection by the bytes of its id.
pub(super) fn connection(id: &[u8]) -> Option<String> {
    let id = ConnectionId::from_bytes(id.try_into().ok()?);
    Some(format!("connection {id}"))
}

/// Splits what [`super::joined`] joined.
fn pair(key: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(key).ok()?.split_once('\0')
}

/// Formats the bytes of a key: printable ones as they are, others in hexadecimal.
pub fn printable(key: &[u8]) -> String {
    let mut text = String::new();
    for byte in key {
        let printed = if byte.is_ascii_graphic() {
            write!(text, "{}", char::from(*byte))
        } else {
            write!(text, "\\x{byte:02x}")
        };
        printed.expect("a String takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{fixed, model};

    #[test]
    fn every_row_is_named_as_operators_know_it() {
        let id = [7; 16];
        let with = |first: &[u8], rest: &[u8]| [first, rest].concat();
        let connection = "connection 07070707-0707-0707-0707-070707070707";
        let two = 2_u64.to_be_bytes();
        let rows = model(connections::MODEL, 3);
        for (table, key, words) in [
            (fixed(LOG), two.to_vec(), "position 2".to_owned()),
            (
                fixed(STREAMS),
                [b"c", id.as_slice(), &two].concat(),
                format!("version 2 of {connection}"),
            ),
            (fixed(RECEIPTS), b"home\0c-1".to_vec(), "command c-1 in workspace home".to_owned()),
            (fixed(CLAIMS), b"home\0main".to_vec(), "slug main in workspace home".to_owned()),
            (fixed(KEYS), id.to_vec(), connection.to_owned()),
            (fixed(JOURNAL), two.to_vec(), "entry 2 of the audit journal".to_owned()),
            (fixed(META), b"epoch".to_vec(), "epoch".to_owned()),
            (fixed(SNAPSHOTS), with(&id, &two), format!("{connection} at version 2")),
            (rows.clone(), with(b"c", &id), connection.to_owned()),
            (rows.clone(), with(b"o", &[0, 0, 1, 0]), "ordinal 256".to_owned()),
            (rows.clone(), b"pada".to_vec(), "principal ada".to_owned()),
            (rows.clone(), b"whome".to_vec(), "workspace home".to_owned()),
            (rows, b"x y".to_vec(), "key x\\x20y".to_owned()),
            (fixed(LOG), b"7".to_vec(), "key 7".to_owned()),
        ] {
            assert_eq!(place(&table, &key), words);
        }
    }
}
