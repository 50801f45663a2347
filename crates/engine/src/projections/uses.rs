//! On which days the secrets of connections were used: a term for each day, to which a connection
//! is added when it is created and when its secrets are revealed, and from which none is removed.
//!
//! Most reveals are not the first of their day, and change nothing here.

use ledger_domain::Micros;
use ledger_store::{Changes, Gathered, Selection, Term};

use super::filters::Field;
use crate::quotas::day_of;

/// Secrets of a connection were used on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Use {
    /// The connection's ordinal.
    pub(crate) ordinal: u32,
    /// The day, in days since 1970.
    pub(crate) day: i64,
}

impl Use {
    /// Returns the use of a connection's secrets at a time.
    pub(crate) fn at(ordinal: u32, time: Micros) -> Self {
        Self { ordinal, day: day_of(time) }
    }
}

/// Returns the term of the connections whose secrets were used on a day.
pub(crate) fn used_on(day: i64) -> Term {
    Field::Used.term(&day.to_string())
}

/// Adds a use to changes of the bitmaps.
pub(crate) fn index(changes: &mut Changes, one: Use) {
    changes.insert(used_on(one.day), u64::from(one.ordinal));
}

/// Adds a use to bitmaps that are gathered.
pub(crate) fn gather(gathered: &mut Gathered, one: Use) {
    gathered.add(Field::Used as u8, &one.day.to_string(), u64::from(one.ordinal));
}

/// The connections whose secrets are known to be used on the present day.
#[derive(Debug, Default)]
pub(crate) struct UsedToday {
    day: i64,
    used: Selection,
}

impl UsedToday {
    /// Returns whether a use is the first of its day, as far as it is known here, and notes it.
    pub(crate) fn is_first(&mut self, one: Use) -> bool {
        if one.day != self.day {
            (self.day, self.used) = (one.day, Selection::default());
        }
        let number = u64::from(one.ordinal);
        let is_first = !self.used.contains(number);
        if is_first {
            self.used.insert(number);
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_use_of_a_day_is_new() {
        let mut today = UsedToday::default();
        let first = |today: &mut UsedToday, ordinal, day| today.is_first(Use { ordinal, day });
        assert!(first(&mut today, 7, 20_000) && !first(&mut today, 7, 20_000));
        assert!(first(&mut today, 8, 20_000));
        assert!(first(&mut today, 7, 20_001) && !first(&mut today, 7, 20_001));
    }
}
