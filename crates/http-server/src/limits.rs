//! How much of everything one listener takes, and for how long.

use std::time::Duration;

/// Open connections: ten thousand feeds, and room for who commands and asks.
pub const CONNECTIONS_MAX: usize = 12_000;
/// Open connections of one address, when nothing else is said: an office or a cluster behind one
/// address, and no more than a part of all.
pub const CONNECTIONS_PER_ADDRESS: usize = 512;
/// Refused connections that are told why at once; more are closed without a word.
pub const REFUSALS_MAX: usize = 64;
/// From the first byte of a request, or from the start of a connection, to the end of the header.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// From the end of the header to the end of the body; a body is at most 1 MiB.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may be open without a request.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a client may leave what was sent to it unread; its socket is full all that time.
/// Longer than a feed waits for its reader, so that the feed's own last word comes first.
pub const STALL_TIMEOUT: Duration = Duration::from_mins(2);
/// How long requests may take to finish once the listener was told to stop.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks at the certificate files.
pub const TLS_CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// All header fields of a request together, with the request line (HTTP/1) or without (HTTP/2).
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Header fields of a request (HTTP/1; over HTTP/2 their size alone counts).
pub const HEADER_FIELDS_MAX: usize = 100;
/// Path and query of a request; a cursor and a dozen filters are below 2 KiB.
pub const URI_BYTES_MAX: usize = 8 * 1024;
/// Requests, feeds included, that may be open on one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 256;
/// Bytes of answers that wait on one HTTP/2 stream for a slow reader.
pub const HTTP2_SEND_BYTES_MAX: usize = 64 * 1024;
/// Between two pings to an HTTP/2 client with open streams.
pub const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long such a ping may stay unanswered.
pub const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the end of a connection that spoke no TLS, or is refused, is waited for, so that it
/// closes cleanly.
pub const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// The limits that tests make small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// See [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// See [`CONNECTIONS_PER_ADDRESS`]; 0 is no limit.
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
