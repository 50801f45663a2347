//! Timeouts of connections whose client is slow, idle or does not read.
//!
//! The header timeout of hyper starts when the connection becomes idle, so it cannot distinguish a
//! slow client from an idle one. Its detection of HTTP/1 or HTTP/2 waits for the first bytes
//! without any limit. This module observes both from outside.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::Limits;

/// The activity of one connection, shared by its parts.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionTimeouts(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Number of requests whose answers are not complete.
    open: usize,
    /// When the last answer was completed, or else the connection opened.
    idle_since: Instant,
    /// When the first byte after that arrived.
    head_since: Option<Instant>,
    /// No request has been received yet.
    new: bool,
    /// Bytes may arrive that belong to no request, as over HTTP/2.
    http2: bool,
    /// Since when the client has not been reading, if it is not.
    full_since: Option<Instant>,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// The header of a request did not arrive in time.
    Header,
    /// No request arrived for too long.
    Idle,
    /// The client does not read.
    Stalled,
}

impl ConnectionTimeouts {
    pub(crate) fn new() -> Self {
        let state = State {
            open: 0,
            idle_since: Instant::now(),
            head_since: None,
            new: true,
            http2: false,
            full_since: None,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() }))
    }

    /// Records that a request's header is complete. The request is open until the returned value is
    /// dropped.
    pub(crate) fn begin_request(&self, http2: bool) -> OpenRequest {
        let mut state = self.0.state.lock();
        state.open += 1;
        state.head_since = None;
        state.new = false;
        state.http2 = http2;
        OpenRequest(self.clone())
    }

    fn end_request(&self) {
        let mut state = self.0.state.lock();
        state.open = state.open.saturating_sub(1);
        if state.open == 0 {
            state.idle_since = Instant::now();
            self.0.changed.notify_one();
        }
    }

    /// Records that bytes have arrived.
    pub(crate) fn received(&self) {
        let mut state = self.0.state.lock();
        if state.open == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
            self.0.changed.notify_one();
        }
    }

    /// Records an attempt to send bytes; `full` if the socket did not accept them.
    pub(crate) fn sent(&self, full: bool) {
        let mut state = self.0.state.lock();
        match (full, state.full_since) {
            (true, None) => {
                state.full_since = Some(Instant::now());
                self.0.changed.notify_one();
            }
            (false, Some(_)) => state.full_since = None,
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Returns the next deadline of the connection in its present state, if it has one.
    pub(crate) fn due(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let state = self.0.state.lock();
        let stalled =
            state.full_since.map(|since| (since + limits.stall_timeout, Overdue::Stalled));
        let quiet = (state.open == 0).then(|| match state.head_since {
            _ if state.new => (state.idle_since + limits.header_timeout, Overdue::Header),
            Some(since) if !state.http2 => (since + limits.header_timeout, Overdue::Header),
            _ => (state.idle_since + limits.idle_timeout, Overdue::Idle),
        });
        [stalled, quiet].into_iter().flatten().min_by_key(|(due, _)| *due)
    }

    /// Waits until the deadline may have become earlier.
    pub(crate) async fn changed(&self) {
        self.0.changed.notified().await;
    }
}

/// A request whose answer is not complete.
#[derive(Debug)]
pub(crate) struct OpenRequest(ConnectionTimeouts);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(timeouts: &ConnectionTimeouts) -> Option<Overdue> {
        timeouts.due(&Limits::default()).map(|(_, kind)| kind)
    }

    #[test]
    fn a_new_connection_must_send_a_request_and_an_old_one_may_idle() {
        let timeouts = ConnectionTimeouts::new();
        assert_eq!(kind(&timeouts), Some(Overdue::Header));
        let request = timeouts.begin_request(false);
        timeouts.received();
        assert_eq!(kind(&timeouts), None, "a request is being answered");
        drop(request);
        assert_eq!(kind(&timeouts), Some(Overdue::Idle));
        timeouts.received();
        assert_eq!(kind(&timeouts), Some(Overdue::Header));
    }

    #[test]
    fn control_frames_of_an_idle_http2_connection_are_no_request() {
        let timeouts = ConnectionTimeouts::new();
        let (first, second) = (timeouts.begin_request(true), timeouts.begin_request(true));
        drop(first);
        assert_eq!(kind(&timeouts), None);
        drop(second);
        timeouts.received();
        assert_eq!(kind(&timeouts), Some(Overdue::Idle));
    }

    #[test]
    fn a_client_that_does_not_read_is_detected_even_during_an_answer() {
        let timeouts = ConnectionTimeouts::new();
        let _request = timeouts.begin_request(false);
        timeouts.sent(true);
        timeouts.sent(true);
        assert_eq!(kind(&timeouts), Some(Overdue::Stalled));
        timeouts.sent(false);
        assert_eq!(kind(&timeouts), None);
    }
}
