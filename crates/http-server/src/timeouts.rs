//! When a connection is closed because its client is slow, idle or does not read.
//!
//! hyper's own header timeout starts when the connection falls idle, so it cannot tell a client
//! that is slow from one that has nothing to ask, and its choice between HTTP/1 and HTTP/2 waits
//! for the first bytes without any limit. Here both are seen from outside.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::Limits;

/// The timeouts of one connection, shared by its parts.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionTimeouts(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    /// Requests whose answers are not complete.
    open: usize,
    /// When the last answer was complete, or the connection was made.
    idle_since: Instant,
    /// When the first byte after that arrived.
    head_since: Option<Instant>,
    /// Nothing was asked yet.
    new: bool,
    /// Bytes may arrive that belong to no request.
    http2: bool,
    /// Since when nothing more can be sent.
    full_since: Option<Instant>,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// The header of a request did not come in time.
    Header,
    /// Nothing was asked for long.
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

    /// A request's header is complete. The request is open until the returned value is dropped.
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

    /// Bytes have arrived.
    pub(crate) fn received(&self) {
        let mut state = self.0.state.lock();
        if state.open == 0 && state.head_since.is_none() {
            state.head_since = Some(Instant::now());
            self.0.changed.notify_one();
        }
    }

    /// Bytes were to be sent; tells whether they could not.
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

    /// Returns when what goes on now has gone on for too long, if it may.
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

    /// Waits until something may be due earlier than before.
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
    fn a_new_connection_must_ask_and_an_old_one_may_rest() {
        let timeouts = ConnectionTimeouts::new();
        assert_eq!(kind(&timeouts), Some(Overdue::Header));
        let request = timeouts.begin_request(false);
        timeouts.received();
        assert_eq!(kind(&timeouts), None, "the ledger is at work");
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
    fn a_client_that_does_not_read_is_noticed_also_while_it_is_answered() {
        let timeouts = ConnectionTimeouts::new();
        let _request = timeouts.begin_request(false);
        timeouts.sent(true);
        timeouts.sent(true);
        assert_eq!(kind(&timeouts), Some(Overdue::Stalled));
        timeouts.sent(false);
        assert_eq!(kind(&timeouts), None);
    }
}
