//! How long a service asks to wait: `Retry-After`, in seconds or until a time (RFC 9110).

use std::time::{Duration, SystemTime};

/// The longest wait that is heeded.
const WAIT_MAX: Duration = Duration::from_hours(1);

/// Returns how long to wait from a time on, in seconds since 1970.
pub(crate) fn wait(text: &str, now: i64) -> Option<Duration> {
    let text = text.trim();
    let seconds = text.parse::<u64>().ok().map(Duration::from_secs);
    let until = || {
        let until = httpdate::parse_http_date(text).ok()?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now).ok()?);
        until.duration_since(now).ok()
    };
    Some(seconds.or_else(until)?.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_none_is_heeded_for_ever() {
        let now = 1_794_000_000;
        for (text, seconds) in [
            ("30", Some(30)),
            (" 0 ", Some(0)),
            ("99999999", Some(3_600)),
            ("Fri, 06 Nov 2026 21:21:00 GMT", Some(60)),
            ("Fri, 06 Nov 2026 21:19:00 GMT", None),
            ("Sat, 06 Nov 2027 21:21:00 GMT", Some(3_600)),
            ("soon", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(wait(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
