//! Moments as callers give them: a time, or a span of time from when the command is decided.

use ledger_domain::{InvalidField, Micros};
use serde::{Deserializer, Serializer};
use serde_json::{Value, json};

use crate::shape::{self, Shape};
use crate::time;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// A time, or a span of time that begins when the command is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The time.
    At(Micros),
    /// The span in seconds.
    In(u32),
}

impl Moment {
    /// Parses an RFC 3339 time, or a number and `s`, `m`, `h`, `d` or `w`, like `36h`. `field`
    /// names it in the error.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        if let Some(seconds) = seconds(text) {
            return Ok(Self::In(seconds));
        }
        time::parse(field, text).map(Self::At).map_err(|_| {
            let problem =
                "must be a time like 2026-11-21T01:02:03Z, or a number and s, m, h, d or w: 36h";
            InvalidField::new(field, problem)
        })
    }

    /// Returns the time, if a span begins at `now`.
    pub fn time(self, now: Micros) -> Micros {
        match self {
            Self::At(at) => at,
            Self::In(seconds) => {
                Micros::new(now.get().saturating_add(i64::from(seconds) * MICROS_PER_SECOND))
            }
        }
    }

    /// Returns the time, if a span ends at `now`.
    pub fn before(self, now: Micros) -> Micros {
        match self {
            Self::At(at) => at,
            Self::In(seconds) => {
                Micros::new(now.get().saturating_sub(i64::from(seconds) * MICROS_PER_SECOND))
            }
        }
    }

    /// Returns the JSON Schema of the texts that [`Self::parse`] reads.
    pub fn schema() -> Value {
        json!({ "anyOf": [
            time::schema(),
            { "type": "string", "pattern": "^[1-9][0-9]{0,7}[smhdw]$" },
        ] })
    }
}

/// Parses a span of time. One that is too long for 32 bits is the longest.
fn seconds(text: &str) -> Option<u32> {
    let unit = text.chars().next_back()?;
    let seconds: u32 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    let is_number = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || digits.len() > 8 {
        return None;
    }
    digits.parse::<u32>().ok().map(|number| number.saturating_mul(seconds))
}

/// The time, or the number of seconds and `s`, so that `60m` and `1h` are the same.
impl Shape for Moment {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(at) => at.write(serializer),
            Self::In(seconds) => serializer.collect_str(&format_args!("{seconds}s")),
        }
    }
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        shape::read_text(deserializer, |text| {
            Self::parse("moment", text).map_err(|error| error.problem)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_a_number_and_a_unit() {
        let from = |text| Moment::parse("at", text).map(|moment| moment.time(Micros::new(1)));
        let after = |seconds: i64| Ok(Micros::new(1 + seconds * MICROS_PER_SECOND));
        assert_eq!(from("90s"), after(90));
        assert_eq!(from("15m"), after(900));
        assert_eq!(from("36h"), after(129_600));
        assert_eq!(from("2d"), after(172_800));
        assert_eq!(from("1w"), after(604_800));
        assert_eq!(from("99999999w"), after(i64::from(u32::MAX)), "which is beyond every limit");
        assert_eq!(from("1970-01-01T00:00:01Z"), Ok(Micros::new(MICROS_PER_SECOND)));
        for wrong in ["", "h", "0h", "01h", "-1h", "1.5h", "1 h", "1y", "123456789s", "tomorrow"] {
            assert!(from(wrong).is_err(), "{wrong}");
        }
    }
}
