//! Signs a checkpoint from time to time, and publishes it.

use ledger_contract::errors::Problem;
use ledger_engine::{Engine, LogFault, SeenAt};
use ledger_proof::SignedCheckpoint;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use crate::{Board, PublisherOptions, file, stopping};

/// What publishes.
pub(crate) struct Schedule {
    engine: Engine,
    options: PublisherOptions,
    board: Option<Box<dyn Board>>,
    signed: watch::Sender<Option<SignedCheckpoint>>,
    /// What was published where last.
    on_board: Vec<u8>,
    in_file: Vec<u8>,
    /// The fault that was told last.
    told: Option<String>,
}

impl Schedule {
    pub(crate) fn new(
        engine: Engine,
        options: PublisherOptions,
        board: Option<Box<dyn Board>>,
        signed: watch::Sender<Option<SignedCheckpoint>>,
    ) -> Self {
        let (on_board, in_file) = (Vec::new(), Vec::new());
        Self { engine, options, board, signed, on_board, in_file, told: None }
    }

    pub(crate) async fn run(
        mut self,
        mut stopped: watch::Receiver<bool>,
        mut cosigned: mpsc::Receiver<()>,
    ) {
        let mut due = interval(self.options.every);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_due = tokio::select! {
                () = stopping(&mut stopped) => return,
                _ = due.tick() => true,
                Some(()) = cosigned.recv() => false,
            };
            let work = async {
                let published = self.publish(is_due).await;
                self.tell(published.err());
            };
            tokio::select! {
                () = work => {}
                () = stopping(&mut stopped) => return,
            }
        }
    }

    /// Publishes the latest checkpoint, and makes another one before if that is due.
    async fn publish(&mut self, is_due: bool) -> Result<(), Fault> {
        let engine = self.engine.clone();
        if self.engine.ready().is_err() {
            // Another node of the cluster publishes, and this one shows what it has.
            if is_due && self.engine.follows() {
                spawn_blocking(move || engine.sign_checkpoint()).await.map_err(crashed)??;
            }
            return Ok(());
        }
        // While the file or the board is away, all others get checkpoints.
        let no_file = away(self.compare_file().await)?;
        let no_board = away(self.compare_board().await)?;
        let checkpoint = if is_due {
            spawn_blocking(move || engine.sign_checkpoint()).await.map_err(crashed)??
        } else {
            engine.published_checkpoint()?
        };
        self.signed.send_if_modified(|known| {
            let is_new = known.as_ref().map(SignedCheckpoint::head) != Some(checkpoint.head());
            if is_new {
                *known = Some(checkpoint.clone());
            }
            is_new
        });
        let text = checkpoint.to_bytes();
        let written = match no_file {
            Some(fault) => Err(fault),
            None => self.write_file(&text).await,
        };
        if let Some(fault) = no_board {
            return Err(fault);
        }
        if let Some(board) = self.board.as_ref().filter(|_| self.on_board != text) {
            board.publish(text.clone()).await.map_err(Fault::Board)?;
            self.on_board = text;
        }
        written
    }

    /// Compares the log with what is in the file, unless that was written here.
    async fn compare_file(&mut self) -> Result<(), Fault> {
        let Some(path) = self.options.file.clone() else { return Ok(()) };
        let (engine, known) = (self.engine.clone(), std::mem::take(&mut self.in_file));
        let compared = spawn_blocking(move || {
            let found = file::read(&path).map_err(Fault::File)?.unwrap_or_default();
            if found != known {
                engine.compare_checkpoint(&found, SeenAt::File(&path))?;
            }
            Ok::<_, Fault>(found)
        });
        self.in_file = compared.await.map_err(crashed)??;
        Ok(())
    }

    /// Compares the log with what is on the board, unless that was published here.
    async fn compare_board(&mut self) -> Result<(), Fault> {
        let Some(board) = &self.board else { return Ok(()) };
        let found = board.last().await.map_err(Fault::Board)?.unwrap_or_default();
        if found == self.on_board {
            return Ok(());
        }
        let (engine, text) = (self.engine.clone(), found.clone());
        let compared = spawn_blocking(move || engine.compare_checkpoint(&text, SeenAt::Nats));
        compared.await.map_err(crashed)??;
        self.on_board = found;
        Ok(())
    }

    async fn write_file(&mut self, text: &[u8]) -> Result<(), Fault> {
        let Some(path) = self.options.file.clone().filter(|_| self.in_file != text) else {
            return Ok(());
        };
        let written = text.to_vec();
        let writing = spawn_blocking(move || file::write(&path, &written));
        writing.await.map_err(crashed)?.map_err(Fault::File)?;
        self.in_file = text.to_vec();
        Ok(())
    }

    /// Logs why nothing was published, once for each reason.
    fn tell(&mut self, fault: Option<Fault>) {
        let text = fault.map(|fault| fault.to_string());
        if let Some(error) = text.as_ref().filter(|_| text != self.told) {
            tracing::warn!(error, "a checkpoint of the log was not published");
        }
        self.told = text;
    }
}

/// Why a checkpoint was not published.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Log(#[from] LogFault),
    #[error("the file: {0}")]
    File(std::io::Error),
    #[error("{}", .0.message)]
    Board(Problem),
    #[error("it has crashed: {0}")]
    Crashed(String),
}

/// Returns the fault of a place that is away, which stops nothing else.
fn away(compared: Result<(), Fault>) -> Result<Option<Fault>, Fault> {
    match compared {
        Err(fault @ (Fault::File(_) | Fault::Board(_))) => Ok(Some(fault)),
        compared => compared.map(|()| None),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "a function of `map_err`")]
fn crashed(error: tokio::task::JoinError) -> Fault {
    Fault::Crashed(error.to_string())
}
