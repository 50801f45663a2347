//! Times, for people: how long ago, with the exact time beside it.

use ledger_contract::time;
use ledger_domain::Micros;
use maud::{Markup, html};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// What is so near in the future is now: clocks differ.
const SOON: i64 = -SECOND;

/// Returns how long ago a time of the contract is, or in how long.
pub(crate) fn ago(text: &str, now: Micros) -> Markup {
    let Ok(at) = time::parse("time", text) else { return html! { (text) } };
    html! { time datetime=(text) title=(exact(text)) data-ago { (distance(at, now)) } }
}

/// Returns the same for a time of the domain.
pub(crate) fn ago_of(at: Micros, now: Micros) -> Markup {
    ago(&time::format(at), now)
}

/// Returns a time to the second, with how long ago that is.
pub(crate) fn stamped(text: &str, now: Micros) -> Markup {
    let Ok(at) = time::parse("time", text) else { return html! { (text) } };
    html! {
        time.stamp datetime=(text) { (exact(text)) }
        " " span.soft { "(" (distance(at, now)) ")" }
    }
}

/// Returns a time to the second, as in `2026-11-30 23:44:01`.
pub(crate) fn exact(text: &str) -> String {
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(clock)) => format!("{day} {clock}"),
        _ => text.to_owned(),
    }
}

/// Returns the distance of a time from now, in words.
fn distance(at: Micros, now: Micros) -> String {
    let passed = now.get().saturating_sub(at.get());
    let span = span(passed.saturating_abs());
    match passed {
        ..SOON => format!("in {span}"),
        SOON..MINUTE => "just now".to_owned(),
        _ => format!("{span} ago"),
    }
}

/// Returns a span of time in its largest unit.
pub(crate) fn span(micros: i64) -> String {
    let (number, unit) = match micros {
        ..MINUTE => (micros / SECOND, "s"),
        MINUTE..HOUR => (micros / MINUTE, "min"),
        HOUR..DAY => (micros / HOUR, "h"),
        _ => (micros / DAY, "d"),
    };
    format!("{number} {unit}")
}

/// Returns a number of seconds as a span.
#[expect(clippy::cast_possible_truncation, reason = "spans of an answer are no longer than a life")]
pub(crate) fn span_of_seconds(seconds: f64) -> String {
    span((seconds * 1e6) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_by_its_distance_in_the_largest_unit() {
        let now = Micros::new(100 * DAY);
        for (at, told) in [
            (100 * DAY, "just now"),
            (100 * DAY - 59 * SECOND, "just now"),
            (100 * DAY - MINUTE, "1 min ago"),
            (100 * DAY - 3 * HOUR - MINUTE, "3 h ago"),
            (100 * DAY - 47 * HOUR, "1 d ago"),
            (0, "100 d ago"),
            (100 * DAY + 30 * SECOND, "in 30 s"),
            (102 * DAY, "in 2 d"),
        ] {
            assert_eq!(distance(Micros::new(at), now), told);
        }
        assert_eq!(span_of_seconds(5400.0), "1 h");
    }

    #[test]
    fn a_time_is_shown_to_the_second() {
        assert_eq!(exact("2026-11-30T23:44:01.123456Z"), "2026-11-30 23:44:01");
        assert_eq!(exact("?"), "?");
    }
}
