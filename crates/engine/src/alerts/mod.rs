//! Alerts: which events are told outside. Their settings are folded from the log at a start and are
//! in memory. `reader.rs` finds the events of an alert, `states.rs` keeps how far its messages are,
//! and `signing.rs` has what they are signed with. Sending them belongs to another crate.

mod concerns;
mod reader;
mod signing;
mod states;

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger_contract::records::{Happened, Record, StreamId};
use ledger_contract::subjects;
use ledger_domain::{
    Alert, AlertChange, AlertCommand, AlertFacts, AlertName, AlertReceiver, Alerts, Line, Position,
    WorkspaceName,
};
use ledger_store::Store;
use ledger_store::tables::streams;
use parking_lot::RwLock;
use tokio::sync::watch;

pub use reader::{AlertReader, AlertScan, ReplayedLetters};
pub use states::{AlertCounts, AlertState, AlertStore, AlertWrites};
pub(crate) use states::{
    AlertStates, AlertTotals, SharedWrites, put_sent_up_to, put_writes, sent_up_to,
};

use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};
use crate::history;
use crate::writer::Work;

/// The actor of what the ledger itself does to alerts.
const ACTOR: &str = "system:alerts";

/// The alerts, as durable events left them.
#[derive(Debug)]
pub(crate) struct AlertDirectory {
    all: RwLock<Arc<AllAlerts>>,
    /// The position of the latest event about an alert.
    changed: watch::Sender<Position>,
}

/// The alerts of all workspaces and of the ledger as a whole at one moment.
#[derive(Clone, Debug, Default)]
pub struct AllAlerts(BTreeMap<WorkspaceName, Arc<Alerts>>);

impl AllAlerts {
    /// Returns the alerts of a workspace, or of the ledger by the name that stands for it.
    pub(crate) fn of(&self, place: &WorkspaceName) -> Arc<Alerts> {
        self.0.get(place).cloned().unwrap_or_default()
    }

    pub(crate) fn put(&mut self, place: &WorkspaceName, alerts: Arc<Alerts>) {
        self.0.insert(place.clone(), alerts);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.values().map(|alerts| alerts.all.len()).sum()
    }

    /// Iterates over every alert, with its workspace, or the name that stands for the ledger.
    pub fn each(&self) -> impl Iterator<Item = (&WorkspaceName, &AlertName, &Alert)> {
        self.0.iter().flat_map(|(place, alerts)| {
            alerts.all.iter().map(move |(name, alert)| (place, name, alert))
        })
    }
}

impl AlertDirectory {
    /// Folds the streams of all alerts.
    pub(crate) fn load(store: &Store) -> Result<Self, Fault> {
        let mut folded: BTreeMap<WorkspaceName, Alerts> = BTreeMap::new();
        let mut latest = Position::ZERO;
        for position in streams::all_alerts(store) {
            let Record { metadata, happened } = history::record(store, position?)?;
            let (StreamId::Alerts(place), Happened::Alert(event)) = (&metadata.stream, happened)
            else {
                return Err(Fault::bug("an alert was recorded as something else"));
            };
            latest = latest.max(metadata.position);
            folded.entry(place.clone()).or_default().evolve(
                event,
                AlertFacts {
                    version: metadata.version,
                    position: metadata.position,
                    by: metadata.actor,
                    at: metadata.recorded_at,
                },
            );
        }
        let all = folded.into_iter().map(|(place, alerts)| (place, Arc::new(alerts)));
        let all = AllAlerts(all.collect());
        Ok(Self { all: RwLock::new(Arc::new(all)), changed: watch::Sender::new(latest) })
    }

    /// Returns the alerts as they are now.
    pub(crate) fn now(&self) -> Arc<AllAlerts> {
        Arc::clone(&self.all.read())
    }

    /// Takes over the alerts of a workspace or of the ledger after a durable event.
    pub(crate) fn put(&self, place: &WorkspaceName, alerts: &Arc<Alerts>, position: Position) {
        Arc::make_mut(&mut *self.all.write()).put(place, Arc::clone(alerts));
        self.changed.send_replace(position);
    }
}

impl Engine {
    /// Returns every alert as it is now.
    pub fn alerts(&self) -> Arc<AllAlerts> {
        self.shared.alerts.now()
    }

    /// Returns a channel with the position of the latest event about an alert, which the alerts
    /// that [`Self::alerts`] returns include.
    pub fn subscribe_alerts(&self) -> watch::Receiver<Position> {
        self.shared.alerts.changed.subscribe()
    }

    /// Disables an alert, because the receiver at its URL does not want its messages any more.
    /// Blocks.
    pub fn disable_alert(
        &self,
        place: &WorkspaceName,
        name: &AlertName,
        receiver: AlertReceiver,
        because: Line,
    ) -> Result<(), ExecuteError> {
        let change = AlertChange::Disable { receiver, because };
        let work = Work::Alert(AlertCommand { name: name.clone(), change });
        self.do_own(Caller::system(ACTOR), place.clone(), work)
    }
}

/// Returns whether a place is the ledger as a whole.
pub(crate) fn is_ledger(place: &WorkspaceName) -> bool {
    place.as_str() == subjects::LEDGER
}
