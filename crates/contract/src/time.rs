//! Times as text: RFC 3339 in UTC with exactly six decimals, `2026-11-21T01:02:03.123456Z`. Every
//! RFC 3339 time is read, in any time zone.
//!
//! Written by hand, because every record contains at least one time and the fixed form needs no
//! parser state. The calendar arithmetic is the well-known days-from-civil algorithm over 400-year
//! eras.

use ledger_domain::{InvalidField, Micros};
use serde_json::{Value, json};

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
const MINUTES_PER_DAY: i64 = 1_440;
/// Days from 0000-03-01 to 1970-01-01.
const EPOCH_DAYS: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;
/// Length of the fixed form.
const TEXT_BYTES: usize = 27;

/// Returns the fixed text form. Times outside the years 0 to 9999 are clamped to that range.
pub fn format(time: Micros) -> String {
    let clamped = time.get().clamp(-62_167_219_200_000_000, 253_402_300_799_999_999);
    let seconds = clamped.div_euclid(MICROS_PER_SECOND);
    let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
    let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    let mut text = [b'0'; TEXT_BYTES];
    put_digits(&mut text, 0, 4, year);
    put_digits(&mut text, 5, 2, month);
    put_digits(&mut text, 8, 2, day);
    put_digits(&mut text, 11, 2, second_of_day / 3_600);
    put_digits(&mut text, 14, 2, second_of_day / 60 % 60);
    put_digits(&mut text, 17, 2, second_of_day % 60);
    put_digits(&mut text, 20, 6, clamped.rem_euclid(MICROS_PER_SECOND));
    for (at, mark) in [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.')] {
        put_byte(&mut text, at, mark);
    }
    put_byte(&mut text, TEXT_BYTES - 1, b'Z');
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns the JSON Schema of the times that [`parse`] reads.
pub fn schema() -> Value {
    json!({
        "type": "string",
        "format": "date-time",
        "pattern": concat!(
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?",
            r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
        ),
    })
}

/// Parses an RFC 3339 time. Decimals after the sixth are dropped. `field` names it in the error.
pub fn parse(field: &str, text: &str) -> Result<Micros, InvalidField> {
    parse_instant(text.as_bytes()).ok_or_else(|| {
        let problem =
            "must be a time like 2026-11-21T01:02:03.123456Z or 2026-11-21T02:02:03+01:00";
        InvalidField::new(field, problem)
    })
}

fn parse_instant(text: &[u8]) -> Option<Micros> {
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let is_mark = |&(at, mark): &(usize, u8)| {
        text.get(at).is_some_and(|byte| byte.to_ascii_uppercase() == mark)
    };
    if !marks.iter().all(is_mark) {
        return None;
    }
    let year = digits(text.get(0..4)?)?;
    let month = digits(text.get(5..7)?)?;
    let day = digits(text.get(8..10)?)?;
    let hour = digits(text.get(11..13)?)?;
    let minute = digits(text.get(14..16)?)?;
    let second = digits(text.get(17..19)?)?;
    let (decimals, east_minutes) = zone(text.get(19..)?)?;
    let micros = fraction(decimals)?;
    let utc_minute = (hour * 60 + minute - east_minutes).rem_euclid(MINUTES_PER_DAY);
    // A leap second is the first second of the next day, as clocks that have none count it.
    let is_leap = second == 60 && utc_minute == MINUTES_PER_DAY - 1;
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && (second < 60 || is_leap);
    if !in_range {
        return None;
    }
    let days = days_from_civil(year, month, day);
    let minutes = hour * 60 + minute - east_minutes;
    let seconds = days * SECONDS_PER_DAY + minutes * 60 + second;
    Some(Micros::new(seconds * MICROS_PER_SECOND + micros))
}

/// Splits the decimals from the zone at the end of a time, and returns how many minutes the zone is
/// ahead of UTC.
fn zone(text: &[u8]) -> Option<(&[u8], i64)> {
    if let Some((b'Z' | b'z', decimals)) = text.split_last() {
        return Some((decimals, 0));
    }
    let (decimals, &[sign, tens, ones, b':', minutes @ ..]) = text.split_last_chunk::<6>()? else {
        return None;
    };
    let (hours, minutes) = (digits(&[tens, ones])?, digits(&minutes)?);
    let ahead = (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?;
    match sign {
        b'+' => Some((decimals, ahead)),
        b'-' => Some((decimals, -ahead)),
        _ => None,
    }
}

/// Parses `.123456`, or nothing, as microseconds.
fn fraction(text: &[u8]) -> Option<i64> {
    let Some((&b'.', decimals)) = text.split_first() else {
        return text.is_empty().then_some(0);
    };
    if decimals.is_empty() || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kept = decimals.get(..6).unwrap_or(decimals);
    let missing = u32::try_from(6 - kept.len()).ok()?;
    Some(digits(kept)? * 10_i64.pow(missing))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

fn put_byte(text: &mut [u8; TEXT_BYTES], at: usize, byte: u8) {
    if let Some(slot) = text.get_mut(at) {
        *slot = byte;
    }
}

fn put_digits(text: &mut [u8; TEXT_BYTES], at: usize, width: usize, mut value: i64) {
    for offset in (0..width).rev() {
        let digit = u8::try_from(value % 10).unwrap_or(0);
        put_byte(text, at + offset, b'0' + digit);
        value /= 10;
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days since 1970-01-01. Years are shifted to begin in March, so that the leap day is
/// the last of each year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let shifted_month = (month + 9) % 12;
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_ERA + day_of_era - EPOCH_DAYS
}

/// Undoes [`days_from_civil`]: `(year, month, day)`.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + EPOCH_DAYS;
    let era = shifted.div_euclid(DAYS_PER_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times_read_and_write() {
        let known = [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_763_687_023_123_456, "2025-11-21T01:03:43.123456Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ];
        for (micros, text) in known {
            assert_eq!(format(Micros::new(micros)), text);
            assert_eq!(parse("t", text).unwrap(), Micros::new(micros));
        }
        assert_eq!(parse("t", "1970-01-01T00:00:01Z").unwrap(), Micros::new(1_000_000));
        assert_eq!(parse("t", "1970-01-01T00:00:01.5Z").unwrap(), Micros::new(1_500_000));
    }

    #[test]
    fn every_rfc_3339_time_is_its_instant() {
        let instant = parse("t", "2030-01-01T00:00:00Z").unwrap();
        for text in [
            "2030-01-01T02:00:00+02:00",
            "2029-12-31T18:30:00.000000000-05:30",
            "2030-01-01t00:00:00z",
            "2030-01-01T00:00:00-00:00",
            "2029-12-31T23:59:60Z",
            "2030-01-01T01:59:60+02:00",
        ] {
            assert_eq!(parse("t", text), Ok(instant), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_a_time_is_refused() {
        for text in [
            "",
            "now",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+01:60",
            "2026-01-01T00:00:00*01:00",
            "2026-01-01T00:00:00+0100",
            "2026-01-01T12:00:60Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1x4Z",
        ] {
            assert!(parse("t", text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(micros in 0_i64..253_402_300_799_999_999) {
            let time = Micros::new(micros);
            prop_assert_eq!(parse("t", &format(time)).unwrap(), time);
        }
    }
}
