//! Answers commands, queries and operations as a NATS micro service.
//!
//! The loop over a subscription checks one bounded limit and hands each message to a task of its
//! own. When the limit is reached it answers `busy` at once, so that no message waits unseen.

mod asked;
mod command;
mod counters;
mod fresh;
mod headers;
mod operation;
mod query;
mod reply;
mod reveal;
mod sealed;
mod subject;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Request, Service, ServiceExt};
use futures::StreamExt;
use ledger_contract::commands::{Answer, Verb};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::QueryName;
use ledger_contract::subjects::Subjects;
use ledger_engine::{Caller, Engine};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use crate::connect::unreachable;
use asked::Asked;
use counters::Counters;
use fresh::Freshness;
use reply::Reply;

/// Largest message that is looked at.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Operations at once; all but one of a kind are refused by the engine.
const OPERATIONS_MAX: usize = 16;
/// How long subscriptions may take to end before they are cut off.
const UNSUBSCRIBE_PATIENCE: Duration = Duration::from_millis(500);

/// Limits of the service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Commands being worked on at once.
    pub(crate) commands: usize,
    /// Queries being worked on or waiting at once.
    pub(crate) queries: usize,
    /// Queries reading the store at once.
    pub(crate) readers: usize,
    /// Whether requests in the clear are refused.
    pub(crate) sealed_only: bool,
}

/// The running service.
#[derive(Debug)]
pub(crate) struct Responder {
    service: Service,
    doors: Vec<Arc<Door>>,
    loops: Vec<JoinHandle<()>>,
}

/// What every handler needs.
#[derive(Debug)]
struct Desk {
    engine: Engine,
    client: Client,
    prefix: String,
    freshness: Freshness,
    /// Whether requests in the clear are refused.
    sealed_only: bool,
    /// Held while a query reads the store.
    readers: Semaphore,
}

/// One endpoint: what kind of message it takes, how many at once, and what it refused.
#[derive(Debug)]
struct Door {
    kind: Kind,
    in_flight: Arc<Semaphore>,
    in_flight_max: usize,
    counters: Counters,
    busy: Reply,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Command,
    Query,
    Operation,
    Reveal,
}

impl Kind {
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
    /// Registers the service and starts answering. Works while NATS is down: the subscriptions
    /// are made when the connection is.
    pub(crate) async fn start(
        engine: Engine,
        client: Client,
        subjects: &Subjects,
        limits: Limits,
    ) -> Result<Self, Problem> {
        let doors = vec![
            Arc::new(Door::new(Kind::Command, limits.commands)),
            Arc::new(Door::new(Kind::Query, limits.queries)),
            Arc::new(Door::new(Kind::Operation, OPERATIONS_MAX)),
            Arc::new(Door::new(Kind::Reveal, limits.commands)),
        ];
        let service = register(&client, subjects, &doors).await.map_err(|error| failed(&error))?;
        let desk = Arc::new(Desk {
            freshness: Freshness::new(engine.clock().now()),
            engine,
            client,
            prefix: subjects.prefix().to_owned(),
            sealed_only: limits.sealed_only,
            readers: Semaphore::new(limits.readers),
        });
        let mut loops = Vec::new();
        let wheres = [
            subjects.all_commands(),
            subjects.all_queries(),
            subjects.all_operations(),
            subjects.all_reveals(),
        ];
        for (door, subject) in doors.iter().zip(wheres) {
            let endpoint = service.endpoint_builder().name(door.kind.name()).add(subject).await;
            let endpoint = endpoint.map_err(|error| failed(&error))?;
            loops.push(tokio::spawn(take_in(endpoint, Arc::clone(door), Arc::clone(&desk))));
        }
        Ok(Self { service, doors, loops })
    }

    /// Takes no more messages and waits until `deadline` for those in hand.
    pub(crate) async fn stop(self, deadline: Instant) {
        if let Err(error) = self.service.stop().await {
            debug!(%error, "service did not stop cleanly");
        }
        let cut_off = deadline.min(Instant::now() + UNSUBSCRIBE_PATIENCE);
        for mut running in self.loops {
            // While NATS is away a subscription cannot end by itself.
            if timeout_at(cut_off, &mut running).await.is_err() {
                running.abort();
            }
        }
        for door in &self.doors {
            let all = u32::try_from(door.in_flight_max).unwrap_or(u32::MAX);
            if timeout_at(deadline, door.in_flight.acquire_many(all)).await.is_err() {
                warn!(nats.endpoint = door.kind.name(), "stopped with work in hand");
            }
        }
    }
}

fn failed(error: &async_nats::Error) -> Problem {
    unreachable(format!("the NATS service cannot be started: {error}"))
}

async fn register(
    client: &Client,
    subjects: &Subjects,
    doors: &[Arc<Door>],
) -> Result<Service, async_nats::Error> {
    let metadata = HashMap::from([
        ("prefix".to_owned(), subjects.prefix().to_owned()),
        ("verbs".to_owned(), verbs().join(",")),
        ("queries".to_owned(), QueryName::names().collect::<Vec<_>>().join(",")),
        ("operations".to_owned(), subject::OPERATIONS.join(",")),
        ("events".to_owned(), subjects.stream_name()),
        ("bucket".to_owned(), subjects.bucket_name()),
    ]);
    let doors = doors.to_vec();
    client
        .service_builder()
        .description("event-sourced store of connections: commands, queries, operations")
        .metadata(metadata)
        .stats_handler(move |endpoint, _| {
            let door = doors.iter().find(|door| door.kind.name() == endpoint);
            door.map(|door| door.counters.snapshot()).unwrap_or_default()
        })
        .start("connection-ledger", env!("CARGO_PKG_VERSION"))
        .await
}

/// Returns the verbs that are answered among the commands.
fn verbs() -> Vec<&'static str> {
    let sent_there = |verb: &&Verb| verb.spec().answer != Answer::Secrets;
    Verb::ALL.iter().filter(sent_there).map(|verb| verb.as_str()).collect()
}

/// The loop over one subscription.
async fn take_in(mut endpoint: Endpoint, door: Arc<Door>, desk: Arc<Desk>) {
    while let Some(request) = endpoint.next().await {
        if leads_astray(&request.message, &desk.prefix) {
            debug!(nats.endpoint = door.kind.name(), "a request names no inbox for its answer");
            continue;
        }
        if let Ok(permit) = Arc::clone(&door.in_flight).try_acquire_owned() {
            let (door, desk) = (Arc::clone(&door), Arc::clone(&desk));
            tokio::spawn(async move {
                desk.answer(&door, request).await;
                drop(permit);
            });
        } else {
            door.counters.count(Code::Busy);
            desk.engine.count_refusal(Code::Busy);
            door.busy.clone().send(&request).await;
        }
    }
}

/// Tells whether the answer would go where messages mean something: to the event stream, to the
/// ledger itself, to the server. The asker may not be allowed to publish there, and we are.
fn leads_astray(message: &async_nats::Message, prefix: &str) -> bool {
    let Some(reply) = message.reply.as_deref() else {
        return false;
    };
    let ours = reply.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
    ours || reply.starts_with('$')
}

impl Door {
    fn new(kind: Kind, in_flight_max: usize) -> Self {
        Self {
            kind,
            in_flight: Arc::new(Semaphore::new(in_flight_max)),
            in_flight_max,
            counters: Counters::new(),
            busy: Reply::problem(&Problem::new(Code::Busy)),
        }
    }

    fn refuse(&self, problem: &Problem) -> Reply {
        self.counters.count(problem.code);
        Reply::problem(problem)
    }
}

impl Desk {
    async fn answer(&self, door: &Door, request: Request) {
        let message = &request.message;
        let reply = match self.counted(self.open(message)) {
            Ok(opened) => {
                let asked = Asked { message, opened: opened.as_ref() };
                self.as_asked(self.work(door, asked).await, asked)
            }
            Err(problem) => door.refuse(&problem),
        };
        reply.send(&request).await;
    }

    async fn work(&self, door: &Door, asked: Asked<'_>) -> Reply {
        let answered = match door.kind {
            Kind::Command => self.command(asked).await,
            Kind::Query => self.query(asked).await,
            Kind::Operation => self.operation(asked).await,
            Kind::Reveal => self.reveal(asked).await,
        };
        answered.unwrap_or_else(|problem| door.refuse(&problem))
    }

    /// Finds out who asks, before anything else is looked at, then whether the message is what
    /// they meant, and its size.
    fn admit(&self, asked: Asked<'_>) -> Result<Caller, Problem> {
        if self.sealed_only && asked.opened.is_none() {
            return Err(Problem::new(Code::SealedRequired));
        }
        let caller = self.engine.authenticate(asked.authorization()?)?;
        if let Some(opened) = asked.opened {
            self.check_sealed(asked.message, opened)?;
        }
        if asked.message.payload.len() > MESSAGE_BYTES_MAX {
            return Err(Problem::new(Code::MessageTooLarge));
        }
        Ok(caller)
    }

    /// Counts a refusal of our own in the ledger's status. The engine counts its own there.
    fn counted<T, E: Into<Problem>>(&self, result: Result<T, E>) -> Result<T, Problem> {
        result.map_err(Into::into).inspect_err(|problem| self.engine.count_refusal(problem.code))
    }
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
            assert!(!leads_astray(&message(good), "ledger"), "{good:?}");
        }
        for bad in ["ledger.events.w.x", "ledger.cmd.w.create", "$KV.b.x", "$JS.API.INFO"] {
            assert!(leads_astray(&message(Some(bad)), "ledger"), "{bad}");
        }
    }
}
