//! A byte stream that reports its reads and writes to the timeouts of its connection.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::timeouts::ConnectionTimeouts;

/// A byte stream with its connection's timeouts.
#[derive(Debug)]
pub(crate) struct Socket<S> {
    inner: S,
    timeouts: ConnectionTimeouts,
}

impl<S> Socket<S> {
    pub(crate) fn new(inner: S, timeouts: ConnectionTimeouts) -> Self {
        Self { inner, timeouts }
    }
}

impl<S: AsyncWrite + Unpin> Socket<S> {
    fn noted<T>(&self, sent: Poll<T>) -> Poll<T> {
        self.timeouts.sent(sent.is_pending());
        sent
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.timeouts.received();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.noted(sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let sent = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.noted(sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let sent = Pin::new(&mut self.inner).poll_flush(context);
        self.noted(sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let sent = Pin::new(&mut self.inner).poll_shutdown(context);
        self.noted(sent)
    }
}
