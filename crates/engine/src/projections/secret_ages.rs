//! When the oldest secret of each connection was set, as bitmaps: one for each binary digit of the
//! time in seconds, with the connections whose time has a 1 there, and one with all that have a
//! secret. All connections with a secret that was set before some time are found by comparing
//! digits, with one step for each of them, however many connections there are.

use ledger_domain::{Connection, Micros};
use ledger_store::{Frozen, ReadError, Selection, Term};

use super::filters::Field;

/// The names of the digits, the lowest first. The times end in 2106.
const DIGITS: [&str; 32] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
];
/// The name of what all connections with a secret have.
const ANY: &str = "any";

/// Returns when the oldest of a connection's current secrets was set, in seconds.
pub(super) fn oldest(connection: &Connection) -> Option<u32> {
    connection.secrets.values().map(|secret| seconds(secret.set_at)).min()
}

fn seconds(time: Micros) -> u32 {
    u32::try_from(time.get().div_euclid(1_000_000).max(0)).unwrap_or(u32::MAX)
}

/// Calls `take` with each name under which a connection is found.
pub(super) fn each_name(connection: &Connection, mut take: impl FnMut(&'static str)) {
    let Some(oldest) = oldest(connection) else { return };
    take(ANY);
    let ones = (0..).zip(DIGITS).filter(|(digit, _)| oldest >> digit & 1 == 1);
    ones.for_each(|(_, name)| take(name));
}

/// Returns all terms that [`older_than`] reads.
pub(crate) fn terms() -> impl Iterator<Item = Term> {
    DIGITS.into_iter().chain([ANY]).map(|name| Field::SecretSet.term(name))
}

/// Returns those of some connections that have a secret which was set before a time.
pub(crate) fn older_than(
    frozen: &Frozen<'_>,
    within: &Selection,
    time: Micros,
) -> Result<Selection, ReadError> {
    let with = |within: &Selection, name: &str| {
        let found = frozen.select(Some(within.clone()), &[vec![Field::SecretSet.term(name)]]);
        found.map(Option::unwrap_or_default)
    };
    let limit = seconds(time);
    let mut older = Selection::default();
    // Those whose higher digits are all those of the limit.
    let mut alike = with(within, ANY)?;
    for (digit, name) in (0..).zip(DIGITS).collect::<Vec<(u32, _)>>().into_iter().rev() {
        if alike.is_empty() {
            break;
        }
        let ones = with(&alike, name)?;
        if limit >> digit & 1 == 1 {
            let mut zeros = std::mem::replace(&mut alike, ones);
            zeros.subtract(&alike);
            older.unite(zeros);
        } else {
            alike.subtract(&ones);
        }
    }
    Ok(older)
}
