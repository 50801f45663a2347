//! Publishes checkpoints of the log: on a schedule, to a file, to a board that others read, and to
//! witnesses, who sign them as well.
//!
//! Only the instance that may write publishes. Nodes that follow it sign what they show themselves.
//! What a checkpoint says and when none is signed belongs to `ledger-engine`, and its form to
//! `ledger-proof`. A board is given by whoever starts this, so that nothing here knows NATS.
//!
//! Start with [`Publisher`]. `schedule.rs` signs and publishes, `witness.rs` asks one witness, and
//! `file.rs` keeps the file.
//!
//! # Invariants
//!
//! - A checkpoint is compared with what the file and the board have before another one takes its
//!   place (test: `an_earlier_copy_signs_nothing_where_the_later_checkpoint_can_be_seen`).
//! - A witness that is away, slow or refuses delays neither commands nor other witnesses
//!   (test: `witnesses_sign_and_one_that_is_away_delays_nothing`).

mod file;
mod schedule;
mod witness;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;
use ledger_contract::errors::Problem;
use ledger_engine::Engine;
use ledger_outgoing::{Client, ClientError, ClientOptions, Url};
use ledger_proof::WitnessKey;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where others read checkpoints.
pub trait Board: fmt::Debug + Send + Sync {
    /// Returns the last checkpoint that was published, if there is one.
    fn last(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, Problem>>;

    /// Publishes a checkpoint.
    fn publish(&self, checkpoint: Vec<u8>) -> BoxFuture<'_, Result<(), Problem>>;
}

/// A witness and where it is.
#[derive(Clone, Debug)]
pub struct Witness {
    /// Its address, to which `add-checkpoint` is added.
    pub url: Url,
    /// Its public key.
    pub key: WitnessKey,
}

/// Where checkpoints go, and when.
#[derive(Clone, Debug)]
pub struct PublisherOptions {
    /// Time between two checkpoints. None is made while the log does not grow.
    pub every: Duration,
    /// The file that has the latest one.
    pub file: Option<PathBuf>,
    /// Who signs them, too.
    pub witnesses: Vec<Witness>,
}

/// Publishes checkpoints while it exists.
#[derive(Debug)]
pub struct Publisher {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Publisher {
    /// Begins to publish. Must be called within a runtime.
    ///
    /// Errors: no request can be sent to witnesses.
    pub fn start(
        engine: &Engine,
        options: PublisherOptions,
        board: Option<Box<dyn Board>>,
    ) -> Result<Self, ClientError> {
        let (stop, stopped) = watch::channel(false);
        let (signed, to_sign) = watch::channel(None);
        let (cosigned, has_cosigned) = tokio::sync::mpsc::channel(1);
        let client = Client::new(ClientOptions::default())?;
        let mut tasks = Vec::new();
        for witness in options.witnesses.clone() {
            let asking = witness::Asking::new(engine.clone(), client.clone(), witness);
            let asking = asking.run(to_sign.clone(), stopped.clone(), cosigned.clone());
            tasks.push(tokio::spawn(asking));
        }
        let schedule = schedule::Schedule::new(engine.clone(), options, board, signed);
        tasks.push(tokio::spawn(schedule.run(stopped, has_cosigned)));
        Ok(Self { stop, tasks })
    }

    /// Ends publishing.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "what publishes checkpoints has crashed");
            }
        }
    }
}

/// Waits until publishing is to end.
async fn stopping(stopped: &mut watch::Receiver<bool>) {
    // Whoever could say it is gone if this fails.
    let (Ok(_) | Err(_)) = stopped.wait_for(|stopped| *stopped).await;
}
