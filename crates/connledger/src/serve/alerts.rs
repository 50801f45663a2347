//! The flags of alerts.

use std::time::Duration;

use clap::Args;
use ledger_alerts::{Delivery, DeliveryOptions, Pace};
use ledger_engine::Engine;
use ledger_outgoing::Network;

use super::args::{duration, up_to_a_minute};
use super::mail::MailArgs;
use crate::failure::Failure;

/// Times between attempts, at most.
const RETRIES_MAX: usize = 32;

/// The flags of alerts.
#[derive(Debug, Args)]
#[command(next_help_heading = "Alerts")]
pub(crate) struct AlertArgs {
    /// A network to which alerts may be sent although it is not public, such as 10.1.0.0/16; repeat
    /// for each. Only there are they sent without TLS. By default, nothing is sent to loopback,
    /// private, link-local, multicast or reserved addresses
    #[arg(
        long,
        env = "CONNLEDGER_ALLOW_ALERT_NETWORK",
        value_delimiter = ',',
        value_name = "NETWORK"
    )]
    allow_alert_network: Vec<Network>,
    /// How long the receiver of an alert may take to answer, and a mail relay for each step, at
    /// most 1 minute
    #[arg(
        long,
        env = "CONNLEDGER_ALERT_TIMEOUT",
        default_value = "15s",
        value_parser = up_to_a_minute,
        value_name = "TIME"
    )]
    alert_timeout: Duration,
    /// Times between the attempts for one event of an alert. After the last, it is a dead letter
    #[arg(
        long,
        env = "CONNLEDGER_ALERT_RETRIES",
        default_value = "5s,5m,30m,2h,5h,10h,10h",
        value_delimiter = ',',
        value_parser = retry,
        value_name = "TIMES"
    )]
    alert_retries: Vec<Duration>,
    /// The longest time between two attempts while a receiver takes nothing at all
    #[arg(
        long,
        env = "CONNLEDGER_ALERT_PAUSE_MAX",
        default_value = "30m",
        value_parser = retry,
        value_name = "TIME"
    )]
    alert_pause_max: Duration,
}

/// Parses a time between two attempts.
fn retry(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    let is_good = !time.is_zero() && time <= Duration::from_hours(240);
    if is_good { Ok(time) } else { Err("must be more than 0s and at most 240h".to_owned()) }
}

impl AlertArgs {
    /// Returns how alerts are delivered.
    pub(super) fn options(&self, mail: &MailArgs) -> Result<DeliveryOptions, Failure> {
        if self.alert_retries.len() > RETRIES_MAX {
            return Err(Failure::usage(format!("--alert-retries: at most {RETRIES_MAX} times")));
        }
        Ok(DeliveryOptions {
            networks: self.allow_alert_network.clone(),
            answer_max: self.alert_timeout,
            pace: Pace { retries: self.alert_retries.clone(), pause_max: self.alert_pause_max },
            relay: mail.relay(self.alert_timeout)?,
        })
    }
}

/// Begins to deliver alerts.
pub(super) fn start(options: DeliveryOptions, engine: &Engine) -> Result<Delivery, Failure> {
    Delivery::start(engine, options).map_err(|error| Failure::internal(error.to_string()))
}
