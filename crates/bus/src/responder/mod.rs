//! Answers commands, queries and operations as a NATS micro service.
//!
//! The loop of each subscription asks whether the sender's rate permits another message, acquires a
//! permit and hands each message to its own task. Otherwise it answers at once, so that no message
//! waits unseen and what is refused costs little.

mod command;
mod counters;
mod crashed;
mod fresh;
mod headers;
mod incoming;
mod operation;
mod query;
mod reply;
mod reveal;
mod sealed;
mod senders;
mod subject;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Service, ServiceExt};
use async_nats::{Client, Message};
use futures::StreamExt;
use ledger_contract::commands::{ConnectionRef, Verb};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::OPERATIONS;
use ledger_contract::queries::QueryName;
use ledger_contract::records::Via;
use ledger_contract::subjects::Subjects;
use ledger_engine::{
    AdmissionLimits, Attempt, Caller, Engine, MESSAGE_BYTES_MAX, Shares, log_fault,
};
use ledger_guard::Limited;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval, timeout_at};
use tracing::{debug, warn};

use crate::BusOptions;
use crate::connect::unreachable;
use crate::lease::Listening;
use counters::Counters;
pub use fresh::Freshness;
use incoming::Incoming;
use reply::Reply;
use senders::Admitted;

pub(crate) use senders::Senders;

/// How long subscriptions may take to end before they are aborted.
const UNSUBSCRIBE_PATIENCE: Duration = Duration::from_millis(500);

/// Interval at which the memory of absent senders is freed.
const SHRINK_INTERVAL: Duration = Duration::from_secs(30);

/// The running service.
#[derive(Debug)]
pub(crate) struct Responder {
    service: Service,
    service_endpoints: Vec<Arc<ServiceEndpoint>>,
    loops: Vec<JoinHandle<()>>,
    shrinking: JoinHandle<()>,
}

/// State shared by all handlers.
#[derive(Debug)]
struct ServiceState {
    engine: Engine,
    client: Client,
    prefix: String,
    freshness: Freshness,
    senders: Arc<Senders>,
    /// Whether requests in the clear are rejected.
    sealed_only: bool,
}

/// An endpoint: its kind of request, its limit, and its refusals.
#[derive(Debug)]
struct ServiceEndpoint {
    kind: RequestKind,
    in_flight: Arc<Semaphore>,
    in_flight_max: usize,
    /// The same places by caller, taken once the caller is known.
    shares: Arc<Shares>,
    counters: Counters,
    busy: Reply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RequestKind {
    Command,
    Query,
    Operation,
    Reveal,
}

impl RequestKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Command => "commands",
            Self::Query => "queries",
            Self::Operation => "operations",
            Self::Reveal => "reveals",
        }
    }
}

impl Responder {
    /// Registers the service and starts to answer these requests. While NATS is down, the
    /// subscriptions wait for the connection.
    pub(crate) async fn start(
        engine: Engine,
        options: &BusOptions,
        listening: Listening,
        senders: Arc<Senders>,
    ) -> Result<Self, Problem> {
        let BusOptions { connection, subjects, limits, .. } = options;
        let client = &connection.client;
        let (service_endpoints, wheres) = endpoints(subjects, limits, listening);
        let service =
            register(client, subjects, &service_endpoints).await.map_err(|error| failed(&error))?;
        let state = Arc::new(ServiceState {
            freshness: Freshness::new(engine.clock().now(), limits.sealed_requests_max),
            engine,
            client: client.clone(),
            prefix: subjects.prefix().to_owned(),
            senders: Arc::clone(&senders),
            sealed_only: options.sealed_only,
        });
        let mut loops = Vec::new();
        for (service_endpoint, subject) in service_endpoints.iter().zip(wheres) {
            let endpoint =
                service.endpoint_builder().name(service_endpoint.kind.name()).add(subject).await;
            let endpoint = endpoint.map_err(|error| failed(&error))?;
            loops.push(tokio::spawn(take_in(
                endpoint,
                Arc::clone(service_endpoint),
                Arc::clone(&state),
            )));
        }
        let shrinking = tokio::spawn(keep_small(senders));
        Ok(Self { service, service_endpoints, loops, shrinking })
    }

    /// Stops accepting messages and waits until `deadline` for those in progress.
    pub(crate) async fn stop(self, deadline: Instant) {
        if let Err(error) = self.service.stop().await {
            debug!(%error, "service did not stop cleanly");
        }
        self.shrinking.abort();
        let cut_off = deadline.min(Instant::now() + UNSUBSCRIBE_PATIENCE);
        for mut running in self.loops {
            // While NATS is disconnected, a subscription cannot end by itself.
            if timeout_at(cut_off, &mut running).await.is_err() {
                running.abort();
            }
        }
        for service_endpoint in &self.service_endpoints {
            let all = u32::try_from(service_endpoint.in_flight_max).unwrap_or(u32::MAX);
            if timeout_at(deadline, service_endpoint.in_flight.acquire_many(all)).await.is_err() {
                warn!(
                    nats.endpoint = service_endpoint.kind.name(),
                    "stopped before all requests were completed"
                );
            }
        }
    }
}

/// Returns the endpoints for these requests, and the subject of each.
fn endpoints(
    subjects: &Subjects,
    limits: &AdmissionLimits,
    listening: Listening,
) -> (Vec<Arc<ServiceEndpoint>>, Vec<String>) {
    let endpoint = |kind, most, share| Arc::new(ServiceEndpoint::new(kind, most, share));
    let queries = endpoint(RequestKind::Query, limits.queries_max, limits.queries_per_caller_max);
    if listening != Listening::Everything {
        return (vec![queries], vec![subjects.query("*", QueryName::Status.as_str())]);
    }
    let (most, share) = (limits.commands_max, limits.commands_per_caller_max);
    let all = [
        (endpoint(RequestKind::Command, most, share), subjects.all_commands()),
        (queries, subjects.all_queries()),
        (
            endpoint(RequestKind::Operation, limits.operations_max, limits.operations_max),
            subjects.all_operations(),
        ),
        (endpoint(RequestKind::Reveal, most, share), subjects.all_reveals()),
    ];
    all.into_iter().unzip()
}

async fn keep_small(senders: Arc<Senders>) {
    let mut ticks = interval(SHRINK_INTERVAL);
    loop {
        ticks.tick().await;
        senders.shrink();
    }
}

fn failed(error: &async_nats::Error) -> Problem {
    unreachable(format!("the NATS service cannot be started: {error}"))
}

async fn register(
    client: &Client,
    subjects: &Subjects,
    service_endpoints: &[Arc<ServiceEndpoint>],
) -> Result<Service, async_nats::Error> {
    let metadata = HashMap::from([
        ("prefix".to_owned(), subjects.prefix().to_owned()),
        ("verbs".to_owned(), verbs().join(",")),
        ("queries".to_owned(), QueryName::names().collect::<Vec<_>>().join(",")),
        ("operations".to_owned(), OPERATIONS.join(",")),
        ("events".to_owned(), subjects.stream_name()),
        ("bucket".to_owned(), subjects.bucket_name()),
    ]);
    let service_endpoints = service_endpoints.to_vec();
    client
        .service_builder()
        .description("event-sourced store of connections: commands, queries, operations")
        .metadata(metadata)
        .stats_handler(move |endpoint, _| {
            let service_endpoint = service_endpoints
                .iter()
                .find(|service_endpoint| service_endpoint.kind.name() == endpoint);
            service_endpoint
                .map(|service_endpoint| service_endpoint.counters.snapshot())
                .unwrap_or_default()
        })
        .start("connection-ledger", env!("CARGO_PKG_VERSION"))
        .await
}

/// Returns the verbs that the command endpoint accepts.
fn verbs() -> Vec<&'static str> {
    let sent_there = |verb: &&Verb| !verb.spec().answer.has_secrets();
    Verb::ALL.iter().filter(sent_there).map(|verb| verb.as_str()).collect()
}

/// Runs the loop of one subscription.
async fn take_in(
    mut endpoint: Endpoint,
    service_endpoint: Arc<ServiceEndpoint>,
    state: Arc<ServiceState>,
) {
    while let Some(request) = endpoint.next().await {
        if has_forbidden_reply_subject(&request.message, &state.prefix) {
            debug!(
                nats.endpoint = service_endpoint.kind.name(),
                "dropping a request whose reply subject is not an inbox"
            );
            continue;
        }
        let admitted = match state.senders.admit(&request.message) {
            Ok(admitted) => admitted,
            Err(limited) => {
                let problem = state.limited(service_endpoint.kind, &request.message, limited);
                service_endpoint.refuse(&problem).send(&request, &state.client).await;
                continue;
            }
        };
        if let Ok(permit) = Arc::clone(&service_endpoint.in_flight).try_acquire_owned() {
            let (service_endpoint, state) = (Arc::clone(&service_endpoint), Arc::clone(&state));
            tokio::spawn(async move {
                let answer = state.answer(&service_endpoint, &request.message, &admitted);
                let reply = crashed::caught(answer).await;
                let reply = reply.unwrap_or_else(|crash| service_endpoint.refuse(&crash));
                reply.send(&request, &state.client).await;
                drop(permit);
            });
        } else {
            service_endpoint.counters.count(Code::Busy);
            state.engine.count_refusal(Code::Busy);
            service_endpoint.busy.clone().send(&request, &state.client).await;
        }
    }
}

/// Returns whether the reply subject belongs to the event stream, the ledger or the server. The
/// sender may have no right to publish there, but the ledger has.
fn has_forbidden_reply_subject(message: &async_nats::Message, prefix: &str) -> bool {
    let Some(reply) = message.reply.as_deref() else {
        return false;
    };
    let ours = reply.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
    ours || reply.starts_with('$')
}

impl ServiceEndpoint {
    fn new(kind: RequestKind, in_flight_max: usize, share: usize) -> Self {
        let in_flight_max = in_flight_max.max(1);
        Self {
            kind,
            in_flight: Arc::new(Semaphore::new(in_flight_max)),
            in_flight_max,
            shares: Shares::new(in_flight_max, share),
            counters: Counters::new(),
            busy: Reply::problem(&Problem::new(Code::Busy)),
        }
    }

    fn refuse(&self, problem: &Problem) -> Reply {
        log_fault(problem);
        self.counters.count(problem.code);
        Reply::problem(problem)
    }
}

impl ServiceState {
    /// Returns the refusal of a message whose sender has sent too much, and records it.
    fn limited(&self, kind: RequestKind, message: &Message, limited: Limited) -> Problem {
        let mut attempt = self.attempt(kind, &message.subject);
        let credential = headers::authorization(message.headers.as_ref()).unwrap_or_default();
        attempt.claims(&self.engine.claim(credential));
        let problem = Problem::from(limited);
        self.engine.refused(problem.code, &attempt);
        problem
    }

    async fn answer(
        &self,
        service_endpoint: &ServiceEndpoint,
        message: &Message,
        admitted: &Admitted,
    ) -> Reply {
        let attempt = Mutex::new(self.attempt(service_endpoint.kind, &message.subject));
        match self.counted(&attempt, self.open(message)) {
            Ok(opened) => {
                let (place, shares) = (Mutex::default(), &service_endpoint.shares);
                let opened = opened.as_ref();
                let (attempt, place) = (&attempt, &place);
                let incoming = Incoming { message, opened, attempt, shares, place, admitted };
                self.seal_like(self.work(service_endpoint, incoming).await, incoming)
            }
            Err(problem) => service_endpoint.refuse(&problem),
        }
    }

    async fn work(&self, service_endpoint: &ServiceEndpoint, incoming: Incoming<'_>) -> Reply {
        let answered = match service_endpoint.kind {
            RequestKind::Command => self.command(incoming).await,
            RequestKind::Query => self.query(incoming).await,
            RequestKind::Operation => self.operation(incoming).await,
            RequestKind::Reveal => self.reveal(incoming).await,
        };
        answered.unwrap_or_else(|problem| service_endpoint.refuse(&problem))
    }

    /// Authenticates the caller before anything else, then checks the seal and the size of the
    /// message.
    fn admit(&self, incoming: Incoming<'_>) -> Result<Caller, Problem> {
        if self.sealed_only && incoming.opened.is_none() {
            return Err(Problem::new(Code::SealedRequired));
        }
        let authorization = incoming.authorization()?;
        let caller = match self.engine.authenticate(authorization) {
            Ok(caller) => caller.through(Via::Nats, None),
            Err(error) => {
                self.senders.refused(incoming.admitted, error)?;
                incoming.attempt.lock().claims(&self.engine.claim(authorization));
                return Err(error.into());
            }
        };
        incoming.attempt.lock().by(&caller);
        *incoming.place.lock() = Some(incoming.shares.take(&caller)?);
        if let Some(opened) = incoming.opened {
            self.check_sealed(incoming.message, opened)?;
        }
        self.senders.accepted(incoming.admitted, &caller)?;
        if incoming.message.payload.len() > MESSAGE_BYTES_MAX {
            return Err(Problem::new(Code::MessageTooLarge));
        }
        Ok(caller)
    }

    /// Counts a refusal by this crate in the ledger's status, and records it if it matters. The
    /// engine counts and records its own.
    fn counted<T, E: Into<Problem>>(
        &self,
        attempt: &Mutex<Attempt>,
        result: Result<T, E>,
    ) -> Result<T, Problem> {
        let refused = |problem: &Problem| self.engine.refused(problem.code, &attempt.lock());
        result.map_err(Into::into).inspect_err(refused)
    }

    /// Returns what the subject of a request tells.
    fn attempt(&self, kind: RequestKind, subject: &str) -> Attempt {
        let begin = |operation| Attempt::new(Via::Nats, operation);
        let prefix = &self.prefix;
        let known = match kind {
            RequestKind::Command => subject::command(prefix, subject)
                .map(|to| begin(to.verb.as_str()).in_workspace(Some(to.workspace))),
            RequestKind::Query => subject::query(prefix, subject)
                .map(|to| begin(to.query.as_str()).in_workspace(to.workspace.name().cloned())),
            RequestKind::Operation => subject::operation(prefix, subject).map(begin_operation),
            RequestKind::Reveal => subject::reveal(prefix, subject).map(|to| {
                let parse = |name| ConnectionRef::parse("connection", name).ok();
                let target = to.connection.and_then(parse);
                let attempt = begin(to.verb.as_str()).in_workspace(Some(to.workspace));
                attempt.on_connection(target.as_ref())
            }),
        };
        known.unwrap_or_else(|_| begin(""))
    }
}

/// Begins with a request for an operation, whose name is known.
fn begin_operation(name: &str) -> Attempt {
    let known = OPERATIONS.iter().find(|known| **known == name);
    Attempt::new(Via::Nats, known.copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_inboxes_only() {
        let message = |reply: Option<&'static str>| async_nats::Message {
            subject: "ledger.query.w.list".into(),
            reply: reply.map(Into::into),
            payload: "".into(),
            headers: None,
            status: None,
            description: None,
            length: 0,
        };
        for good in [None, Some("_INBOX.x"), Some("_INBOX_me.x"), Some("_R_.x"), Some("ledgers.x")]
        {
            assert!(!has_forbidden_reply_subject(&message(good), "ledger"), "{good:?}");
        }
        for bad in ["ledger.events.w.x", "ledger.cmd.w.create", "$KV.b.x", "$JS.API.INFO"] {
            assert!(has_forbidden_reply_subject(&message(Some(bad)), "ledger"), "{bad}");
        }
    }
}
