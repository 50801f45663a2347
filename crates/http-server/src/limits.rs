//! The limits of a listener.

use std::time::Duration;

/// Open connections: ten thousand feeds, and room for other clients.
pub const CONNECTIONS_MAX: usize = 12_000;
/// The default limit on open connections from one address: enough for an office or a cluster behind
/// one address, and only a part of [`CONNECTIONS_MAX`].
pub const CONNECTIONS_PER_ADDRESS: usize = 512;
/// Refused connections that are being answered at the same time; more are closed without an answer.
pub const REFUSALS_MAX: usize = 64;
/// Time from the first byte of a request, or from the start of a connection, to the end of the
/// header.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time from the end of the header to the end of the body, which is at most 1 MiB.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may be open without a request.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long the socket of a client that does not read may stay full. It is longer than a feed waits
/// for its reader, so that the feed's final error is sent first.
pub const STALL_TIMEOUT: Duration = Duration::from_mins(2);
/// How long requests may take to finish once the listener is stopping.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between checks of the certificate files.
pub const TLS_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Bytes of all header fields of a request together, including the request line over HTTP/1.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Number of header fields of a request over HTTP/1. Over HTTP/2 only their size is limited.
pub const HEADER_FIELDS_MAX: usize = 100;
/// Bytes of path and query of a request; a cursor and a dozen filters take less than 2 KiB.
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// Requests, including feeds, that may be open on one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 256;
/// Bytes buffered on one HTTP/2 stream for a slow reader.
pub const HTTP2_SEND_BYTES_MAX: usize = 64 * 1024;
/// Interval between pings to an HTTP/2 client with open streams.
pub const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long such a ping may remain unanswered.
pub const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the server waits for the clean end of a connection that it refused or that failed its
/// TLS handshake, and for the rest of a body that nobody reads.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of a body that nobody reads which are still taken, so that the client sees the refusal:
/// twice the largest body that is accepted.
pub const UNREAD_BYTES_MAX: u64 = 2 * 1024 * 1024;
/// Bytes of such a body which a client that goes too fast may send without losing its connection.
pub const UNREAD_BYTES_FREE: u64 = 64 * 1024;

/// The limits that can be configured; tests lower them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// See [`CONNECTIONS_PER_ADDRESS`]; 0 means no limit.
    pub connections_per_address: usize,
    /// See [`HEADER_TIMEOUT`].
    pub header_timeout: Duration,
    /// See [`BODY_TIMEOUT`].
    pub body_timeout: Duration,
    /// See [`IDLE_TIMEOUT`].
    pub idle_timeout: Duration,
    /// See [`STALL_TIMEOUT`].
    pub stall_timeout: Duration,
    /// See [`DRAIN_TIMEOUT`].
    pub drain_timeout: Duration,
    /// See [`TLS_CHECK_INTERVAL`].
    pub tls_check_interval: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            connections_per_address: CONNECTIONS_PER_ADDRESS,
            header_timeout: HEADER_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            stall_timeout: STALL_TIMEOUT,
            drain_timeout: DRAIN_TIMEOUT,
            tls_check_interval: TLS_CHECK_INTERVAL,
        }
    }
}
