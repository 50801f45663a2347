//! Bodies: request bodies must arrive in time, and what a client still sends of a body that nobody
//! reads is read for it; a request stays open until its answer is complete.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use futures::StreamExt as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::{Sleep, timeout};
use tracing::debug;

use crate::limits::{LINGER_TIMEOUT, UNREAD_BYTES_FREE, UNREAD_BYTES_MAX};
use crate::timeouts::OpenRequest;

/// What became of the body of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival {
    late: Arc<AtomicBool>,
    unread: Arc<Mutex<Option<Body>>>,
}

impl Arrival {
    /// Returns whether the body was abandoned because it did not arrive in time.
    pub(crate) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// Returns whether the body was dropped before its end and has more than
    /// [`UNREAD_BYTES_FREE`], or may have.
    pub(crate) fn is_long_and_unread(&self) -> bool {
        let unread = self.unread.lock();
        let is_long = |body: &Body| body.size_hint().upper().is_none_or(|n| n > UNREAD_BYTES_FREE);
        unread.as_ref().is_some_and(is_long)
    }

    /// Reads what the client still sends of a body that was dropped before its end.
    ///
    /// Over HTTP/1 the answer to such a request ends the connection, and closing a socket that
    /// holds unread bytes resets it, so that many clients never see the answer. A body of more than
    /// [`UNREAD_BYTES_MAX`], or that takes longer than [`LINGER_TIMEOUT`], is left.
    pub(crate) async fn drain(&self) {
        let Some(body) = self.unread.lock().take() else { return };
        if body.size_hint().lower() > UNREAD_BYTES_MAX {
            return;
        }
        let read = async {
            let mut pieces = body.into_data_stream();
            let mut left = UNREAD_BYTES_MAX;
            while let Some(Ok(piece)) = pieces.next().await {
                let Some(rest) = left.checked_sub(piece.len() as u64) else { return };
                left = rest;
            }
        };
        if timeout(LINGER_TIMEOUT, read).await.is_err() {
            debug!("the rest of a body that is not wanted did not arrive in time");
        }
    }
}

/// The body of a request was abandoned.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
struct TooSlow;

/// The body of a request that must arrive completely within a time.
struct TimedBody {
    inner: Body,
    due: Pin<Box<Sleep>>,
    arrival: Arrival,
}

/// Limits the time in which a body must arrive. A body that is already complete has no limit.
pub(crate) fn timed(body: Body, time: Duration) -> (Body, Arrival) {
    let arrival = Arrival::default();
    if body.is_end_stream() {
        return (body, arrival);
    }
    let due = Box::pin(tokio::time::sleep(time));
    (Body::new(TimedBody { inner: body, due, arrival: arrival.clone() }), arrival)
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.due.as_mut().poll(context));
        self.arrival.late.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for TimedBody {
    fn drop(&mut self) {
        if !self.inner.is_end_stream() && !self.arrival.is_late() {
            *self.arrival.unread.lock() = Some(std::mem::take(&mut self.inner));
        }
    }
}

/// The body of an answer, which keeps its request open until it is complete.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    inner: Body,
    _open: OpenRequest,
}

impl AnswerBody {
    /// Wraps the body of an answer.
    pub(crate) fn wrap(answer: Response<Body>, open: OpenRequest) -> Response<Self> {
        answer.map(|inner| Self { inner, _open: open })
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
