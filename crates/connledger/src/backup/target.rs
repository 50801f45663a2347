//! The target of a command.

use std::convert::Infallible;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use ledger_backup::{AddressError, BackupError, Stop, Target, TargetAddress};
use ledger_contract::errors::Problem;

use crate::failure::Failure;

/// An address as it was given. A wrong one is not repeated, because it may hold credentials.
#[derive(Clone, Debug)]
pub(crate) struct Given(Result<TargetAddress, AddressError>);

impl FromStr for Given {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse()))
    }
}

impl Given {
    pub(crate) fn address(&self) -> Result<TargetAddress, Failure> {
        self.0.clone().map_err(|error| Failure::usage(format!("the target {error}")))
    }
}

/// How long a request to a target may take.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct PatienceArgs {
    /// Seconds that a request to the target may take until it is answered; its bytes may take a
    /// second more for each 256 KiB
    #[arg(
        long,
        global = true,
        env = "CONNLEDGER_BACKUP_TIMEOUT",
        default_value_t = ledger_backup::PATIENCE.as_secs(),
        value_parser = clap::value_parser!(u64).range(1..=3_600),
        value_name = "SECONDS"
    )]
    backup_timeout: u64,
}

impl PatienceArgs {
    pub(crate) fn patience(self) -> Duration {
        Duration::from_secs(self.backup_timeout)
    }
}

/// Where the backups are.
#[derive(Clone, Debug, Args)]
pub(crate) struct FromArgs {
    /// Where the backups are: a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or
    /// az://CONTAINER/PREFIX; credentials come from AWS_*, GOOGLE_* or AZURE_*
    #[arg(long, env = "CONNLEDGER_BACKUP_TO", hide_env_values = true, value_name = "TARGET")]
    from: Given,
}

impl FromArgs {
    /// Runs work on the target, on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        patience: PatienceArgs,
        work: impl FnOnce(&Target) -> Result<T, BackupError> + Send + 'static,
    ) -> Result<T, Failure> {
        run_on(&self.from.address()?, patience, work).await
    }

    /// Returns the address, for the words to the user.
    pub(super) fn shown(&self) -> String {
        self.from.address().map(|address| address.to_string()).unwrap_or_default()
    }
}

/// Runs work on a target, on a thread that may block.
pub(super) async fn run_on<T: Send + 'static>(
    address: &TargetAddress,
    patience: PatienceArgs,
    work: impl FnOnce(&Target) -> Result<T, BackupError> + Send + 'static,
) -> Result<T, Failure> {
    let target = Target::open(address, patience.patience(), Stop::default());
    let target = target.map_err(BackupError::from).map_err(Problem::from)?;
    let done = tokio::task::spawn_blocking(move || work(&target)).await;
    let done = done.map_err(|error| Failure::internal(format!("it stopped: {error}")))?;
    Ok(done.map_err(Problem::from)?)
}
