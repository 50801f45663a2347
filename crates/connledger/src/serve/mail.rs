//! The flags of the mail relay.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ledger_alerts::{Relay, RelayError, RelayOptions, RelayUrl};
use ledger_outgoing::{Authorities, with_causes};
use zeroize::Zeroizing;

use super::args::duration;
use super::authorities;
use crate::failure::Failure;
use crate::session::read_line;

/// The flags of the mail relay.
#[derive(Debug, Args)]
#[command(next_help_heading = "Mail")]
#[expect(clippy::struct_field_names, reason = "the fields are named as the flags are")]
pub(crate) struct MailArgs {
    /// SMTP relay to which alerts by mail are given: smtps://user@mail.example.com for TLS from the
    /// start (port 465), or smtp:// for STARTTLS (port 587), without which nothing is sent
    #[arg(long, env = "CONNLEDGER_SMTP_URL", requires = "smtp_from", value_name = "URL")]
    smtp_url: Option<String>,
    /// Who sends the mail, such as 'Connection Ledger <ledger@example.com>'
    #[arg(long, env = "CONNLEDGER_SMTP_FROM", requires = "smtp_url", value_name = "ADDRESS")]
    smtp_from: Option<String>,
    /// File with the password of the relay's user, readable by its owner only
    #[arg(long, env = "CONNLEDGER_SMTP_PASSWORD_FILE", requires = "smtp_url", value_name = "FILE")]
    smtp_password_file: Option<PathBuf>,
    /// Certificates of authorities (PEM) that may vouch for the relay, in place of those of this
    /// system
    #[arg(long, env = "CONNLEDGER_SMTP_CA_FILE", requires = "smtp_url", value_name = "FILE")]
    smtp_ca_file: Option<PathBuf>,
    /// The least time between two mails of one alert, at most 24h: what comes meanwhile is told
    /// together
    #[arg(
        long,
        env = "CONNLEDGER_SMTP_EVERY",
        default_value = "1m",
        value_parser = every,
        value_name = "TIME"
    )]
    smtp_every: Duration,
}

/// Parses the time between two mails.
fn every(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    let is_good = !time.is_zero() && time <= Duration::from_hours(24);
    if is_good { Ok(time) } else { Err("must be more than 0s and at most 24h".to_owned()) }
}

impl MailArgs {
    /// Returns whether there is a relay.
    pub(super) const fn sends_mail(&self) -> bool {
        self.smtp_url.is_some()
    }

    /// Returns the relay, if there is one. It may take `answer_max` for each step.
    pub(super) fn relay(&self, answer_max: Duration) -> Result<Option<Arc<Relay>>, Failure> {
        let (Some(url), Some(from)) = (&self.smtp_url, &self.smtp_from) else { return Ok(None) };
        // What is wrong is not repeated: it may have a password.
        let url: RelayUrl =
            url.parse().map_err(|problem| Failure::usage(format!("--smtp-url: {problem}")))?;
        let password = self.smtp_password_file.as_deref().map(read_line).transpose()?;
        let authorities = match &self.smtp_ca_file {
            None => Authorities::of_system(),
            Some(path) => authorities::read("--smtp-ca-file", path)?,
        };
        let options = RelayOptions {
            url,
            password: password.map(Zeroizing::new),
            from: from.clone(),
            authorities,
            answer_max,
            every: self.smtp_every,
        };
        let relay = Relay::new(options).map_err(|error| {
            let flag = match error {
                RelayError::From => "--smtp-from",
                RelayError::NoPassword | RelayError::NoUser => "--smtp-password-file",
                _ => "--smtp-url",
            };
            Failure::usage(format!("{flag}: {}", with_causes(&error)))
        })?;
        Ok(Some(relay))
    }
}
