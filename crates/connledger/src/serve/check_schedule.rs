//! The schedule of tests, as the command line has it.

use std::time::Duration;

use ledger_engine::{Scheduled, TestScheduleRule};

use crate::lifetime::Lifetime;

/// The shortest time between two tests of a connection.
const EVERY_MIN: Duration = Duration::from_secs(10);
/// The longest.
const EVERY_MAX: Duration = Duration::from_hours(7 * 24);

/// Parses a time, or what a time is for and the time.
pub(super) fn rule(text: &str) -> Result<TestScheduleRule, String> {
    let Some((of, time)) = text.rsplit_once('=') else {
        return Ok(TestScheduleRule { of: Scheduled::All, every: every(text)? });
    };
    Ok(TestScheduleRule { of: scheduled(of)?, every: every(time)? })
}

fn scheduled(text: &str) -> Result<Scheduled, String> {
    let form = || {
        "must be a time alone, or one after provider:NAME=, label:KEY=VALUE= or \
         connection:WORKSPACE/SLUG="
            .to_owned()
    };
    let (kind, name) = text.split_once(':').ok_or_else(form)?;
    let both = |mark| {
        let (one, other) = name.split_once(mark)?;
        let is_whole = !one.is_empty() && !other.is_empty();
        is_whole.then(|| (one.to_owned(), other.to_owned()))
    };
    match kind {
        "provider" if !name.is_empty() => Ok(Scheduled::Provider(name.to_owned())),
        "label" => both('=').map(|(key, value)| Scheduled::Label { key, value }).ok_or_else(form),
        "connection" => {
            let of = |(workspace, slug)| Scheduled::Connection { workspace, slug };
            both('/').map(of).ok_or_else(form)
        }
        _ => Err(form()),
    }
}

fn every(text: &str) -> Result<Option<Duration>, String> {
    if text == "0" {
        return Ok(None);
    }
    let long = || text.parse::<Lifetime>().ok().and_then(Lifetime::duration);
    let time = super::args::duration(text).ok().or_else(long);
    let time = time.filter(|time| (EVERY_MIN..=EVERY_MAX).contains(time));
    time.map(Some).ok_or_else(|| "must be from 10s to 7d, or 0 for never".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_what_they_are_about() {
        let (minute, day) = (Some(Duration::from_mins(1)), Some(Duration::from_hours(24)));
        let text = |text: &str| text.to_owned();
        for (given, of, every) in [
            ("1m", Scheduled::All, minute),
            ("0", Scheduled::All, None),
            ("provider:openai=1d", Scheduled::Provider(text("openai")), day),
            (
                "label:tier=gold=60s",
                Scheduled::Label { key: text("tier"), value: text("gold") },
                minute,
            ),
            (
                "connection:main/openai-prod=0",
                Scheduled::Connection { workspace: text("main"), slug: text("openai-prod") },
                None,
            ),
        ] {
            assert_eq!(rule(given), Ok(TestScheduleRule { of, every }), "{given}");
        }
        for bad in [
            "",
            "1",
            "m",
            "9s",
            "8d",
            "-1m",
            "=1m",
            "openai=1m",
            "provider:=1m",
            "label:x=1m",
            "label:=x=1m",
            "connection:x=1m",
            "connection:/x=1m",
            "team:x=1m",
            "provider:openai=",
            "provider:openai=soon",
        ] {
            assert!(rule(bad).is_err(), "{bad}");
        }
    }
}
