//! The flags of backups.

use std::time::Duration;

use clap::Args;
use ledger_backup::{RATE, Schedule, Serving, ServingOptions, TargetAddress};
use ledger_engine::Engine;

use super::args::duration;
use crate::backup::{Given, PatienceArgs, retention};
use crate::failure::Failure;

/// The shortest interval of a schedule.
const EVERY_MIN: Duration = Duration::from_secs(1);

/// The flags of backups.
#[derive(Debug, Args)]
#[command(next_help_heading = "Backups")]
pub(crate) struct BackupArgs {
    /// Where backups go: a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX.
    /// Credentials come from AWS_*, GOOGLE_* or AZURE_*
    #[arg(long, env = "CONNLEDGER_BACKUP_TO", hide_env_values = true, value_name = "TARGET")]
    backup_to: Option<Given>,
    /// Interval between backups, such as 1h. Without it, they are made when asked for: connledger
    /// backup
    #[arg(
        long,
        env = "CONNLEDGER_BACKUP_EVERY",
        requires = "backup_to",
        value_parser = duration,
        value_name = "TIME"
    )]
    backup_every: Option<Duration>,
    /// Keep so many of the latest backups. With none of the two rules, all are kept
    #[arg(
        long,
        env = "CONNLEDGER_BACKUP_KEEP_LAST",
        requires = "backup_every",
        value_parser = clap::value_parser!(u32).range(1..),
        value_name = "NUMBER"
    )]
    backup_keep_last: Option<u32>,
    /// Keep the backups of so many days
    #[arg(
        long,
        env = "CONNLEDGER_BACKUP_KEEP_DAYS",
        requires = "backup_every",
        value_parser = clap::value_parser!(u64).range(1..=36_500),
        value_name = "DAYS"
    )]
    backup_keep_days: Option<u64>,
    /// Bytes a second that a backup reads, writes and reads back, so that commands do not wait
    #[arg(
        long,
        env = "CONNLEDGER_BACKUP_RATE",
        default_value_t = RATE,
        value_parser = clap::value_parser!(u64).range(1_024..),
        value_name = "BYTES"
    )]
    backup_rate: u64,
    #[command(flatten)]
    patience: PatienceArgs,
}

impl BackupArgs {
    /// Returns where backups go, if anywhere.
    pub(crate) fn target(&self) -> Result<Option<TargetAddress>, Failure> {
        self.backup_to.as_ref().map(Given::address).transpose()
    }

    /// Returns the interval of the schedule, if there is one.
    pub(crate) fn every(&self) -> Option<Duration> {
        self.backup_every
    }

    /// Returns how long a request to the target may take.
    pub(crate) fn patience(&self) -> Duration {
        self.patience.patience()
    }

    /// Returns what backups are made with, if any are.
    pub(super) fn options(&self) -> Result<Option<ServingOptions>, Failure> {
        let Some(target) = &self.backup_to else { return Ok(None) };
        if self.backup_every.is_some_and(|every| every < EVERY_MIN) {
            return Err(Failure::usage("--backup-every must be 1s or more"));
        }
        Ok(Some(ServingOptions {
            target: target.address()?,
            patience: self.patience.patience(),
            bytes_per_second: Some(self.backup_rate),
            schedule: self.backup_every.map(Schedule::new),
            retention: retention(self.backup_keep_last, self.backup_keep_days),
        }))
    }
}

/// Begins to make backups, if there is a target.
pub(super) fn start(options: Option<ServingOptions>, engine: &Engine) -> Option<Serving> {
    options.map(|options| {
        tracing::info!(target = %options.target, "backups are made");
        Serving::start(engine, options)
    })
}
