//! One connection, from its first byte to its last.

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

use crate::toolkit::RequestId;

use super::bodies::AnswerBody;
use super::chain;
use super::crowd::{Crowd, Place};
use super::entry::Entry;
use super::limits::{
    HEADER_BYTES_MAX, HEADER_FIELDS_MAX, HTTP2_PING_INTERVAL, HTTP2_PING_TIMEOUT,
    HTTP2_SEND_BYTES_MAX, HTTP2_STREAMS_MAX, LINGER_TIMEOUT, Limits, TURNED_AWAY_MAX,
};
use super::pulse::{Overdue, Pulse};
use super::refusal::{Refusal, written};
use super::socket::Socket;
use super::stop::Stop;
use super::tls::Tls;

/// What all connections of a listener share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) entry: Entry,
    pub(super) limits: Limits,
    pub(super) crowd: Arc<Crowd>,
    turned_away: Semaphore,
    pub(super) tls: Option<Arc<Tls>>,
    protocols: auto::Builder<TokioExecutor>,
}

impl House {
    pub(super) fn new(entry: Entry, limits: Limits, crowd: Crowd, tls: Option<Arc<Tls>>) -> Self {
        let (crowd, turned_away) = (Arc::new(crowd), Semaphore::new(TURNED_AWAY_MAX));
        Self { entry, limits, crowd, turned_away, tls, protocols: protocols() }
    }

    /// Says that the address of a connection has too many, and closes it. Whoever wants TLS is
    /// told nothing, as that would cost a handshake.
    pub(super) async fn turn_away(self: Arc<Self>, mut stream: TcpStream) {
        let Ok(_place) = self.turned_away.try_acquire() else { return };
        if self.tls.is_some() {
            return;
        }
        let answer = Refusal::TooManyConnections.answer(&RequestId::of(&HeaderMap::new()));
        let text = written(answer).await;
        match timeout(LINGER_TIMEOUT, stream.write_all(&text)).await {
            Ok(Ok(())) => end(stream).await,
            Ok(Err(error)) => debug!(%error, "the other side was gone already"),
            Err(_) => debug!("the other side takes nothing"),
        }
    }

    /// Serves a connection until either side ends it.
    pub(super) async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        _place: Place,
        stop: Stop,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, client.address = %peer, "the connection is gone already");
            return;
        }
        let Some(tls) = &self.tls else { return self.talk(stream, peer, stop).await };
        let handshake = tls.acceptor().accept(stream).into_fallible();
        match timeout(self.limits.header_timeout, handshake).await {
            Ok(Ok(stream)) => self.talk(stream, peer, stop).await,
            Ok(Err((error, stream))) => {
                debug!(%error, client.address = %peer, "no TLS");
                end(stream).await;
            }
            Err(_) => debug!(client.address = %peer, "no TLS in time"),
        }
    }

    /// Speaks HTTP.
    async fn talk<S>(self: &Arc<Self>, stream: S, peer: SocketAddr, mut stop: Stop)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let pulse = Pulse::new();
        let socket = TokioIo::new(Socket::new(stream, pulse.clone()));
        let asked = service_fn(|request: Request<Incoming>| {
            let open = pulse.begin(request.version() == Version::HTTP_2);
            let house = Arc::clone(self);
            async move {
                let answer = house.entry.answer(peer, request.map(Body::new)).await;
                Ok::<_, Infallible>(AnswerBody::wrap(answer, open))
            }
        });
        let mut connection = pin!(self.protocols.serve_connection(socket, asked));
        let mut stopping = false;
        loop {
            let due = pulse.due(&self.limits);
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
                () = pulse.changed() => {}
                () = passed(due) => {
                    // What was due may have been done meanwhile.
                    let overdue = pulse.due(&self.limits).filter(|(at, _)| *at <= Instant::now());
                    if let Some((_, reason)) = overdue {
                        debug!(?reason, client.address = %peer, "connection closed");
                        return;
                    }
                }
            }
        }
    }
}

/// Waits until something is due; for ever when nothing is.
async fn passed(due: Option<(Instant, Overdue)>) {
    match due {
        Some((at, _)) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Ends a connection so that the other side reads what was sent to it, and then its end.
///
/// A socket that is closed with unread bytes in it resets the connection instead.
async fn end(mut stream: TcpStream) {
    const WORTH_READING: u64 = 64 * 1024;
    let linger = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(WORTH_READING), &mut tokio::io::sink()).await
    };
    if let Ok(Err(error)) = timeout(LINGER_TIMEOUT, linger).await {
        debug!(%error, "the other side was gone already");
    }
}

fn protocols() -> auto::Builder<TokioExecutor> {
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    protocols
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None) // see `pulse`
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
