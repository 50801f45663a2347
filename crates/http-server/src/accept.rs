//! New connections, as many as there may be, and the end of all.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::connection::ConnectionServer;
use crate::stop::Stop;

/// After a failed accept: mostly there are no file numbers left, and some come free soon.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Accepts connections until told to stop, then waits until all have ended, as long as is allowed.
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
    // The client has gone again before it was its turn.
    if matches!(failure.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        debug!(error = %failure, "a connection was gone before it was accepted");
        return;
    }
    error!(error = %failure, "cannot accept connections, trying on");
    sleep(PAUSE_AFTER_FAILURE).await;
}

async fn drain(mut connections: JoinSet<()>, time: Duration) {
    let ended = timeout(time, async {
        while let Some(ended) = connections.join_next().await {
            note_end(ended);
        }
    });
    if ended.await.is_err() {
        info!(connections = connections.len(), "still open after the time to finish, cut");
        connections.shutdown().await;
    }
}

fn note_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a request failed in a way it must not");
    }
}
