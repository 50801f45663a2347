//! Makes the log stream anew from the copy of a node that does not run, after the NATS servers lost
//! what they had acknowledged.
//!
//! The stream that is made says so in its metadata, so that nodes which had everything find their
//! place in it by themselves. Its first message is a term at the position of the copy, before which
//! nobody takes part: a node that has less could write otherwise.

use std::fmt;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, Info};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_bus::INCARNATION;
use ledger_contract::cluster::{NodeRole, NodeStatus};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::log_stream::{Term, encode_term};
use ledger_contract::subjects::Subjects;
use ledger_engine::{Engine, StreamPlace};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::node::Known;
use crate::stream::{LogStream, MAC, created, find, make};
use crate::{Common, REQUEST_PATIENCE, RETRY_DELAY, ask_nodes, away};

/// The position of the copy from which a stream was made anew, in its metadata.
const REPAIRED: &str = "ledger-repaired-at";
/// What the term is of that a repair begins.
const NODE: &str = "cluster repair";
/// How long other nodes are listened to. They answer in milliseconds.
const NODES_PATIENCE: Duration = Duration::from_secs(2);
/// How long the servers may take to make a stream whose former one they still forget.
const MAKE_PATIENCE: Duration = Duration::from_secs(30);

/// Returns whether a stream was made by a repair.
pub(crate) fn is_repaired(config: &Config) -> bool {
    config.metadata.contains_key(REPAIRED)
}

/// What the NATS servers have lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The whole stream.
    Gone,
    /// The whole stream, and there is another one of its name.
    MadeAnew,
    /// The messages after one.
    Tail {
        /// The last message of the stream.
        end: u64,
        /// The last message that this node has.
        had: u64,
    },
    /// A repair was begun and not finished.
    Unfinished,
}

impl fmt::Display for Loss {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => text.write_str("the log stream is gone"),
            Self::MadeAnew => text.write_str("the log stream was deleted and made anew"),
            Self::Tail { end, had } => write!(
                text,
                "the log stream ends at message {end}, and this node has message {had}"
            ),
            Self::Unfinished => text.write_str("a repair was begun and not finished"),
        }
    }
}

/// What a repair found.
#[derive(Clone, Debug)]
pub struct Examined {
    /// What was lost.
    pub loss: Loss,
    /// The last position of this copy, at which the log goes on.
    pub position: u64,
    /// The nodes that answered. They have no more than this copy.
    pub nodes: Vec<NodeStatus>,
}

/// A repair of the log stream.
#[derive(Debug)]
pub struct Repair {
    common: Common,
}

impl Repair {
    /// Prepares to make the stream anew from the ledger of an engine that serves nobody, with so
    /// many copies. Nothing is changed before [`Self::carry_out`].
    pub fn new(engine: Engine, client: Client, subjects: Subjects, replicas: usize) -> Self {
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(REQUEST_PATIENCE);
        let stream = LogStream::new(&subjects, engine.identity(), replicas);
        let (node, known) = (NODE.to_owned(), Mutex::new(Known::default()));
        Self { common: Common { engine, client, jetstream, subjects, node, stream, known } }
    }

    /// Looks at what was lost, and whether another copy has more.
    ///
    /// Errors: `not_in_cluster` if the ledger was never a node's; `log_differs` if nothing is
    /// lost, if a node still writes, or if something has more than this copy; `nats_unreachable`.
    pub async fn examine(&self) -> Result<Examined, Problem> {
        let engine = &self.common.engine;
        let info = find(&self.common, &self.common.stream.log.name).await?;
        let loss = self.loss(info.as_ref())?;
        let position = engine.head().get();
        let own = engine.identity();
        let nodes = ask_nodes(&self.common.client, &self.common.subjects, NODES_PATIENCE).await?;
        let is_own = |node: &&NodeStatus| node.ledger_id == own.ledger.to_string();
        for node in nodes.iter().filter(is_own) {
            if node.role == NodeRole::Writer {
                return Err(refused(format!(
                    "node {} writes the log; stop it first, and repair from its data directory if \
                     its commands are to count",
                    node.node
                )));
            }
            if node.position > position {
                return Err(refused(format!(
                    "node {} has position {}, and this copy ends at {position}; repair from the data \
                     directory of that node",
                    node.node, node.position
                )));
            }
        }
        self.check_events(position).await?;
        Ok(Examined { loss, position, nodes })
    }

    fn loss(&self, info: Option<&Info>) -> Result<Loss, Problem> {
        let followed = self.common.engine.followed().map_err(Problem::from)?;
        let StreamPlace::Up { to: had, made_at } = followed else {
            let why = "this copy of the ledger has never followed a log stream; serve it with \
                       --cluster";
            return Err(Problem::because(Code::NotInCluster, why));
        };
        let Some(info) = info else { return Ok(Loss::Gone) };
        let end = info.state.last_sequence;
        if is_repaired(&info.config) && end == 0 {
            return Ok(Loss::Unfinished);
        }
        if created(info) != made_at {
            if is_repaired(&info.config) {
                return Err(refused("the log stream was repaired already; serve this node"));
            }
            return Ok(Loss::MadeAnew);
        }
        if end < had {
            return Ok(Loss::Tail { end, had });
        }
        Err(refused(format!(
            "there is nothing to repair: the log stream has message {had}, the last one of this \
             node, and ends at {end}"
        )))
    }

    /// Checks that nothing was published that this copy does not have.
    async fn check_events(&self, position: u64) -> Result<(), Problem> {
        let name = self.common.subjects.stream_name();
        let Some(info) = find(&self.common, &name).await? else { return Ok(()) };
        let own = self.common.engine.identity().incarnation.to_string();
        let published = info.state.last_sequence;
        if info.config.metadata.get(INCARNATION) == Some(&own) && published > position {
            return Err(refused(format!(
                "position {published} was published, and this copy ends at {position}; repair from \
                 the data directory of the node that has it"
            )));
        }
        Ok(())
    }

    /// Makes the stream anew, so that it goes on after the last position of this copy. What is left
    /// of the former one is deleted. Can be repeated if it fails in between.
    ///
    /// Errors: as [`Self::examine`].
    pub async fn carry_out(&self) -> Result<Examined, Problem> {
        let examined = self.examine().await?;
        let common = &self.common;
        let name = &common.stream.log.name;
        if matches!(examined.loss, Loss::MadeAnew | Loss::Tail { .. }) {
            let deleted = common.jetstream.delete_stream(name).await;
            deleted
                .map_err(|error| away(format!("the rest of {name} was not deleted: {error}")))?;
        }
        let info = match (examined.loss, find(common, name).await?) {
            (Loss::Unfinished, Some(info)) => info,
            _ => self.make(examined.position).await?,
        };
        self.begin_term(examined.position).await?;
        common.engine.begin_following(created(&info), 0).map_err(Problem::from)?;
        Ok(examined)
    }

    async fn make(&self, position: u64) -> Result<Info, Problem> {
        let mut config = self.common.stream.log.clone();
        config.metadata.insert(REPAIRED.to_owned(), position.to_string());
        let until = Instant::now() + MAKE_PATIENCE;
        loop {
            match make(&self.common, &config).await {
                Err(problem) if problem.code == Code::NatsUnreachable && Instant::now() < until => {
                    sleep(RETRY_DELAY).await;
                }
                made => return made,
            }
        }
    }

    /// Appends a term at the end of this copy as the first message.
    async fn begin_term(&self, position: u64) -> Result<(), Problem> {
        let Common { engine, jetstream, subjects, stream, .. } = &self.common;
        let event = engine.last_event().map_err(Problem::from)?.map(|id| id.to_string());
        let epoch = engine.term() + 1;
        let body = encode_term(&Term { epoch, node: NODE.to_owned(), position, event });
        let mac = STANDARD.encode(engine.log_mac(1, &body));
        let message = PublishMessage::build()
            .payload(body.into())
            .header(MAC, mac)
            .expected_last_sequence(0)
            .expected_stream(&stream.log.name);
        let failed =
            |error| away(format!("the log stream did not take its first message: {error}"));
        let sent = jetstream.send_publish(subjects.log(), message).await.map_err(failed)?;
        sent.await.map(drop).map_err(failed)
    }
}

fn refused(why: impl Into<String>) -> Problem {
    Problem::because(Code::LogDiffers, why)
}
