//! Leaves a NATS server that has lost the others of its cluster.
//!
//! Such a server keeps its connections, answers pings, and refuses whatever has to do with
//! JetStream. No client turns to another server by itself then.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ReconnectToServer, Server, ServerAddr, ServerInfo, jetstream};
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use crate::connect::check_account;

/// Interval between two looks.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long JetStream may be away before another server is tried, at first and at most. The wait
/// doubles each time: if no server can be used, to turn from one to the next is of no use.
const LEAVES_AFTER: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(16));

/// Looks after a connection until it is dropped.
#[derive(Clone)]
pub(crate) struct Lookout {
    _task: Arc<Task>,
}

struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookout")
    }
}

impl Lookout {
    /// Begins, on the runtime that this is called on.
    pub(crate) fn start(client: Client) -> Self {
        Self { _task: Arc::new(Task(tokio::spawn(look(client)).abort_handle())) }
    }
}

/// Returns what says which server is tried next: each in turn, from a random one on. By itself the
/// client may choose the one again that it has just left.
pub(crate) fn in_turn() -> impl Fn(Vec<Server>, ServerInfo) -> Ready<Option<ReconnectToServer>> {
    let tried = Mutex::new(None::<ServerAddr>);
    move |servers, _| {
        let mut tried = tried.lock();
        let last = servers.iter().position(|server| tried.as_ref() == Some(&server.addr));
        let count = servers.len().max(1);
        let next = last.map_or_else(|| rand::random_range(0..count), |last| (last + 1) % count);
        let next = servers.get(next);
        tried.clone_from(&next.map(|server| server.addr.clone()));
        ready(next.map(|server| ReconnectToServer { addr: server.addr.clone(), delay: None }))
    }
}

async fn look(client: Client) {
    let mut jetstream = jetstream::new(client.clone());
    jetstream.set_timeout(PATIENCE);
    let (first, most) = LEAVES_AFTER;
    let (mut since, mut leaves_after) = (None, first);
    loop {
        sleep(LOOK_INTERVAL).await;
        if client.connection_state() != State::Connected {
            since = None;
            continue;
        }
        let Err(problem) = check_account(&jetstream).await else {
            (since, leaves_after) = (None, first);
            continue;
        };
        let began = *since.get_or_insert_with(Instant::now);
        if began.elapsed() < leaves_after {
            continue;
        }
        warn!(error = problem.message, "the NATS server has lost its cluster, turning to another");
        // The connection is gone, and with it whoever used it.
        if let Err(error) = client.force_reconnect().await {
            debug!(%error, "no other NATS server is tried");
            return;
        }
        (since, leaves_after) = (None, (leaves_after * 2).min(most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_tried_in_turn() {
        let server = |port: u16| Server {
            addr: format!("nats://127.0.0.1:{port}").parse().unwrap(),
            failed_attempts: 0,
            did_connect: true,
            is_discovered: false,
            last_error: None,
        };
        let servers: Vec<Server> = (1..=3).map(server).collect();
        let choose = in_turn();
        let chosen: Vec<u16> = (0..9)
            .map(|_| choose(servers.clone(), ServerInfo::default()).into_inner())
            .map(|chosen| chosen.expect("there are some").addr.port())
            .collect();
        assert!(chosen.windows(2).all(|pair| pair[1] == pair[0] % 3 + 1), "{chosen:?}");
        assert!(choose(Vec::new(), ServerInfo::default()).into_inner().is_none());
    }
}
