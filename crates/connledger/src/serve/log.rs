//! The flags of what is signed of the log.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use ledger_bus::CheckpointStream;
use ledger_checkpoints::{Board, Publisher, PublisherOptions, Witness};
use ledger_contract::errors::Problem;
use ledger_engine::Engine;
use ledger_outgoing::{Plain, read_address};
use ledger_proof::WitnessKey;

use super::args::duration;
use crate::failure::Failure;

/// The flags of what is signed of the log.
#[derive(Debug, Args)]
#[command(next_help_heading = "Checkpoints of the log")]
pub(crate) struct LogArgs {
    /// Interval between signed checkpoints of the log; none is made while the log does not grow
    #[arg(
        long,
        env = "CONNLEDGER_CHECKPOINT_EVERY",
        default_value = "1m",
        value_parser = every,
        value_name = "TIME"
    )]
    checkpoint_every: Duration,
    /// File that always has the latest checkpoint, for example in a folder that is copied elsewhere
    #[arg(long, env = "CONNLEDGER_CHECKPOINT_FILE", value_name = "FILE")]
    checkpoint_file: Option<PathBuf>,
    /// A witness that signs checkpoints, too: its address and its public key. Repeat for each
    #[arg(
        long = "witness",
        env = "CONNLEDGER_WITNESS",
        value_delimiter = ',',
        value_parser = witness,
        value_name = "URL=KEY"
    )]
    witnesses: Vec<Witness>,
    /// Let anybody read /log without a key: the checkpoint, and digests of records. Nothing else of
    /// an event can be read there
    #[arg(long, env = "CONNLEDGER_PUBLIC_LOG")]
    pub(super) public_log: bool,
}

/// Parses an interval of at least a second.
fn every(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    let is_good = (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&time);
    if is_good { Ok(time) } else { Err("must be at least 1s and at most 24h".to_owned()) }
}

/// Parses `URL=KEY`.
fn witness(text: &str) -> Result<Witness, String> {
    let (url, key) = text.split_once('=').ok_or("must be like https://w.example=NAME+ID+KEY")?;
    let url = read_address("witness", url, Plain::Here).map_err(|invalid| invalid.problem)?;
    let key: WitnessKey = key.parse().map_err(|_| "the key is not that of a witness")?;
    Ok(Witness { url, key })
}

impl LogArgs {
    /// Returns where checkpoints go.
    pub(super) fn options(&self) -> PublisherOptions {
        PublisherOptions {
            every: self.checkpoint_every,
            file: self.checkpoint_file.clone(),
            witnesses: self.witnesses.clone(),
        }
    }
}

/// Begins to publish checkpoints.
pub(super) fn start(
    args: &LogArgs,
    engine: &Engine,
    stream: Option<CheckpointStream>,
) -> Result<Publisher, Failure> {
    let board = stream.map(|stream| Box::new(OnNats(stream)) as Box<dyn Board>);
    Publisher::start(engine, args.options(), board)
        .map_err(|error| Failure::internal(error.to_string()))
}

/// The stream of checkpoints, as what publishes needs it.
#[derive(Debug)]
struct OnNats(CheckpointStream);

impl Board for OnNats {
    fn last(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Problem>> {
        self.0.last().boxed()
    }

    fn publish(&self, checkpoint: Vec<u8>) -> BoxFuture<'_, Result<(), Problem>> {
        self.0.publish(checkpoint).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_has_an_address_and_a_key() {
        let key = "w.example/1+dd30b62c+BCsvvvAmFyRk0ENvBQWQnX1r5ODXuXyHHwb0yTXt2lVq";
        for bad in ["https://w.example", "ftp://w.example=x", &format!("http://w.example={key}")] {
            assert!(witness(bad).is_err(), "{bad}");
        }
        assert!(every("0s").is_err() && every("25h").is_err() && every("5s").is_ok());
    }
}
