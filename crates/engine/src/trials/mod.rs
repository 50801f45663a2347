//! Tests of connections: the provider's own request, sent with the connection's credentials.
//!
//! The catalogue says what is sent, and [`SendTest`] sends it: a request over HTTP, or the login to
//! a database. Two events record a test: a reveal,
//! which is durable before a secret is opened, and the result.

mod checked;
mod echoes;
mod proven;
pub(crate) mod reason;
mod reports;
mod running;
mod scheduled;

pub(crate) use echoes::Echoes;
pub(crate) use reason::harmless_words;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::records::{Happened, Record};
use ledger_contract::reply::TestReport;
use ledger_domain::connection::{Details, TestOutcome, TestResult, check_expected};
use ledger_domain::{
    CheckedText as _, Command, Connection, ConnectionId, Event, Expected, FieldName, Line,
    Position, Prose, RevealSecret, SecretRevealed, Version, WantedGeneration, WorkspaceName,
};
use ledger_providers::{Catalogue, Field, Login, Request, TestRequest, Trial, Untestable, as_text};
use zeroize::Zeroizing;

use crate::access::{Permit, connection_unknown};
use crate::destination::value;
use crate::engine::Engine;
use crate::errors::{ExecuteError, Fault};
use crate::execute::Outcome;
use crate::executed::Executed;
use crate::fingerprint::Fingerprint;
use crate::history;
use crate::request::RequestContext;
use crate::reveal::{RevealRequest, Texts, Values};

use proven::{Proven, Unproven};
use running::Running;
pub(crate) use running::Trials;
pub(crate) use scheduled::TESTS;
pub use scheduled::{Scheduled, TestSchedule, TestScheduleRule};

/// The reason of the reveal that a test begins with.
const REASON: &str = "to test the connection";
/// Where the request for that reveal comes from: the server itself, which alone sees the values.
const FROM: &str = "test";
/// The reason of a result of which nothing was sent.
const NOTHING_SENT: &str = "nothing was sent: the address is in a network that this server may not \
                            reach, or not without TLS (--allow-check-network)";

/// Sends the requests of tests, and those for tokens and models.
pub trait SendTest: fmt::Debug + Send + Sync {
    /// Sends a request, follows no redirect, and ends within a time that the implementation limits.
    /// Of the body, at most 16 KiB are read.
    fn send(&self, request: Request) -> Sending<'_>;

    /// Sends a request in the same way, and reads the whole body. More than 4 MiB are no answer.
    fn send_for_all(&self, request: Request) -> Sending<'_>;

    /// Logs in to a database, in the same time.
    fn log_in(&self, login: Login) -> LoggingIn<'_>;
}

/// What sending a request will lead to.
pub type Sending<'a> = Pin<Box<dyn Future<Output = SentTest> + Send + 'a>>;

/// What logging in will lead to.
pub type LoggingIn<'a> = Pin<Box<dyn Future<Output = SentLogin> + Send + 'a>>;

/// What came of the login of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentLogin {
    /// It was tried.
    Tried {
        /// What it says about the credentials.
        outcome: TestOutcome,
        /// What the database did, in a few words of this side.
        what: String,
    },
    /// The operator does not permit to reach the address; nothing was sent.
    NotPermitted,
}

/// What came of the request of a test.
pub enum SentTest {
    /// An answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The provider's name for the request.
        request_id: Option<String>,
        /// How long to wait before another one, as the provider said it.
        retry_after: Option<String>,
        /// The body, or its beginning.
        body: Zeroizing<Vec<u8>>,
    },
    /// No answer, and why: a few words of this side.
    Unanswered(String),
    /// The operator does not permit to reach the address; nothing was sent.
    NotPermitted,
}

impl fmt::Debug for SentTest {
    /// The provider may have repeated what it was sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status, .. } => write!(f, "Answered({status})"),
            Self::Unanswered(why) => write!(f, "Unanswered({why})"),
            Self::NotPermitted => f.write_str("NotPermitted"),
        }
    }
}

/// Why a connection is not tested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TestImpossible {
    /// There is no request for it.
    #[error("{0}")]
    Untestable(Untestable),
    /// The test of a change would take a value from elsewhere, which is looked up for what is
    /// stored only.
    #[error("{0} is a reference, which cannot be tested before it is stored; leave out the check")]
    Refers(FieldName),
    /// The test of a change would say nothing of a value that it brings.
    #[error("the test does not take {0}, so it cannot check it; leave out the check")]
    NotTaken(FieldName),
    /// Nothing here sends requests.
    #[error("this server sends no requests to providers")]
    NoSender,
}

impl From<Untestable> for ExecuteError {
    fn from(untestable: Untestable) -> Self {
        Self::TestImpossible(TestImpossible::Untestable(untestable))
    }
}

/// What a test needs, once it is known that it can be made.
struct Prepared {
    sender: Arc<dyn SendTest>,
    id: ConnectionId,
    fields: BTreeSet<FieldName>,
    _running: Running,
}

/// What is known of a test, or of a change that is to be tested, before anything is sent.
pub(crate) enum Begun<T> {
    /// It was made earlier, under the same command id.
    Done(Outcome),
    /// It is to be made.
    Starts(T),
}

impl Engine {
    /// Sends the requests of tests, and those for tokens, with this from now on. Tokens are asked
    /// for on the runtime that calls this.
    pub fn set_test_sender(&self, sender: Arc<dyn SendTest>) {
        self.shared.trials.set_sender(sender);
        self.shared.provider_tokens.run_here();
    }

    /// Tests a connection and records the result.
    pub(crate) async fn test(
        &self,
        workspace: WorkspaceName,
        command: ParsedCommand,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
    ) -> Result<Executed, ExecuteError> {
        let attempt = context.attempt(&workspace, &command);
        let begun = self.begin_test(&workspace, &command, fingerprint.as_ref(), &context);
        let begun = begun.inspect_err(|error| {
            self.refused(error.code(), &attempt);
        })?;
        let outcome = match begun {
            Begun::Done(outcome) => outcome,
            Begun::Starts(prepared) => {
                let engine = self.clone();
                let run =
                    async move { engine.run_test(workspace, prepared, fingerprint, context).await };
                // What was begun is recorded, even if the caller goes away meanwhile.
                let run = tokio::spawn(run).await;
                run.map_err(|_| Fault::bug("a test panicked"))??
            }
        };
        // The answer is what was recorded, for a repeat as well.
        let position = Position::new(outcome.receipt.position);
        let Record { happened, .. } = history::record(&self.shared.store, position)?;
        let Happened::Connection(Event::Tested { result, health }) = happened else {
            return Err(Fault::bug("a test was recorded as something else").into());
        };
        let test = Some(TestReport::of(&result, health));
        let Outcome { receipt, repeated, .. } = outcome;
        Ok(Executed { test, ..Executed::of(receipt, repeated) })
    }

    /// Checks whether the test can be made before anything is recorded.
    fn begin_test(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        fingerprint: Option<&Fingerprint>,
        context: &RequestContext,
    ) -> Result<Begun<Prepared>, ExecuteError> {
        let permit = match self.admit(workspace, command, fingerprint, context)? {
            Begun::Done(outcome) => return Ok(Begun::Done(outcome)),
            Begun::Starts(permit) => permit,
        };
        let ParsedCommand::Test { target, .. } = command else {
            return Err(ExecuteError::VerbUnknown);
        };
        let connection = self.to_be_tested(&permit, workspace, target, context)?;
        let fields = secret_fields(self.trial(&connection.details)?, &Fields::of(&connection))?;
        let (sender, id) = (self.sender()?, connection.id);
        let running = self.shared.trials.begin(id)?;
        Ok(Begun::Starts(Prepared { sender, id, fields, _running: running }))
    }

    /// Returns the permit of a command, unless it was answered earlier.
    pub(crate) fn admit(
        &self,
        workspace: &WorkspaceName,
        command: &ParsedCommand,
        fingerprint: Option<&Fingerprint>,
        context: &RequestContext,
    ) -> Result<Begun<Permit>, ExecuteError> {
        let mut caller = context.caller.clone();
        self.renew(&mut caller)?;
        let permit = Permit::of(caller, workspace, command)?;
        self.ready()?;
        if let Some(fingerprint) = fingerprint {
            let id = &context.provenance.command_id;
            if let Some(done) = self.answered(&permit, workspace, id, fingerprint)? {
                return Ok(Begun::Done(done));
            }
        }
        Ok(Begun::Starts(permit))
    }

    /// Returns a connection that is in a state to be tested, or to have its token refreshed, as the
    /// caller may.
    pub(crate) fn to_be_tested(
        &self,
        permit: &Permit,
        workspace: &WorkspaceName,
        target: &ConnectionRef,
        context: &RequestContext,
    ) -> Result<Connection, ExecuteError> {
        let unknown = || connection_unknown(workspace, Some(target));
        let id = self.find(permit, workspace, target)?;
        let row = self.shared.models.load().row(id)?;
        let row = row.filter(|row| row.connection.workspace == *workspace).ok_or_else(unknown)?;
        let connection = row.connection;
        permit.check_before(&connection)?;
        self.in_time(context.deadline)?;
        check_expected(connection.version, context.expected)?;
        connection.lifecycle.check_active()?;
        Ok(connection)
    }

    /// Returns what sends the requests of tests.
    fn sender(&self) -> Result<Arc<dyn SendTest>, ExecuteError> {
        let none = ExecuteError::TestImpossible(TestImpossible::NoSender);
        self.shared.trials.sender().ok_or(none)
    }

    /// Opens the secrets, sends the request and records what came of it.
    async fn run_test(
        &self,
        workspace: WorkspaceName,
        prepared: Prepared,
        fingerprint: Option<Fingerprint>,
        context: RequestContext,
    ) -> Result<Outcome, ExecuteError> {
        let Prepared { sender, id, fields, _running } = prepared;
        let target = ConnectionRef::Id(id);
        let command = ParsedCommand::Test { target: target.clone(), fields };
        let request =
            RevealRequest { workspace: workspace.clone(), command, context: context.clone() };
        let (result, tested) = self.try_out(&*sender, self.values(request, 0).await?).await?;
        tracing::info!(
            ledger.connection = %id,
            outcome = result.outcome.as_str(),
            status = result.status,
            latency_ms = result.latency_ms,
            "connection tested"
        );
        let record = Command::TestConnection { result: Box::new(result), tested };
        // It was made, so that it is recorded however long it took, and whatever was changed
        // meanwhile.
        let context = RequestContext { deadline: None, expected: Expected::Any, ..context };
        self.decide(workspace, ParsedCommand::change(target, record), fingerprint, context).await
    }

    /// Sends the request with values that are recorded as revealed. They are of the same version as
    /// the settings that say where they are sent.
    async fn try_out(
        &self,
        sender: &dyn SendTest,
        values: Values,
    ) -> Result<(TestResult, Version), ExecuteError> {
        let (connection, texts, keys) = values.into_texts()?;
        let (result, _) = self.send_test(sender, &connection.details, &texts).await?;
        // Sealing the ledger has waited until nothing in memory is a secret any more.
        drop(texts);
        drop(keys);
        Ok((result, connection.version))
    }

    /// Sends the request with these settings and secrets. Returns the result, and how long the
    /// provider asks to wait before the next.
    async fn send_test(
        &self,
        sender: &dyn SendTest,
        details: &Details,
        texts: &Texts,
    ) -> Result<(TestResult, Option<Duration>), ExecuteError> {
        let (result, wait) = self.send_uncounted(sender, details, texts).await?;
        let time = Duration::from_millis(result.latency_ms);
        self.shared.metrics.counters.test(result.outcome, time);
        Ok((result, wait))
    }

    async fn send_uncounted(
        &self,
        sender: &dyn SendTest,
        details: &Details,
        texts: &Texts,
    ) -> Result<(TestResult, Option<Duration>), ExecuteError> {
        let trial = self.trial(details)?;
        // The settings may be others than those of which it was asked what to reveal.
        secret_fields(trial, &Fields::revealed(details, texts))?;
        let request = trial.request(&|field| value_of(details, texts, field))?;
        let started = Instant::now();
        let latency = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut secrets: Vec<&str> = texts.values().map(|text| text.as_str()).collect();
        let proven = match request {
            TestRequest::Http(request) => self.send_proven(sender, request, &secrets).await,
            TestRequest::Login(login) => {
                let sent = sender.log_in(login).await;
                return Ok((login_result(sent, latency()), None));
            }
        };
        let latency_ms = latency();
        let Proven { sent, token } = match proven {
            Ok(proven) => proven,
            Err(Unproven { outcome, reason, wait }) => {
                return Ok((result_without_status(outcome, reason, latency_ms), wait));
            }
        };
        secrets.extend(token.as_ref().map(|token| token.as_str()));
        let wait = match &sent {
            SentTest::Answered { retry_after: Some(text), .. } => {
                reason::time_to_wait(text, self.clock().now())
            }
            _ => None,
        };
        Ok((result(trial, &sent, latency_ms, &secrets), wait))
    }

    /// Returns whether there is a request by which a connection can be tested as it is.
    pub(crate) fn can_be_tested(&self, connection: &Connection) -> bool {
        can_be_tested(&self.shared.catalogue, connection)
    }

    fn trial(&self, details: &Details) -> Result<Trial<'_>, ExecuteError> {
        Ok(trial(&self.shared.catalogue, details)?)
    }
}

fn trial<'c>(catalogue: &'c Catalogue, details: &Details) -> Result<Trial<'c>, Untestable> {
    let name = details.provider.as_str();
    let unknown = || Untestable::NoProbe(name.to_owned());
    catalogue.find(name).ok_or_else(unknown)?.trial()
}

fn can_be_tested(catalogue: &Catalogue, connection: &Connection) -> bool {
    let trial = trial(catalogue, &connection.details);
    trial.is_ok_and(|trial| secret_fields(trial, &Fields::of(connection)).is_ok())
}

/// Returns the command that reveals the fields of a test to the server itself.
pub(crate) fn reveal(fields: BTreeSet<FieldName>) -> RevealSecret {
    reveal_for(fields, REASON, FROM)
}

pub(crate) fn reveal_for(fields: BTreeSet<FieldName>, reason: &str, from: &str) -> RevealSecret {
    RevealSecret {
        fields,
        generation: WantedGeneration::Current,
        reason: Prose::stored(reason.into()),
        from: Some(Line::stored(from.into())),
        for_test: true,
    }
}

/// Returns whether values were revealed for a test, to nobody but the server and the provider.
pub(crate) fn is_of_test(revealed: &SecretRevealed) -> bool {
    revealed.from.as_ref().is_some_and(|from| from.as_str() == FROM)
}

/// Returns the result of a test, with nothing of its secrets in it.
fn result(trial: Trial<'_>, sent: &SentTest, latency_ms: u64, secrets: &[&str]) -> TestResult {
    let prose = |text: String| Prose::stored(text.into());
    match sent {
        SentTest::Answered { status, request_id, retry_after, body } => {
            let outcome = trial.outcome(*status, body);
            let reason = reason::of_answer(outcome, *status, retry_after.as_deref(), body, secrets);
            let request_id = request_id.as_deref();
            let request_id = request_id.filter(|id| reason::is_harmless_id(id, secrets));
            let request_id = request_id.map(|id| Line::stored(id.into()));
            let reason = prose(reason);
            TestResult { outcome, reason, latency_ms, status: Some(*status), request_id }
        }
        SentTest::Unanswered(why) => {
            let reason = format!("the provider gave no answer: {why}");
            result_without_status(TestOutcome::Unreachable, reason, latency_ms)
        }
        SentTest::NotPermitted => {
            let reason = NOTHING_SENT.to_owned();
            result_without_status(TestOutcome::Inconclusive, reason, latency_ms)
        }
    }
}

/// Returns the result of a test that no provider answered over HTTP.
fn result_without_status(outcome: TestOutcome, reason: String, latency_ms: u64) -> TestResult {
    let reason = Prose::stored(reason.into());
    TestResult { outcome, reason, latency_ms, status: None, request_id: None }
}

/// Returns the result of a login.
fn login_result(sent: SentLogin, latency_ms: u64) -> TestResult {
    let (outcome, reason) = match sent {
        SentLogin::Tried { outcome, what } => (outcome, format!("the database {what}")),
        SentLogin::NotPermitted => (TestOutcome::Inconclusive, NOTHING_SENT.to_owned()),
    };
    result_without_status(outcome, reason, latency_ms)
}

/// What a connection has, or will have.
pub(crate) struct Fields<'c> {
    details: &'c Details,
    secrets: BTreeSet<&'c FieldName>,
}

impl<'c> Fields<'c> {
    pub(crate) fn of(connection: &'c Connection) -> Self {
        Self { details: &connection.details, secrets: connection.secrets.keys().collect() }
    }

    /// Returns those of a connection whose secrets are these.
    pub(crate) fn revealed(details: &'c Details, texts: &'c Texts) -> Self {
        Self { details, secrets: texts.keys().collect() }
    }

    fn secret(&self, field: &Field) -> Option<&'c FieldName> {
        self.secrets.iter().copied().find(|name| field.is_called(name.as_str()))
    }
}

/// Returns the secret fields of a connection that a request takes.
pub(crate) fn secret_fields(
    trial: Trial<'_>,
    connection: &Fields<'_>,
) -> Result<BTreeSet<FieldName>, Untestable> {
    let mut set = connection.details.config.keys().chain(connection.secrets.iter().copied());
    if let Some(name) = set.find(|name| trial.is_diverted_by(name.as_str())) {
        return Err(Untestable::Diverted(name.as_str().to_owned()));
    }
    // The request would be sent with a default in its place.
    if let Some(field) = trial.settings().find(|field| connection.secret(field).is_some()) {
        return Err(Untestable::Diverted(field.name.clone()));
    }
    let has = |field: &Field| {
        connection.secret(field).is_some() || setting(connection.details, field).is_some()
    };
    let fields = trial.secrets(&has)?;
    let secrets = fields.into_iter().map(|field| {
        let secret = connection.secret(field);
        secret.cloned().ok_or_else(|| Untestable::Lacks(field.name.clone()))
    });
    secrets.collect()
}

fn setting(details: &Details, field: &Field) -> Option<String> {
    let stored = details.config.iter().find(|(name, _)| field.is_called(name.as_str()))?.1;
    as_text(&value(Some(stored)))
}

/// Returns the value of a field, opened or set.
pub(crate) fn value_of(
    details: &Details,
    texts: &Texts,
    field: &Field,
) -> Option<Zeroizing<String>> {
    let opened = texts.iter().find(|(name, _)| field.is_called(name.as_str()));
    let opened = opened.map(|(_, text)| text.clone());
    opened.or_else(|| setting(details, field).map(Zeroizing::new))
}
