//! The flags for what the event stream and the bucket hold.

use std::str::FromStr as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ledger_bus::{Adopts, BusOptions, Window};

use crate::lifetime::Lifetime;

const MIB: u64 = 1024 * 1024;
/// The smallest window by size: several times what is sent at once.
const WINDOW_BYTES_MIN: u64 = 64 * MIB;

/// What the event stream and the bucket hold.
#[derive(Debug, Args)]
#[command(next_help_heading = "Event stream")]
pub(crate) struct NatsWindowArgs {
    /// Events older than this are removed from the event stream, such as 12h, 7d or 4w; 0 means no
    /// limit. The ledger itself keeps every event
    #[arg(
        long,
        env = "CONNLEDGER_NATS_WINDOW_AGE",
        default_value = "7d",
        value_parser = age,
        value_name = "TIME"
    )]
    nats_window_age: Age,
    /// Size above which the oldest events are removed from the event stream, before compression:
    /// 64MiB or more, such as 512MiB or 4GiB; 0 means no limit
    #[arg(
        long,
        env = "CONNLEDGER_NATS_WINDOW_BYTES",
        default_value = "512MiB",
        value_parser = size,
        value_name = "SIZE"
    )]
    nats_window_bytes: Size,
    /// Whether the NATS server keeps the latest state of every connection in a bucket. An existing
    /// bucket is removed by off, and filled again from the whole log by on
    #[arg(
        long,
        env = "CONNLEDGER_NATS_BUCKET",
        value_enum,
        default_value_t = Switch::On,
        value_name = "SWITCH"
    )]
    nats_bucket: Switch,
    /// Make event stream and bucket anew from this log if they hold another history of this ledger,
    /// as after a restore. Events that only they hold are lost to NATS. Does nothing if they fit
    #[arg(long, env = "CONNLEDGER_ADOPT_STREAM")]
    adopt_stream: bool,
    /// Copies of the streams in a NATS cluster; streams that exist get as many [default: 1 for new
    /// streams]
    #[arg(
        long,
        env = "CONNLEDGER_NATS_REPLICAS",
        value_parser = clap::value_parser!(u8).range(1..=5),
        value_name = "NUMBER"
    )]
    nats_replicas: Option<u8>,
}

/// A length of time, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Age(Option<Duration>);

/// A size in bytes, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Size(Option<u64>);

/// Whether there is something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

impl NatsWindowArgs {
    /// Returns the copies that streams have, if that is given.
    pub(super) fn replicas(&self) -> Option<usize> {
        self.nats_replicas.map(usize::from)
    }

    /// Sets the options that these flags decide. Nobody but the ledger uses a managed server.
    pub(super) fn set(&self, options: &mut BusOptions, is_managed: bool) {
        options.window = Window { age: self.nats_window_age.0, bytes: self.nats_window_bytes.0 };
        options.bucket = self.nats_bucket == Switch::On;
        options.replicas = self.nats_replicas.map(usize::from);
        options.adopts = match (is_managed, self.adopt_stream) {
            (true, _) => Adopts::Always,
            (false, true) => Adopts::Once,
            (false, false) => Adopts::Never,
        };
    }
}

/// Parses `12h`, `7d`, `4w`, or `0` for no limit.
fn age(text: &str) -> Result<Age, &'static str> {
    const FORM: &str = "must be a number and m, h, d or w: 12h, 7d; or 0 for no limit";
    if text == "0" {
        return Ok(Age(None));
    }
    let parsed = Lifetime::from_str(text).map_err(|_| FORM)?;
    parsed.duration().map(|age| Age(Some(age))).ok_or(FORM)
}

/// Parses `512MiB`, `4GiB`, or `0` for no limit.
fn size(text: &str) -> Result<Size, &'static str> {
    const FORM: &str = "must be 64MiB or more, such as 512MiB or 4GiB; or 0 for no limit";
    if text == "0" {
        return Ok(Size(None));
    }
    let number = text.trim_end_matches(|mark: char| mark.is_ascii_alphabetic());
    let unit = match text.get(number.len()..) {
        Some("MiB") => MIB,
        Some("GiB") => 1024 * MIB,
        Some("TiB") => 1024 * 1024 * MIB,
        _ => return Err(FORM),
    };
    let bytes = number.parse::<u32>().ok().and_then(|number| u64::from(number).checked_mul(unit));
    let bytes = bytes.filter(|bytes| (WINDOW_BYTES_MIN..=i64::MAX as u64).contains(bytes));
    bytes.map(|bytes| Size(Some(bytes))).ok_or(FORM)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ledger_bus::ConnectOptions;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        window: NatsWindowArgs,
    }

    #[test]
    fn windows_have_a_unit_or_no_limit() {
        assert_eq!(age("7d"), Ok(Age(Some(Duration::from_hours(7 * 24)))));
        assert_eq!(age("0"), Ok(Age(None)));
        assert_eq!(size("1GiB"), Ok(Size(Some(1024 * MIB))));
        assert_eq!(size("64MiB"), Ok(Size(Some(64 * MIB))));
        assert_eq!(size("0"), Ok(Size(None)));
        for bad in ["", "7", "d", "0d", "-1d", "1s", "never"] {
            assert!(age(bad).is_err(), "{bad}");
        }
        for bad in ["", "1", "GiB", "63MiB", "1GB", "1.5GiB", "-1GiB", "9999999TiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn the_flags_have_the_defaults_of_the_bus_and_a_managed_server_is_always_adopted() {
        let connection = ConnectOptions { url: "127.0.0.1:1".to_owned(), ..Default::default() };
        let connected = ledger_bus::connect(&connection).await.expect("good options");
        let defaults = BusOptions::new(connected, connection);
        let parsed = |args: &[&str], is_managed| {
            let mut options = defaults.clone();
            let command = Command::parse_from([&["connledger"], args].concat());
            command.window.set(&mut options, is_managed);
            options
        };
        let unchanged = parsed(&[], false);
        assert_eq!((unchanged.window, unchanged.bucket), (defaults.window, defaults.bucket));
        assert_eq!((unchanged.replicas, unchanged.adopts), (defaults.replicas, defaults.adopts));
        assert_eq!(parsed(&["--adopt-stream"], false).adopts, Adopts::Once);
        assert_eq!(parsed(&[], true).adopts, Adopts::Always);
        assert!(!parsed(&["--nats-bucket", "off"], false).bucket);
    }
}
