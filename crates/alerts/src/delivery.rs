//! Starts a worker for each alert, and ends those of alerts that are removed.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ledger_domain::{Alert, AlertName, Position, WorkspaceName};
use ledger_engine::Engine;
use ledger_outgoing::{ClientError, Network};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::cursor;
use crate::mail::{Mailer, Relay};
use crate::pace::Pace;
use crate::receiver::Receivers;
use crate::worker::Worker;

/// How long requests that are on their way are waited for at the end.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// How alerts are delivered.
#[derive(Clone, Debug)]
pub struct DeliveryOptions {
    /// Networks to which messages may be sent although they are not public. Only there are they
    /// sent without TLS.
    pub networks: Vec<Network>,
    /// How long an answer may take.
    pub answer_max: Duration,
    /// When messages are sent again.
    pub pace: Pace,
    /// What takes mail. Without it, alerts by mail wait.
    pub relay: Option<Arc<Relay>>,
}

/// Delivers the alerts of a ledger, while this instance may write.
pub struct Delivery {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delivery(..)")
    }
}

/// What all workers have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) engine: Engine,
    pub(crate) receivers: Receivers,
    pub(crate) pace: Pace,
    pub(crate) relay: Option<Arc<Relay>>,
}

/// Why the delivery of an alert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was removed, or the server stops.
    Stopped,
    /// It begins anew with what is stored: it goes another way from now on, by mail or by requests,
    /// or another node has delivered it.
    Anew,
}

impl Delivery {
    /// Begins to deliver.
    pub fn start(engine: &Engine, options: DeliveryOptions) -> Result<Self, ClientError> {
        let DeliveryOptions { networks, answer_max, pace, relay } = options;
        let receivers = Receivers::new(networks, answer_max)?;
        let common = Arc::new(Common { engine: engine.clone(), receivers, pace, relay });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(supervise(common, stopped));
        Ok(Self { stop, task })
    }

    /// Ends what is under way, and stores how far it is.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(END_PATIENCE, &mut self.task).await.is_err() {
            tracing::warn!("messages that are on their way are not waited for any longer");
            self.task.abort();
        }
    }
}

async fn supervise(common: Arc<Common>, mut stopped: watch::Receiver<bool>) {
    let mut changed = common.engine.subscribe_alerts();
    let mut running: HashMap<Position, watch::Sender<Alert>> = HashMap::new();
    let mut workers = JoinSet::new();
    loop {
        changed.mark_unchanged();
        let all = common.engine.alerts();
        let mut known = HashSet::new();
        for (place, name, alert) in all.each() {
            known.insert(alert.id);
            if let Some(told) = running.get(&alert.id) {
                tell(told, alert);
            } else {
                let told = begin(&common, &mut workers, (place, name, alert), &stopped);
                running.insert(alert.id, told);
            }
        }
        // A worker ends when nobody tells it of changes any more.
        running.retain(|id, _| known.contains(id));
        let engine = common.engine.clone();
        let forgotten = tokio::task::spawn_blocking(move || engine.forget_removed_alerts()).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(%error, "what is stored of a removed alert is still there");
        }
        tokio::select! {
            done = changed.changed() => if done.is_err() { break },
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    drop(running);
    while workers.join_next().await.is_some() {}
}

/// Tells a worker of a change to its alert.
fn tell(told: &watch::Sender<Alert>, alert: &Alert) {
    told.send_if_modified(|known| {
        let is_new = known != alert;
        if is_new {
            *known = alert.clone();
        }
        is_new
    });
}

fn begin(
    common: &Arc<Common>,
    workers: &mut JoinSet<()>,
    (place, name, alert): (&WorkspaceName, &AlertName, &Alert),
    stopped: &watch::Receiver<bool>,
) -> watch::Sender<Alert> {
    let (told, changes) = watch::channel(alert.clone());
    let (common, place, name) = (Arc::clone(common), place.clone(), name.clone());
    workers.spawn(deliver(common, place, name, changes, stopped.clone()));
    told
}

/// Delivers an alert, by requests or by mail as it is set.
async fn deliver(
    common: Arc<Common>,
    place: WorkspaceName,
    name: AlertName,
    changes: watch::Receiver<Alert>,
    stopped: watch::Receiver<bool>,
) {
    loop {
        let common = Arc::clone(&common);
        let goes_by_mail = changes.borrow().settings.receiver.mail().is_some();
        // Each begins with what the other one stored.
        let ended = if goes_by_mail {
            let mailer = Mailer::new(common, &place, &name, changes.clone());
            cursor::deliver(mailer, stopped.clone()).await
        } else {
            let worker = Worker::new(common, &place, &name, changes.clone());
            cursor::deliver(worker, stopped.clone()).await
        };
        if ended == Ended::Stopped {
            return;
        }
    }
}
