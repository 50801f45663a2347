//! How far the messages of each alert are: in memory, and in rows beside the log.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger_contract::alerts::{AlertProgress, DeadLetter, HeldEvent};
use ledger_contract::queries::{AlertDelivery, AlertsStatus};
use ledger_contract::time;
use ledger_domain::{Alert, Micros, Position};
use ledger_store::tables::alerts::{self, AlertRow};
use ledger_store::{Batch, Durability, Store};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::AllAlerts;
use crate::engine::Engine;
use crate::errors::{Fault, Unavailable};

/// How far the messages of one alert are.
#[derive(Clone, Debug)]
pub struct AlertState {
    /// Up to where its events were looked at.
    pub progress: AlertProgress,
    /// Events that were not taken yet, by position. Those of its stream that follow one wait for
    /// it.
    pub held: BTreeMap<Position, HeldEvent>,
    /// Events that are not sent any more, by position.
    pub letters: BTreeMap<Position, DeadLetter>,
}

/// Rows of one alert that are shared in one message of a cluster's log.
const SHARED_ROWS_MAX: usize = 500;

/// What was counted of one alert since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertCounts {
    /// Messages that were taken.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// When a message was taken last.
    pub delivered_at: Option<Micros>,
    /// Why the latest attempt failed, if it did.
    pub last_failure: Option<String>,
}

/// Changes to what is stored of an alert, for every node of a cluster.
#[derive(Debug)]
pub(crate) struct SharedWrites {
    /// The position that the alert is known by.
    pub(crate) alert: Position,
    /// The term to which they belong.
    pub(crate) term: u64,
    pub(crate) writes: AlertWrites,
}

/// Changes to what is stored of an alert.
#[derive(Debug, Default)]
pub struct AlertWrites {
    /// Up to where its events were looked at.
    pub progress: Option<AlertProgress>,
    /// Events that were not taken yet; none for those that do not wait any more.
    pub held: BTreeMap<Position, Option<HeldEvent>>,
    /// Dead letters; none for those that are no more.
    pub letters: BTreeMap<Position, Option<DeadLetter>>,
}

impl AlertWrites {
    /// Returns the number of rows that change.
    pub(crate) fn rows(&self) -> usize {
        usize::from(self.progress.is_some()) + self.held.len() + self.letters.len()
    }

    /// Divides the changes into ones of at most so many rows and one more. If the later ones are
    /// lost, something is sent again, and nothing is missed.
    fn divided(self, rows_max: usize) -> Vec<Self> {
        let Self { progress, held, letters } = self;
        let (mut parts, mut last) = (Vec::new(), Self::default());
        for (position, letter) in letters {
            if last.rows() >= rows_max {
                parts.push(std::mem::take(&mut last));
            }
            last.letters.insert(position, letter);
        }
        for (position, event) in held {
            if last.rows() >= rows_max {
                parts.push(std::mem::take(&mut last));
            }
            last.held.insert(position, event);
        }
        last.progress = progress;
        parts.push(last);
        parts
    }
}

impl AlertWrites {
    /// Returns whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.progress.is_none() && self.held.is_empty() && self.letters.is_empty()
    }
}

#[derive(Debug)]
struct Kept {
    state: AlertState,
    counts: AlertCounts,
}

/// The states of all alerts, by the position that an alert is known by.
#[derive(Debug, Default)]
pub(crate) struct AlertStates {
    of: Mutex<HashMap<Position, Arc<Mutex<Kept>>>>,
    /// Of all alerts, also of those that are no more.
    totals: AlertTotals,
}

/// What was counted of all alerts since the start.
#[derive(Debug, Default)]
pub(crate) struct AlertTotals {
    pub(crate) delivered: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl AlertStates {
    /// Loads what is stored, up to the end of the log. Rows of alerts that are no more are removed:
    /// a restored ledger may have other events at their positions.
    pub(crate) fn load(store: &Store, known: &AllAlerts, head: Position) -> Result<Self, Fault> {
        let known: HashSet<_> = known.each().map(|(_, _, alert)| alert.id).collect();
        let mut loaded: HashMap<Position, AlertState> = HashMap::new();
        let mut removed = Batch::new();
        for row in alerts::all(store) {
            let (alert, row, value) = row?;
            let beyond = matches!(row, AlertRow::Held(at) | AlertRow::Dead(at) if at > head);
            if !known.contains(&alert) || beyond {
                alerts::delete(&mut removed, store, alert, row);
                continue;
            }
            let state = loaded.entry(alert).or_insert_with(|| AlertState::new(alert));
            match row {
                AlertRow::Progress => state.progress = decode(alert, &value)?,
                AlertRow::Held(at) => drop(state.held.insert(at, decode(alert, &value)?)),
                AlertRow::Dead(at) => drop(state.letters.insert(at, decode(alert, &value)?)),
            }
            state.progress.after = state.progress.after.min(head);
        }
        if !removed.is_empty() {
            store.commit(removed, Durability::Buffered)?;
        }
        let kept = |state| Arc::new(Mutex::new(Kept { state, counts: AlertCounts::default() }));
        let loaded = loaded.into_iter().map(|(alert, state)| (alert, kept(state)));
        Ok(Self { of: Mutex::new(loaded.collect()), totals: AlertTotals::default() })
    }

    fn of(&self, alert: Position) -> Arc<Mutex<Kept>> {
        let new = || Kept { state: AlertState::new(alert), counts: AlertCounts::default() };
        let mut all = self.of.lock();
        Arc::clone(all.entry(alert).or_insert_with(|| Arc::new(Mutex::new(new()))))
    }

    /// Returns how far the messages of an alert are, as it is shown.
    pub(crate) fn delivery(&self, alert: &Alert, head: Position) -> AlertDelivery {
        let kept = self.of(alert.id);
        let kept = kept.lock();
        let Kept { state, counts } = &*kept;
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let down = state.progress.down.as_ref();
        let next_held = state.held.values().map(|held| held.next).min();
        AlertDelivery {
            after: state.progress.after.get(),
            behind: head.get().saturating_sub(state.progress.after.get()),
            waiting: count(state.held.len()),
            dead_letters: count(state.letters.len()),
            dead_letters_dropped: state.progress.letters_dropped,
            delivered: counts.delivered,
            failed: counts.failed,
            delivered_at: counts.delivered_at.map(time::format),
            last_failure: down
                .map(|down| down.because.clone())
                .or_else(|| counts.last_failure.clone()),
            down_since: down.map(|down| time::format(down.since)),
            next_attempt_at: down.map(|down| down.next).or(next_held).map(time::format),
        }
    }

    /// Returns the dead letters of an alert, the oldest first, and how many made room.
    pub(crate) fn letters(&self, alert: Position) -> (BTreeMap<Position, DeadLetter>, u64) {
        let kept = self.of(alert);
        let kept = kept.lock();
        (kept.state.letters.clone(), kept.state.progress.letters_dropped)
    }

    /// Takes over what is stored.
    pub(crate) fn take(&self, alert: Position, writes: AlertWrites) {
        self.of(alert).lock().state.take(writes);
    }

    fn has(&self, alert: Position, kept: &Arc<Mutex<Kept>>) -> bool {
        self.of.lock().get(&alert).is_some_and(|now| Arc::ptr_eq(now, kept))
    }

    /// Returns what was counted of all alerts since the start.
    pub(crate) fn totals(&self) -> &AlertTotals {
        &self.totals
    }

    /// Returns the states of all alerts in a few numbers, if there is any.
    pub(crate) fn status(&self, alerts: &AllAlerts, head: Position) -> Option<AlertsStatus> {
        let mut status = AlertsStatus::default();
        for (_, _, alert) in alerts.each() {
            let AlertDelivery {
                behind, waiting, dead_letters, delivered, failed, down_since, ..
            } = self.delivery(alert, head);
            status.alerts += 1;
            status.disabled += u64::from(!alert.settings.enabled);
            status.down += u64::from(down_since.is_some());
            status.behind = status.behind.max(behind);
            status.waiting += waiting;
            status.dead_letters += dead_letters;
            status.delivered += delivered;
            status.failed += failed;
        }
        (status.alerts > 0).then_some(status)
    }

    /// Forgets the states of alerts that are no more, and returns which those were.
    fn retain(&self, known: &AllAlerts) -> Vec<(Position, Arc<Mutex<Kept>>)> {
        let known: HashSet<_> = known.each().map(|(_, _, alert)| alert.id).collect();
        self.of.lock().extract_if(|alert, _| !known.contains(alert)).collect()
    }
}

/// Returns, for each alert, the position after which its messages are sent again in a copy of the
/// ledger that ends at `end`, so that none of those that wait is lost.
pub(crate) fn sent_up_to(
    store: &Store,
    end: Position,
) -> Result<BTreeMap<Position, Position>, Fault> {
    let mut sent: BTreeMap<Position, Position> = BTreeMap::new();
    for row in alerts::all(store) {
        let (alert, row, value) = row?;
        let after = match row {
            AlertRow::Progress => decode::<AlertProgress>(alert, &value)?.after,
            AlertRow::Held(at) => Position::new(at.get().saturating_sub(1)),
            AlertRow::Dead(_) => continue,
        };
        let least = sent.entry(alert).or_insert(end);
        *least = after.min(*least);
    }
    Ok(sent.into_iter().filter(|(alert, _)| *alert <= end).collect())
}

/// Adds to `batch` that the messages of an alert are sent from after a position on.
pub(crate) fn put_sent_up_to(batch: &mut Batch, store: &Store, alert: Position, after: Position) {
    let progress = AlertProgress { after, ..AlertState::new(alert).progress };
    alerts::put(batch, store, alert, AlertRow::Progress, &encode(&progress));
}

impl AlertState {
    /// Nothing that was before an alert is told.
    fn new(alert: Position) -> Self {
        let progress = AlertProgress { after: alert, down: None, letters_dropped: 0, mail: None };
        Self { progress, held: BTreeMap::new(), letters: BTreeMap::new() }
    }

    fn take(&mut self, writes: AlertWrites) {
        if let Some(progress) = writes.progress {
            self.progress = progress;
        }
        take_over(&mut self.held, writes.held);
        take_over(&mut self.letters, writes.letters);
    }
}

fn take_over<T>(rows: &mut BTreeMap<Position, T>, writes: BTreeMap<Position, Option<T>>) {
    for (position, value) in writes {
        match value {
            Some(value) => drop(rows.insert(position, value)),
            None => drop(rows.remove(&position)),
        }
    }
}

fn decode<T: DeserializeOwned>(alert: Position, value: &[u8]) -> Result<T, Fault> {
    let of = || format!("how far the alert of position {alert} is");
    serde_json::from_slice(value).map_err(|source| Fault::Row { of: of(), source })
}

/// Keeps how far the messages of one alert are.
#[derive(Clone, Debug)]
pub struct AlertStore {
    engine: Engine,
    alert: Position,
    kept: Arc<Mutex<Kept>>,
    /// The term in which this began.
    term: u64,
}

impl Engine {
    /// Returns what keeps the state of an alert.
    pub fn alert_store(&self, alert: &Alert) -> AlertStore {
        // What another node stored before a term is there before the number of the term is.
        let term = self.term();
        let kept = self.shared.alert_states.of(alert.id);
        AlertStore { engine: self.clone(), alert: alert.id, kept, term }
    }

    /// Removes what is stored of alerts that are no more. Blocks.
    pub fn forget_removed_alerts(&self) -> Result<(), Fault> {
        let store = &self.shared.store;
        let mut batch = Batch::new();
        for (alert, kept) in self.shared.alert_states.retain(&self.alerts()) {
            let kept = kept.lock();
            let held = kept.state.held.keys().map(|at| AlertRow::Held(*at));
            let dead = kept.state.letters.keys().map(|at| AlertRow::Dead(*at));
            for row in held.chain(dead).chain([AlertRow::Progress]) {
                alerts::delete(&mut batch, store, alert, row);
            }
        }
        if batch.is_empty() || store.is_poisoned() {
            return Ok(());
        }
        store.commit(batch, Durability::Buffered).map_err(Fault::from)
    }
}

impl AlertStore {
    /// Returns the state.
    pub fn state(&self) -> AlertState {
        self.kept.lock().state.clone()
    }

    /// Returns up to where its events were looked at, as it is stored.
    pub fn progress(&self) -> AlertProgress {
        self.kept.lock().state.progress.clone()
    }

    /// Returns whether another node may have stored something since this began, so that nothing is
    /// stored here any more.
    pub fn is_outdated(&self) -> bool {
        self.engine.term() != self.term
    }

    /// Stores changes. They are not synced: what a power cut takes back is sent again. Blocks.
    pub fn put(&self, writes: AlertWrites) -> Result<(), Fault> {
        let store = &self.engine.shared.store;
        if store.is_poisoned() {
            return Ok(());
        }
        if self.engine.shared.log.is_set() {
            return self.share(writes);
        }
        let mut batch = Batch::new();
        put_writes(&mut batch, store, self.alert, &writes);
        // The lock is held, so that rows of a removed alert are not written after their removal.
        let mut kept = self.kept.lock();
        if self.engine.shared.alert_states.has(self.alert, &self.kept) {
            store.commit(batch, Durability::Buffered)?;
            kept.state.take(writes);
        }
        Ok(())
    }

    /// Stores changes for every node of a cluster.
    fn share(&self, writes: AlertWrites) -> Result<(), Fault> {
        for writes in writes.divided(SHARED_ROWS_MAX) {
            let shared = SharedWrites { alert: self.alert, term: self.term, writes };
            let stored = self.engine.put_alert_rows(shared);
            let stored =
                stored.and_then(|told| told.recv().unwrap_or(Err(Unavailable::ShuttingDown)));
            match stored {
                Ok(()) => {}
                // Who writes next begins with what was stored before, and sends the rest again.
                Err(
                    Unavailable::NotOwner(_) | Unavailable::ShuttingDown | Unavailable::Poisoned,
                ) => return Ok(()),
                Err(failed) => return Err(Fault::Unstored(failed)),
            }
        }
        Ok(())
    }

    /// Counts messages that were taken.
    pub fn note_delivered(&self, messages: u64) {
        let mut kept = self.kept.lock();
        kept.counts.delivered += messages;
        let totals = self.engine.shared.alert_states.totals();
        totals.delivered.fetch_add(messages, Ordering::Relaxed);
        kept.counts.delivered_at = Some(self.engine.clock().now());
        kept.counts.last_failure = None;
    }

    /// Counts an attempt that failed.
    pub fn note_failed(&self, because: &str) {
        let mut kept = self.kept.lock();
        kept.counts.failed += 1;
        self.engine.shared.alert_states.totals().failed.fetch_add(1, Ordering::Relaxed);
        kept.counts.last_failure = Some(because.to_owned());
    }
}

/// Adds changes to what is stored of an alert to `batch`.
pub(crate) fn put_writes(batch: &mut Batch, store: &Store, alert: Position, writes: &AlertWrites) {
    let mut put = |row, value: Option<Vec<u8>>| match value {
        Some(value) => alerts::put(batch, store, alert, row, &value),
        None => alerts::delete(batch, store, alert, row),
    };
    if let Some(progress) = &writes.progress {
        put(AlertRow::Progress, Some(encode(progress)));
    }
    for (position, held) in &writes.held {
        put(AlertRow::Held(*position), held.as_ref().map(encode));
    }
    for (position, letter) in &writes.letters {
        put(AlertRow::Dead(*position), letter.as_ref().map(encode));
    }
}

fn encode<T: Serialize>(row: &T) -> Vec<u8> {
    serde_json::to_vec(row).expect("a row has a JSON form")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_divided_and_the_progress_comes_last() {
        let position = |number: usize| Position::new(u64::try_from(number).unwrap());
        let after = position(9);
        let progress = AlertProgress { after, down: None, letters_dropped: 0, mail: None };
        let writes = AlertWrites {
            progress: Some(progress),
            held: (0..5).map(|number| (position(number), None)).collect(),
            letters: (0..4).map(|number| (position(number), None)).collect(),
        };
        let parts = writes.divided(3);
        let rows: Vec<_> = parts
            .iter()
            .map(|part| (part.letters.len(), part.held.len(), part.progress.is_some()))
            .collect();
        assert_eq!(rows, [(3, 0, false), (1, 2, false), (0, 3, true)]);
        let none = AlertWrites::default().divided(3);
        assert_eq!((none.len(), none[0].rows()), (1, 0));
    }
}
