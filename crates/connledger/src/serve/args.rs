//! The flags of `serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::alerts::AlertArgs;
use super::backup::BackupArgs;
use super::checks::CheckArgs;
use super::cluster::ClusterArgs;
use super::http::HttpArgs;
use super::journal::JournalArgs;
use super::log::LogArgs;
use super::mail::MailArgs;
use super::metrics::MetricsArgs;
use super::nats_rates::NatsRateArgs;
use super::nats_window::NatsWindowArgs;
use super::quotas::QuotaArgs;
use super::references::ReferenceArgs;
use super::sign_in::SignInArgs;
use super::tokens::TokenArgs;
use super::traces::TraceArgs;
use crate::lifetime::KeyLifetimeArgs;
use crate::master_key::MasterKeyArgs;
use crate::providers::ProviderArgs;

/// Serves a ledger until SIGTERM or Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --nats-url, the ledger starts and supervises a nats-server found on this machine
(CONNLEDGER_NATS_SERVER, else in PATH). The master key comes from --master-key-file, --master-key or
the systemd credential `master-key`. If a key service wrapped it (`keys wrap`), that is asked.

Examples:
  connledger serve --data-dir /tmp/ledger --dev
  connledger serve --data-dir /srv/ledger --master-key-file /etc/connledger/master.key
  connledger serve --data-dir /srv/ledger --master-key env:LEDGER_MASTER_KEY
  connledger serve --data-dir /srv/ledger --master-key 'command:op read op://ledger/master-key/text'
  connledger serve --data-dir /srv/ledger --listen 0.0.0.0:7420 --tls-cert cert.pem --tls-key key.pem
  connledger serve --data-dir /srv/ledger --backup-to /srv/backups --backup-every 1h --backup-keep-days 30
  connledger serve --data-dir /srv/ledger --providers /etc/connledger/providers
  connledger serve --data-dir /srv/ledger --smtp-url smtp://ledger@mail.example.com \\
    --smtp-password-file smtp.password --smtp-from 'Ledger <ledger@example.com>'
  connledger serve --data-dir /srv/ledger --oidc-issuer https://login.example.com --oidc-audience ledger
  connledger serve --data-dir /srv/ledger --nats-url tls://nats.internal:4222 \\
    --nats-creds ledger.creds --nats-require-sealed")]
pub(crate) struct ServeArgs {
    /// Development mode: loopback only, a throw-away master key, an admin key in DIR/dev-admin.key;
    /// creates the ledger if missing
    #[arg(long)]
    pub(crate) dev: bool,
    #[command(flatten)]
    pub(crate) master_key: MasterKeyArgs,
    /// How long a start keeps asking a key service that is away, before it gives up
    #[arg(
        long,
        env = "CONNLEDGER_MASTER_KEY_WAIT",
        default_value = "1m",
        value_parser = duration,
        value_name = "TIME"
    )]
    pub(crate) master_key_wait: Duration,
    #[command(flatten)]
    pub(crate) providers: ProviderArgs,
    #[command(flatten)]
    pub(crate) metrics: MetricsArgs,
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    /// Source of NATS without --nats-url [default: managed]
    #[arg(long, env = "CONNLEDGER_NATS", value_name = "MODE")]
    pub(crate) nats: Option<NatsMode>,
    /// Port of the managed nats-server; 0 picks a free one and keeps it across restarts
    #[arg(long, env = "CONNLEDGER_NATS_PORT", default_value_t = 0, value_name = "PORT")]
    pub(crate) nats_port: u16,
    /// Executable of the managed nats-server
    #[arg(long, env = ledger_bus::NATS_SERVER_VARIABLE, value_name = "FILE")]
    pub(crate) nats_server: Option<PathBuf>,
    /// How long the lease of the ledger's name lasts without a renewal, in seconds: after a crash,
    /// another instance may take over that much later [default: 10, or 3 with --cluster]
    #[arg(
        long,
        env = "CONNLEDGER_NATS_LEASE",
        value_parser = clap::value_parser!(u64).range(2..=300),
        value_name = "SECONDS"
    )]
    nats_lease: Option<u64>,
    /// With --nats-url: accept commands over HTTP while NATS cannot be reached, although the lease
    /// cannot be renewed, unless another holder has been seen. For ledgers of whose directory no
    /// copy is ever started
    #[arg(long, env = "CONNLEDGER_ACCEPT_WITHOUT_LEASE")]
    pub(crate) accept_without_lease: bool,
    /// Name of this instance, by which it is known as the holder of the lease [default: the host's
    /// name and the process id]
    #[arg(long, env = "CONNLEDGER_INSTANCE", value_parser = instance, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Refuse requests over NATS that are not sealed to the ledger's curve key. Unsealed, API keys
    /// and new secrets are readable by anyone who runs or taps the NATS server [default: true for
    /// ledgers made by init, false for those made by serve --dev or an earlier version]
    #[arg(
        long,
        env = "CONNLEDGER_NATS_REQUIRE_SEALED",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL"
    )]
    pub(crate) nats_require_sealed: Option<bool>,
    #[command(flatten)]
    pub(crate) nats_rates: NatsRateArgs,
    #[command(flatten)]
    pub(crate) nats_window: NatsWindowArgs,
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    /// Log filter, such as info or ledger_bus=debug
    #[arg(long, env = "CONNLEDGER_LOG", default_value = "info", value_name = "FILTER")]
    pub(crate) log: String,
    /// Format of log lines on standard error
    #[arg(long, env = "CONNLEDGER_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(flatten)]
    pub(crate) traces: TraceArgs,
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(flatten)]
    pub(crate) backup: BackupArgs,
    #[command(flatten)]
    pub(crate) checkpoints: LogArgs,
    #[command(flatten)]
    pub(crate) lifetimes: KeyLifetimeArgs,
    #[command(flatten)]
    pub(crate) quotas: QuotaArgs,
    #[command(flatten)]
    pub(crate) references: ReferenceArgs,
    #[command(flatten)]
    pub(crate) checks: CheckArgs,
    #[command(flatten)]
    pub(crate) alerts: AlertArgs,
    #[command(flatten)]
    pub(crate) mail: MailArgs,
    #[command(flatten)]
    pub(crate) tokens: TokenArgs,
    #[command(flatten)]
    pub(crate) sign_in: SignInArgs,
}

/// The source of NATS when no address is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NatsMode {
    /// Start and supervise a nats-server
    Managed,
    /// Run without NATS
    Off,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Human-readable text
    Text,
    /// One JSON object per line
    Json,
}

/// Parses the name of an instance.
fn instance(text: &str) -> Result<String, String> {
    const CHARS_MAX: usize = 128;
    let is_good = !text.trim().is_empty()
        && text.chars().count() <= CHARS_MAX
        && !text.chars().any(char::is_control);
    if is_good {
        return Ok(text.to_owned());
    }
    Err(format!("must be one line of 1 to {CHARS_MAX} characters"))
}

/// Parses `250ms`, `30s`, `2m` or `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|mark: char| !mark.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| "must be like 250ms, 30s, 2m or 1h")?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        "h" => Ok(Duration::from_secs(number.saturating_mul(3_600))),
        _ => Err("must be like 250ms, 30s, 2m or 1h".to_owned()),
    }
}

/// Parses the same, which has to be more than nothing and at most a minute.
pub(super) fn up_to_a_minute(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    let is_good = !time.is_zero() && time <= Duration::from_mins(1);
    if is_good { Ok(time) } else { Err("must be more than 0s and at most 1m".to_owned()) }
}

/// Times of the lease. In a cluster the log itself keeps a former writer out, whatever clocks say,
/// so that it can be short.
const LEASE_TIME: Duration = Duration::from_secs(10);
const CLUSTER_LEASE_TIME: Duration = Duration::from_secs(3);

impl ServeArgs {
    /// Returns the copies that streams have beside those of the bus.
    pub(super) fn stream_replicas(&self) -> Option<usize> {
        self.nats_window.replicas().or_else(|| self.cluster.replicas())
    }

    /// Returns how long the lease lasts without a renewal.
    pub(super) fn lease_time(&self) -> Duration {
        let default = if self.cluster.cluster { CLUSTER_LEASE_TIME } else { LEASE_TIME };
        self.nats_lease.map_or(default, Duration::from_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_has_a_name_of_one_line() {
        assert_eq!(instance("eu-1 (blue)"), Ok("eu-1 (blue)".to_owned()));
        for bad in ["", "  ", "a\nb", &"x".repeat(129)] {
            assert!(instance(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "2", "m", "2 m", "-1s", "2d"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
