//! The lifetime of a key, such as `90d`.

use std::str::FromStr;

use ledger_contract::time;
use ledger_domain::Micros;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A span of time: a number and `m`, `h`, `d` or `w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime(i64);

impl FromStr for Lifetime {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "must be a number and m, h, d or w: 12h, 90d";
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let seconds = match text.get(number.len()..) {
            Some("m") => 60,
            Some("h") => 3_600,
            Some("d") => 86_400,
            Some("w") => 7 * 86_400,
            _ => return Err(form),
        };
        let number: u32 = number.parse().map_err(|_| form)?;
        if number == 0 {
            return Err("must be more than zero");
        }
        let micros = i64::from(number).checked_mul(seconds * MICROS_PER_SECOND);
        micros.map(Self).ok_or("is too long")
    }
}

impl Lifetime {
    /// Returns the end of a lifetime that begins at `now`.
    pub(super) fn end(self, now: Micros) -> String {
        time::format(Micros::new(now.get().saturating_add(self.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_have_a_number_and_a_unit() {
        let end = |text: &str| text.parse::<Lifetime>().map(|life| life.end(Micros::new(0)));
        assert_eq!(end("90m").unwrap(), "1970-01-01T01:30:00.000000Z");
        assert_eq!(end("36h").unwrap(), "1970-01-02T12:00:00.000000Z");
        assert_eq!(end("31d").unwrap(), "1970-02-01T00:00:00.000000Z");
        assert_eq!(end("1w").unwrap(), "1970-01-08T00:00:00.000000Z");
        for wrong in ["", "d", "90", "0d", "-1d", "1.5d", "90 d", "9y", "90dd", "4294967295w"] {
            assert!(end(wrong).is_err(), "{wrong}");
        }
    }
}
