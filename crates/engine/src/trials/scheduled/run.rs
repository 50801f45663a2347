//! One test of the schedule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ledger_contract::headers::Headers;
use ledger_contract::records::{Happened, Via};
use ledger_domain::connection::{Details, TestOutcome, TestResult};
use ledger_domain::{
    ACCESS_TOKEN, CheckedText as _, Command, Connection, ConnectionId, FieldName, Generation, Line,
    Micros, Prose,
};
use ledger_vault::Disclosure;

use super::super::{FROM, Fields, reveal_for, secret_fields};
use super::{DAY_MICROS, Known};
use crate::access::Caller;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault, chain};
use crate::history;
use crate::journal::Attempt;
use crate::master_keys::KeyUse;
use crate::references::ReadBy;
use crate::reveal::{Recorded, Texts};
use crate::writer::Work;

/// The actor of the events.
const ACTOR: &str = "system:tests";
/// The reason of the reveal that covers the tests of a day.
const REASON: &str = "to test the connection for a day, by the server itself";
/// The longest that a provider is let be because it asks to wait.
const WAIT_MAX: Duration = Duration::from_hours(24);

/// The values of a test, and the connection that has them.
type Opened = (Arc<Connection>, Texts, KeyUse);

/// Tests a connection, and records the result if it is news.
pub(in super::super) async fn test(engine: &Engine, connection: Connection) {
    let scheduled = &engine.shared.trials.scheduled;
    let id = connection.id;
    match engine.test_by_schedule(connection).await {
        Ok(Some(wait)) => {
            let until = engine.clock().now().get().saturating_add(micros(wait));
            scheduled.agenda.not_before(id, Micros::new(until));
        }
        Ok(None) => {}
        Err(error) => {
            scheduled.not_made.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(
                error = %chain(&error), ledger.connection.id = %id, "a test was not made"
            );
        }
    }
}

impl Engine {
    /// Returns how long the provider asks to wait, if it does.
    async fn test_by_schedule(
        &self,
        connection: Connection,
    ) -> Result<Option<Duration>, ExecuteError> {
        let sender = self.sender()?;
        let fields = {
            let trial = self.trial(&connection.details)?;
            secret_fields(trial, &Fields::of(&connection))?
        };
        let connection = if fields.iter().any(|field| field.as_str() == ACCESS_TOKEN) {
            let context = self.context(Caller::system(ACTOR), Via::System, Headers::default());
            self.freshened(connection, &context).await?
        } else {
            connection
        };
        let (connection, texts, keys) = self.open_for_day(connection, fields).await?;
        let (result, wait) = self.send_test(&*sender, &connection.details, &texts).await?;
        // Sealing the ledger has waited until nothing in memory is a secret any more.
        drop(texts);
        drop(keys);
        let outcome = result.outcome;
        self.shared.trials.scheduled.count(outcome);
        let is_news = self.is_news(&connection, &result);
        if is_news {
            self.record_scheduled(&connection, result).await?;
        }
        self.note_outcome(connection.id, outcome, is_news);
        Ok(wait.map(|wait| wait.min(WAIT_MAX)))
    }

    /// Opens the values of a test. The reveal of an earlier one covers them for a day, unless they
    /// or what decides where they are sent have changed since.
    async fn open_for_day(
        &self,
        connection: Connection,
        fields: BTreeSet<FieldName>,
    ) -> Result<Opened, ExecuteError> {
        let scheduled = &self.shared.trials.scheduled;
        let current = |field: &FieldName| {
            let generation = connection.secrets.get(field).map(|secret| secret.generation);
            Some((field.clone(), generation?))
        };
        let generations: BTreeMap<_, _> = fields.iter().filter_map(current).collect();
        let known = scheduled.known.lock().get(&connection.id).cloned();
        let now = self.clock().now();
        let covers = |known: &Known| {
            let age = now.get().saturating_sub(known.revealed_at.get());
            known.sent_to == sent_to(&connection.details)
                && known.generations == generations
                && (0..DAY_MICROS).contains(&age)
        };
        match known.filter(covers) {
            Some(known) => self.open_again(connection, &generations, &known).await,
            None => self.reveal_for_day(&connection, fields).await,
        }
    }

    async fn open_again(
        &self,
        connection: Connection,
        generations: &BTreeMap<FieldName, Generation>,
        known: &Known,
    ) -> Result<Opened, ExecuteError> {
        // Only the owner of the ledger's name tests.
        self.ready()?;
        let keys = self.shared.master_keys.enter()?;
        let context = self.context(Caller::system(ACTOR), Via::System, Headers::default());
        let recorded = Disclosure::recorded(known.reveal);
        let (reason, from) = (Prose::stored(REASON.into()), Line::stored(FROM.into()));
        let by = ReadBy {
            context: &context,
            keys: &keys,
            recorded: &recorded,
            reason: &reason,
            from: Some(&from),
            depth: 0,
        };
        let secrets = self.open_recorded(&connection, generations, &by).await?;
        Ok((Arc::new(connection), crate::reveal::texts(secrets, &recorded)?, keys))
    }

    async fn reveal_for_day(
        &self,
        connection: &Connection,
        fields: BTreeSet<FieldName>,
    ) -> Result<Opened, ExecuteError> {
        let caller = Caller::system(ACTOR);
        let context = self.context(caller.clone(), Via::System, Headers::default());
        let (id, workspace) = (connection.id, connection.workspace.clone());
        let attempt = Attempt::new(Via::System, "test-connection");
        let keys = self.shared.master_keys.enter()?;
        let work = Work::Reveal { id, command: reveal_for(fields, REASON, FROM) };
        let outcome = self.own_work(caller, workspace, work).await?;
        let position = ledger_domain::Position::new(outcome.receipt.position);
        let record = history::record(&self.shared.store, position)?;
        let Happened::Revealed(revealed) = &record.happened else {
            return Err(Fault::bug("a reveal was recorded as something else").into());
        };
        let known = Known {
            reveal: record.metadata.event_id,
            generations: revealed.generations.clone(),
            sent_to: sent_to(&outcome.seen.as_deref().unwrap_or(connection).details),
            revealed_at: record.metadata.recorded_at,
            outcome: None,
            recorded_at: record.metadata.recorded_at,
        };
        let all = &self.shared.trials.scheduled.known;
        let before = all.lock().insert(id, known);
        if let (Some(before), Some(known)) = (before, all.lock().get_mut(&id)) {
            (known.outcome, known.recorded_at) = (before.outcome, before.recorded_at);
        }
        let recorded = Recorded { context, attempt, keys, outcome, record };
        Ok(self.recorded_values(recorded, 0).await?.into_texts()?)
    }

    /// Returns whether a result tells something that is not known, or is the one of a day.
    fn is_news(&self, connection: &Connection, result: &TestResult) -> bool {
        let all = self.shared.trials.scheduled.known.lock();
        let Some(known) = all.get(&connection.id) else { return true };
        let is_due = self.clock().now().get().saturating_sub(known.recorded_at.get()) >= DAY_MICROS;
        let is_other = known.outcome.is_some_and(|before| before != result.outcome);
        let health = result.outcome.health();
        let is_told = health.map_or(known.outcome.is_some(), |now| now == connection.health.state);
        is_due || is_other || !is_told
    }

    /// Takes over the outcome of a test, once it is recorded or known to be no news.
    fn note_outcome(&self, id: ConnectionId, outcome: TestOutcome, is_recorded: bool) {
        let mut all = self.shared.trials.scheduled.known.lock();
        let Some(known) = all.get_mut(&id) else { return };
        known.outcome = Some(outcome);
        if is_recorded {
            known.recorded_at = self.clock().now();
        }
    }

    async fn record_scheduled(
        &self,
        connection: &Connection,
        result: TestResult,
    ) -> Result<(), ExecuteError> {
        tracing::info!(
            ledger.connection = %connection.id,
            outcome = result.outcome.as_str(),
            status = result.status,
            latency_ms = result.latency_ms,
            "connection tested by schedule"
        );
        let (id, tested) = (connection.id, connection.version);
        let command = Command::TestConnection { result: Box::new(result), tested };
        let work = Work::Connection { id, command: Box::new(command), new_key: None };
        let workspace = connection.workspace.clone();
        self.own_work(Caller::system(ACTOR), workspace, work).await.map(drop)
    }
}

/// Returns a digest of what decides where values are sent, and how.
fn sent_to(details: &Details) -> blake3::Hash {
    let Details { provider, provider_version, auth_method, config, .. } = details;
    // Only compared within this process.
    blake3::hash(format!("{:?}", (provider, provider_version, auth_method, config)).as_bytes())
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
