//! Asks one witness to sign each checkpoint.

use std::time::Duration;

use ledger_engine::{Engine, SeenAt};
use ledger_outgoing::{Client, Method, with_causes};
use ledger_proof::{AddCheckpoint, SignedCheckpoint, WitnessAnswer};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

use crate::{Witness, stopping};

/// Requests for one checkpoint: the first, and one for which the witness named its size.
const ATTEMPTS: usize = 3;
/// The first wait before a witness that failed is asked again, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_mins(5)];
/// The status for a proof that does not lead from what the witness has signed.
const UNPROVED: u16 = 422;

/// What asks a witness.
pub(crate) struct Asking {
    engine: Engine,
    client: Client,
    witness: Witness,
    /// The size that the witness has signed last, as far as that is known.
    old: u64,
    told: Option<String>,
}

impl Asking {
    pub(crate) fn new(engine: Engine, client: Client, witness: Witness) -> Self {
        Self { engine, client, witness, old: 0, told: None }
    }

    /// Has each new checkpoint signed. While the witness fails, it is asked again for the newest.
    pub(crate) async fn run(
        mut self,
        mut signed: watch::Receiver<Option<SignedCheckpoint>>,
        mut stopped: watch::Receiver<bool>,
        cosigned: mpsc::Sender<()>,
    ) {
        let [mut pause, longest] = PAUSES;
        loop {
            let newest = signed.borrow_and_update().clone();
            let work = async {
                let Some(newest) = newest else { return true };
                match self.ask(&newest).await {
                    Ok(()) => {
                        self.told = None;
                        // One that waits already says the same.
                        let (Ok(()) | Err(_)) = cosigned.try_send(());
                        true
                    }
                    Err(why) => {
                        self.tell(why);
                        false
                    }
                }
            };
            let is_done = tokio::select! {
                is_done = work => is_done,
                () = stopping(&mut stopped) => return,
            };
            if is_done {
                pause = PAUSES[0];
                tokio::select! {
                    () = stopping(&mut stopped) => return,
                    changed = signed.changed() => if changed.is_err() { return },
                }
            } else {
                tokio::select! {
                    () = stopping(&mut stopped) => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(longest);
            }
        }
    }

    fn tell(&mut self, why: String) {
        let witness = self.witness.key.name();
        if self.told.as_ref() != Some(&why) {
            tracing::warn!(witness, error = why, "a witness has not signed the checkpoint");
        }
        self.told = Some(why);
    }

    async fn ask(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), String> {
        let (size, _) = checkpoint.head();
        for _ in 0..ATTEMPTS {
            let asked = self.old;
            match self.send(checkpoint).await? {
                WitnessAnswer::Signed(lines) => return self.take(checkpoint, lines).await,
                WitnessAnswer::HasSize(known) if known > size => {
                    return Err(self.is_ahead(known));
                }
                WitnessAnswer::HasSize(known) if known != asked => self.old = known,
                WitnessAnswer::HasSize(known) => {
                    return Err(self.contradicts(known));
                }
                WitnessAnswer::Refused(UNPROVED) if asked > 0 => {
                    return Err(self.contradicts(asked));
                }
                WitnessAnswer::Refused(status) => {
                    return Err(format!("it answers with status {status}"));
                }
            }
        }
        Err("it names another size each time".to_owned())
    }

    /// Notes that the witness has signed another log with this key.
    fn contradicts(&self, size: u64) -> String {
        let at = SeenAt::Witness(self.witness.key.name());
        let why = format!(
            "the first {size} events of the log are others than those that {at} has signed: the \
             log was altered, or two copies of it were served"
        );
        self.engine.refuse_checkpoints(&why);
        why
    }

    /// Notes that the witness has signed more events, if the log does not have them.
    fn is_ahead(&self, known: u64) -> String {
        let (own, at) = (self.engine.head(), SeenAt::Witness(self.witness.key.name()));
        if known <= own.get() {
            return format!("it has signed a later checkpoint, of {known} events");
        }
        let why = format!(
            "the log ends at position {own}, and {at} has signed {known} events of it: this \
             directory is an earlier copy, or its end was cut off"
        );
        self.engine.refuse_checkpoints(&why);
        why
    }

    async fn send(&self, checkpoint: &SignedCheckpoint) -> Result<WitnessAnswer, String> {
        let (engine, old, (size, _)) = (self.engine.clone(), self.old, checkpoint.head());
        let proof = spawn_blocking(move || engine.prove_continued(size, old)).await;
        let proof = proof.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let body = AddCheckpoint { old, proof, checkpoint }.to_bytes();
        let mut url = self.witness.url.clone();
        let path = format!("{}/add-checkpoint", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let request = self.client.request(Method::POST, url).body(body);
        let answer = self.client.send(request).await.map_err(|error| with_causes(&error))?;
        Ok(WitnessAnswer::read(answer.status, &answer.body))
    }

    async fn take(&mut self, checkpoint: &SignedCheckpoint, lines: Vec<u8>) -> Result<(), String> {
        let (engine, sent, key) =
            (self.engine.clone(), checkpoint.clone(), self.witness.key.clone());
        let taken = spawn_blocking(move || engine.add_cosignatures(&sent, &lines, &key)).await;
        let taken = taken.map_err(|error| error.to_string())?;
        if !taken.map_err(|error| error.to_string())? {
            return Err("its answer has no signature by its key".to_owned());
        }
        self.old = checkpoint.head().0;
        Ok(())
    }
}
