//! A connection of which only so much is read, and whose first bytes are remembered.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read of a server. A login and its answer are a few hundred bytes, a chain of
/// certificates a few thousand.
pub(crate) const BYTES_MAX: usize = 256 * 1024;
/// How much is remembered.
const FIRST_BYTES: usize = 16;

/// The first bytes that were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct FirstBytes(Arc<Mutex<Vec<u8>>>);

impl FirstBytes {
    pub(crate) fn get(&self) -> Vec<u8> {
        self.0.lock().clone()
    }
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    left: usize,
    first: FirstBytes,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, left: BYTES_MAX, first: FirstBytes::default() }
    }

    /// Makes one whose first bytes somebody else knows as well.
    pub(crate) const fn noting(stream: S, first: FirstBytes) -> Self {
        Self { stream, left: BYTES_MAX, first }
    }

    /// Returns where the first bytes will be.
    pub(crate) fn first(&self) -> FirstBytes {
        self.first.clone()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(context, buffer);
        let read = buffer.filled().get(before..).unwrap_or_default();
        let mut first = this.first.0.lock();
        let wanted = FIRST_BYTES.saturating_sub(first.len());
        first.extend(read.iter().take(wanted));
        match this.left.checked_sub(read.len()) {
            Some(left) => this.left = left,
            None => return Poll::Ready(Err(io::Error::other("more than a login takes"))),
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
