//! What nodes are: each tells it to whoever asks on the NATS servers, and it contains no secret.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use futures::StreamExt as _;
use ledger_contract::cluster::{NodeRole, NodeStatus};
use ledger_contract::errors::Problem;
use ledger_contract::subjects::Subjects;
use ledger_engine::StreamPlace;
use tokio::time::{Instant, timeout_at};

use crate::{Common, away};

/// Returns what this node says of itself.
pub(crate) fn status(common: &Common) -> NodeStatus {
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
            let status = tokio::task::spawn_blocking(move || status(&told)).await;
            let Ok(status) = status else { continue };
            let body = serde_json::to_vec(&status).expect("a status has a JSON form");
            if let Err(error) = common.client.publish(inbox, body.into()).await {
                tracing::debug!(%error, "cannot tell what this node is");
            }
        }
    })
}

/// Asks all nodes what they are, and returns what came within `patience`, by name.
pub async fn ask_nodes(
    client: &Client,
    subjects: &Subjects,
    patience: Duration,
) -> Result<Vec<NodeStatus>, Problem> {
    let unasked = |error: &dyn std::fmt::Display| away(format!("cannot ask the nodes: {error}"));
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(|error| unasked(&error))?;
    let sent = client.publish_with_reply(subjects.nodes(), inbox, "".into()).await;
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
