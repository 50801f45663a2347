//! Serving one connection.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use crate::bodies::AnswerBody;
use crate::connection_limiter::{ConnectionLimiter, ConnectionPermit};
use crate::entry::Entry;
use crate::error::chain;
use crate::limits::{
    HEADER_BYTES_MAX, HEADER_FIELDS_MAX, HTTP2_PING_INTERVAL, HTTP2_PING_TIMEOUT,
    HTTP2_SEND_BYTES_MAX, HTTP2_STREAMS_MAX, LINGER_TIMEOUT, Limits, REFUSALS_MAX,
};
use crate::refusal::{Refusal, written};
use crate::request_id::RequestId;
use crate::socket::Socket;
use crate::stop::Stop;
use crate::timeouts::{ConnectionTimeouts, Overdue};
use crate::tls::Tls;

/// Serves the connections of a listener, and holds their shared state.
#[derive(Debug)]
pub(crate) struct ConnectionServer {
    pub(crate) entry: Entry,
    pub(crate) limits: Limits,
    pub(crate) limiter: Arc<ConnectionLimiter>,
    refusals: Semaphore,
    pub(crate) tls: Option<Arc<Tls>>,
    protocols: auto::Builder<TokioExecutor>,
}

impl ConnectionServer {
    pub(crate) fn new(
        entry: Entry,
        limits: Limits,
        limiter: ConnectionLimiter,
        tls: Option<Arc<Tls>>,
    ) -> Self {
        let (limiter, refusals) = (Arc::new(limiter), Semaphore::new(REFUSALS_MAX));
        Self { entry, limits, limiter, refusals, tls, protocols: protocols() }
    }

    /// Refuses a connection because its address has too many, and closes it. Over TLS it is closed
    /// without an answer, because an answer would cost a handshake.
    pub(crate) async fn refuse(self: Arc<Self>, mut stream: TcpStream) {
        let Ok(_permit) = self.refusals.try_acquire() else { return };
        if self.tls.is_some() {
            return;
        }
        let answer = Refusal::TooManyConnections.answer(&RequestId::of(&HeaderMap::new()));
        let text = written(answer).await;
        match timeout(LINGER_TIMEOUT, stream.write_all(&text)).await {
            Ok(Ok(())) => end(stream).await,
            Ok(Err(error)) => debug!(%error, "the client has already disconnected"),
            Err(_) => debug!("the client does not read"),
        }
    }

    /// Serves a connection until either side ends it.
    pub(crate) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        _permit: ConnectionPermit,
        stop: Stop,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, client.address = %peer, "the client has already disconnected");
            return;
        }
        let Some(tls) = &self.tls else { return self.serve_http(stream, peer, stop).await };
        let handshake = tls.acceptor().accept(stream).into_fallible();
        match timeout(self.limits.header_timeout, handshake).await {
            Ok(Ok(stream)) => self.serve_http(stream, peer, stop).await,
            Ok(Err((error, stream))) => {
                debug!(%error, client.address = %peer, "TLS handshake failed");
                end(stream).await;
            }
            Err(_) => debug!(client.address = %peer, "TLS handshake timed out"),
        }
    }

    /// Serves HTTP on a connection after its TLS handshake, if any.
    async fn serve_http<S>(self: &Arc<Self>, stream: S, peer: SocketAddr, mut stop: Stop)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let timeouts = ConnectionTimeouts::new();
        let socket = TokioIo::new(Socket::new(stream, timeouts.clone()));
        let asked = service_fn(|request: Request<Incoming>| {
            let open = timeouts.begin_request(request.version() == Version::HTTP_2);
            let server = Arc::clone(self);
            async move {
                let answer = server.entry.answer(peer, request.map(Body::new)).await;
                Ok::<_, Infallible>(AnswerBody::wrap(answer, open))
            }
        });
        let mut connection = pin!(self.protocols.serve_connection(socket, asked));
        let mut stopping = false;
        loop {
            let due = timeouts.due(&self.limits);
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        debug!(error = chain(&*error), client.address = %peer, "connection broken");
                    }
                    return;
                }
                () = stop.stopped(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = timeouts.changed() => {}
                () = passed(due) => {
                    // The deadline may have been met in the meantime.
                    let now = Instant::now();
                    let overdue = timeouts.due(&self.limits).filter(|(at, _)| *at <= now);
                    if let Some((_, reason)) = overdue {
                        debug!(?reason, client.address = %peer, "connection closed");
                        return;
                    }
                }
            }
        }
    }
}

/// Waits for the deadline; never returns if there is none.
async fn passed(due: Option<(Instant, Overdue)>) {
    match due {
        Some((at, _)) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ends a connection so that the client can still read everything that was sent to it.
///
/// Closing a socket that holds unread bytes would reset the connection instead.
async fn end(mut stream: TcpStream) {
    const WORTH_READING: u64 = 64 * 1024;
    let linger = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(WORTH_READING), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = timeout(LINGER_TIMEOUT, linger).await {
        debug!(%error, "the client has already disconnected");
    }
}

fn protocols() -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    protocols
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None) // see `timeouts`
        .max_headers(HEADER_FIELDS_MAX)
        .max_buf_size(HEADER_BYTES_MAX);
    protocols
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEADER_BYTES_MAX).unwrap_or(u32::MAX))
        .max_send_buf_size(HTTP2_SEND_BYTES_MAX)
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT);
    protocols
}
