//! What nodes are: each tells it to whoever asks on the NATS servers, and it contains no secret.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use futures::StreamExt as _;
use ledger_contract::cluster::{LogDigest, NodeRole, NodeStatus};
use ledger_contract::errors::Problem;
use ledger_contract::subjects::Subjects;
use ledger_domain::Position;
use ledger_engine::{Engine, StreamPlace};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::{Common, away};

/// How long a node waits for what others say of their logs.
const DIGEST_PATIENCE: Duration = Duration::from_secs(1);
/// Interval between comparisons of the log with that of the writer.
const COMPARE_INTERVAL: Duration = Duration::from_secs(10);
/// Longest position that is asked for, as text.
const POSITION_BYTES_MAX: usize = 20;

/// Returns the digest of the log of this node up to a position, or to its last one.
pub(crate) fn digest(engine: &Engine, position: Option<u64>) -> Option<LogDigest> {
    let told = match position {
        None => engine.log_digest().map(|(position, root)| (position.get(), root)),
        Some(position) => {
            engine.log_digest_at(Position::new(position)).map(|root| (position, root))
        }
    };
    let (position, root) = told.ok()?;
    Some(LogDigest { position, root })
}

/// Returns what this node says of itself, with the digest of its log up to a position.
pub(crate) fn status(common: &Common, position: Option<u64>) -> NodeStatus {
    let engine = &common.engine;
    let identity = engine.identity();
    let known = common.known.lock();
    let role = match (&known.fault, engine.ready()) {
        (None, Ok(())) => NodeRole::Writer,
        (None, Err(_)) => NodeRole::Follower,
        (Some(_), _) => NodeRole::Stopped,
    };
    // A log that cannot be read is told as a fault by the node itself.
    let sequence = match common.engine.followed() {
        Ok(StreamPlace::Up { to, .. }) => to,
        _ => 0,
    };
    let event = engine.last_event().ok().flatten();
    NodeStatus {
        node: common.node.clone(),
        ledger_id: identity.ledger.to_string(),
        incarnation: identity.incarnation.to_string(),
        role,
        writer: known.term.as_ref().map(|term| term.node.clone()),
        term: engine.term(),
        position: engine.head().get(),
        event: event.map(|id| id.to_string()),
        digest: digest(engine, position),
        sequence,
        behind: known.end.max(sequence) - sequence,
        fault: known.fault.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Begins to tell what this node is. Returns the task that does.
pub(crate) async fn tell(
    common: Arc<Common>,
) -> Result<impl Future<Output = ()> + Send + 'static, Problem> {
    let subscribed = common.client.subscribe(common.subjects.nodes()).await;
    let mut asked =
        subscribed.map_err(|error| away(format!("nodes cannot be asked here: {error}")))?;
    Ok(async move {
        while let Some(message) = asked.next().await {
            let Some(inbox) = message.reply else { continue };
            if inbox.starts_with('$') || inbox.starts_with(common.subjects.prefix()) {
                continue;
            }
            let told = Arc::clone(&common);
            let position = asked_position(&message.payload);
            let status = tokio::task::spawn_blocking(move || status(&told, position)).await;
            let Ok(status) = status else { continue };
            let body = serde_json::to_vec(&status).expect("a status has a JSON form");
            if let Err(error) = common.client.publish(inbox, body.into()).await {
                tracing::debug!(%error, "cannot tell what this node is");
            }
        }
    })
}

fn asked_position(payload: &[u8]) -> Option<u64> {
    let text = payload.get(..payload.len().min(POSITION_BYTES_MAX))?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Compares the log of this node with that of the writer, from time to time.
pub(crate) async fn keep_comparing(common: Arc<Common>) {
    let mut due = interval(COMPARE_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        due.tick().await;
        if let Some(found) = compare(&common).await {
            if let Some(how) = &found {
                // Its checkpoints would contradict those of the others.
                common.engine.refuse_checkpoints(how);
            }
            common.known.lock().differs = found;
        }
    }
}

/// Returns how the log of this node differs from that of the writer, if it does; nothing if they
/// cannot be compared now.
async fn compare(common: &Arc<Common>) -> Option<Option<String>> {
    let engine = common.engine.clone();
    let own = tokio::task::spawn_blocking(move || digest(&engine, None)).await.ok()??;
    let asked = own.position.to_string();
    let nodes = ask(&common.client, &common.subjects, asked, DIGEST_PATIENCE).await.ok()?;
    let incarnation = common.engine.identity().incarnation.to_string();
    let writer = nodes
        .into_iter()
        .find(|node| node.role == NodeRole::Writer && node.incarnation == incarnation);
    let NodeStatus { node, digest, .. } = writer.filter(|writer| writer.node != common.node)?;
    let digest = digest.filter(|digest| digest.position == own.position)?;
    let is_same = digest.root == own.root;
    Some((!is_same).then(|| {
        format!(
            "the events up to position {} are others here than at the writer {node}: the log of \
             one of them was altered; find out which with `connledger verify`, and begin that node \
             anew with a copy of another",
            own.position
        )
    }))
}

/// Asks all nodes what they are, and returns what came within `patience`, by name.
pub async fn ask_nodes(
    client: &Client,
    subjects: &Subjects,
    patience: Duration,
) -> Result<Vec<NodeStatus>, Problem> {
    ask(client, subjects, String::new(), patience).await
}

/// Asks all nodes the same.
async fn ask(
    client: &Client,
    subjects: &Subjects,
    payload: String,
    patience: Duration,
) -> Result<Vec<NodeStatus>, Problem> {
    let unasked = |error: &dyn std::fmt::Display| away(format!("cannot ask the nodes: {error}"));
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| unasked(&error))?;
    let sent = client.publish_with_reply(subjects.nodes(), inbox, payload.into()).await;
    sent.map_err(|error| unasked(&error))?;
    client.flush().await.map_err(|error| unasked(&error))?;
    let until = Instant::now() + patience;
    let mut nodes = Vec::new();
    while let Ok(Some(answer)) = timeout_at(until, answers.next()).await {
        if let Ok(status) = serde_json::from_slice::<NodeStatus>(&answer.payload) {
            nodes.push(status);
        }
    }
    nodes.sort_by(|a, b| a.node.cmp(&b.node));
    Ok(nodes)
}
