//! The accept loop: takes new connections within the limit, and drains them at the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::connection::ConnectionServer;
use crate::stop::Stop;

/// The pause after a failed accept, whose usual cause is that no file descriptors are left.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Accepts connections until stopped, then waits for their end, at most for the drain timeout.
pub(crate) async fn accept(listener: TcpListener, server: Arc<ConnectionServer>, mut stop: Stop) {
    let mut connections = JoinSet::new();
    let mut full = false;
    loop {
        tokio::select! {
            biased;
            () = stop.stopped() => break,
            Some(ended) = connections.join_next() => note_end(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let was_full = full;
                    full = connections.len() >= server.limits.connections_max;
                    if full {
                        if !was_full {
                            warn!(connections = connections.len(), "too many, closing new ones");
                        }
                        server.limiter.count_refused();
                        drop(stream);
                    } else if let Some(permit) = server.limiter.acquire(peer.ip()) {
                        let server = Arc::clone(&server);
                        connections.spawn(server.serve(stream, peer, permit, stop.clone()));
                    } else {
                        server.limiter.count_refused();
                        connections.spawn(Arc::clone(&server).refuse(stream));
                    }
                }
                Err(error) => pause_after(&error).await,
            }
        }
    }
    drop(listener);
    drain(connections, server.limits.drain_timeout).await;
}

async fn pause_after(failure: &io::Error) {
    // The client disconnected while it waited to be accepted.
    if matches!(failure.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        debug!(error = %failure, "the client disconnected before its connection was accepted");
        return;
    }
    error!(error = %failure, "cannot accept connections, retrying");
    sleep(PAUSE_AFTER_FAILURE).await;
}

async fn drain(mut connections: JoinSet<()>, time: Duration) {
    let ended = timeout(time, async {
        while let Some(ended) = connections.join_next().await {
            note_end(ended);
        }
    });
    if ended.await.is_err() {
        info!(
            connections = connections.len(),
            "connections still open after the drain timeout, closing them"
        );
        connections.shutdown().await;
    }
}

fn note_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "the task of a connection failed");
    }
}
