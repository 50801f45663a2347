//! The connection to NATS: credentials, logging, and checks of the server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, Event, ServerAddr, jetstream};
use ledger_contract::errors::{Code, Problem};
use tokio::sync::watch;
use tracing::{error, info, warn};
use zeroize::Zeroizing;

use crate::cut_off::{Lookout, in_turn};
use crate::jetstream_error;
use crate::version::Release;

/// The client name that the server lists.
const CLIENT_NAME: &str = "connection-ledger";
/// Capacity of the queue to the connection task. Every reply takes one place.
const CLIENT_CAPACITY: usize = 8_192;
/// Longest wait between two attempts to reconnect.
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(1);
/// Interval of pings where another server can be turned to; one that answers two of them with
/// silence is left.
const PING_INTERVAL: Duration = Duration::from_secs(2);
/// Time limit of a request to the server.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest file with credentials, a seed or a key, in bytes.
const LOGIN_BYTES_MAX: usize = 64 * 1024;

/// The smallest limit of a message's size, in bytes, with which the ledger works. Servers have it
/// by default.
const MAX_PAYLOAD_MIN: usize = 1024 * 1024;

/// Address of a NATS server, and credentials for it.
#[derive(Clone, Default)]
pub struct ConnectOptions {
    /// `nats://host:4222` or `tls://…`, or several separated by commas; may contain
    /// `user:password@`.
    pub url: String,
    /// File with a user's JWT and seed.
    pub credentials_file: Option<PathBuf>,
    /// File with an NKey seed.
    pub nkey_seed_file: Option<PathBuf>,
    /// User name, together with `password`.
    pub user: Option<String>,
    /// Password, together with `user`.
    pub password: Option<String>,
    /// Token, if the server requires one.
    pub token: Option<String>,
    /// CA certificates for the server's certificate.
    pub tls_ca: Option<PathBuf>,
    /// The client certificate, together with `tls_key`.
    pub tls_cert: Option<PathBuf>,
    /// The key of the client certificate.
    pub tls_key: Option<PathBuf>,
    /// Whether to reject servers without TLS.
    pub require_tls: bool,
    /// First part of the subjects on which answers arrive; `_INBOX` by default.
    pub inbox_prefix: Option<String>,
    /// Whether a server that is silent for a few seconds, or has lost the others of its cluster, is
    /// left for another one of the address.
    pub turns: bool,
}

impl fmt::Debug for ConnectOptions {
    /// Prints the address without user and password, and no other secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("url", &public_url(&self.url))
            .finish_non_exhaustive()
    }
}

/// Returns the address without user and password.
pub fn public_url(url: &str) -> String {
    let without_user = |part: &str| match (part.split_once("://"), part.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => part.to_owned(),
    };
    url.split(',').map(without_user).collect::<Vec<_>>().join(",")
}

/// A connection, and what the server denied to it.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) client: Client,
    pub(crate) denials: Denials,
    /// What leaves a server that has lost its cluster, if that is wanted.
    _lookout: Option<Lookout>,
}

impl Connection {
    /// Returns a client of the connection.
    pub fn client(&self) -> Client {
        self.client.clone()
    }
}

/// Starts to connect in the background and returns at once, so that the ledger can start while NATS
/// is down.
///
/// Errors concern only the options. [`check`] examines the server.
pub async fn connect(options: &ConnectOptions) -> Result<Connection, Problem> {
    let addresses = addresses(&options.url)?;
    let connecting = authenticated(options, &addresses)?;
    let mut connecting = encrypted(connecting, options)?;
    if let Some(prefix) = &options.inbox_prefix {
        connecting = connecting.custom_inbox_prefix(prefix);
    }
    if options.turns {
        connecting = connecting
            .ping_interval(PING_INTERVAL)
            .ignore_discovered_servers()
            .reconnect_to_server_callback(in_turn());
    }
    let denials = Denials::default();
    let witness = Arc::new(Witness::new(public_url(&options.url), denials.clone()));
    let connected = connecting
        .name(CLIENT_NAME)
        .client_capacity(CLIENT_CAPACITY)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .reconnect_delay_callback(reconnect_delay)
        .retry_on_initial_connect()
        .event_callback(move |event| {
            witness.log(&event);
            std::future::ready(())
        })
        .connect(addresses)
        .await;
    let unconnected = |error| unreachable(format!("cannot connect to NATS: {error}"));
    let client = connected.map_err(unconnected)?;
    let lookout = options.turns.then(|| Lookout::start(client.clone()));
    Ok(Connection { client, denials, _lookout: lookout })
}

/// Waits up to `patience` for the connection, then checks that the server is recent enough, permits
/// messages of the size of a notification, and has JetStream enabled.
pub async fn check(client: &Client, patience: Duration) -> Result<(), Problem> {
    // The connection task completes a flush only while it is connected.
    match tokio::time::timeout(patience, client.flush()).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) | Err(_) => return Err(Problem::new(Code::NatsUnreachable)),
    }
    let Some(server) = client.try_server_info() else {
        return Err(Problem::new(Code::NatsUnreachable));
    };
    Release::parse(&server.version).unwrap_or_default().check()?;
    if server.max_payload < MAX_PAYLOAD_MIN {
        return Err(refused(format!(
            "the NATS server permits messages of {} bytes; set max_payload to at least \
             {MAX_PAYLOAD_MIN}",
            server.max_payload
        )));
    }
    check_account(&jetstream::new(client.clone())).await
}

/// Checks that JetStream answers.
pub(crate) async fn check_account(jetstream: &jetstream::Context) -> Result<(), Problem> {
    jetstream.query_account().await.map(drop).map_err(|error| about_account(&error))
}

fn about_account(error: &jetstream::context::AccountError) -> Problem {
    use jetstream::context::AccountErrorKind as Kind;
    match error.kind() {
        Kind::TimedOut => Problem::new(Code::NatsUnreachable),
        Kind::JetStream(cause) => {
            jetstream_error::problem("JetStream cannot be used with this NATS account", &cause)
        }
        // A server that starts or has lost its cluster does not respond, either.
        Kind::JetStreamUnavailable => {
            unreachable("JetStream does not respond; it may not be enabled on the NATS server")
        }
        Kind::Other => unreachable(format!("JetStream does not respond: {error}")),
    }
}

pub(crate) fn refused(message: impl Into<String>) -> Problem {
    Problem::because(Code::NatsRefused, message)
}

pub(crate) fn unreachable(message: impl Into<String>) -> Problem {
    Problem::because(Code::NatsUnreachable, message)
}

fn addresses(url: &str) -> Result<Vec<ServerAddr>, Problem> {
    let parse = |part: &str| {
        let problem = || unreachable(format!("{:?} is not a NATS address", public_url(part)));
        ServerAddr::from_str(part.trim()).map_err(|_| problem())
    };
    url.split(',').map(parse).collect()
}

/// Returns the connect options with the configured credentials, or else those in the address.
fn authenticated(
    options: &ConnectOptions,
    addresses: &[ServerAddr],
) -> Result<async_nats::ConnectOptions, Problem> {
    if let Some(path) = &options.credentials_file {
        let read = private_text("credentials", path)?;
        return async_nats::ConnectOptions::with_credentials(&read)
            .map_err(|error| unusable("credentials", path, &error));
    }
    if let Some(path) = &options.nkey_seed_file {
        let seed = private_text("NKey seed", path)?;
        return Ok(async_nats::ConnectOptions::with_nkey(seed.trim().to_owned()));
    }
    if let Some(token) = &options.token {
        return Ok(async_nats::ConnectOptions::with_token(token.clone()));
    }
    let (user, password) = match (&options.user, &options.password) {
        (Some(user), password) => (user.clone(), password.clone().unwrap_or_default()),
        (None, _) => match addresses.iter().find(|address| address.has_user_pass()) {
            Some(address) => in_address(address),
            None => return Ok(async_nats::ConnectOptions::new()),
        },
    };
    Ok(async_nats::ConnectOptions::with_user_and_password(user, password))
}

fn in_address(address: &ServerAddr) -> (String, String) {
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    (owned(address.username()), owned(address.password()))
}

/// Reads a file with a secret, which no other user may read.
fn private_text(what: &str, path: &Path) -> Result<Zeroizing<String>, Problem> {
    ledger_vault::read_private(path, LOGIN_BYTES_MAX)
        .map_err(|error| unreachable(format!("the {what} file cannot be used: {error}")))
}

fn unusable(what: &str, path: &Path, error: &std::io::Error) -> Problem {
    unreachable(format!("cannot read the {what} file {}: {error}", path.display()))
}

fn encrypted(
    connecting: async_nats::ConnectOptions,
    options: &ConnectOptions,
) -> Result<async_nats::ConnectOptions, Problem> {
    let mut connecting = connecting.require_tls(options.require_tls);
    if let Some(path) = &options.tls_ca {
        connecting = connecting.add_root_certificates(path.clone());
    }
    match (&options.tls_cert, &options.tls_key) {
        (Some(cert), Some(key)) => {
            private_text("TLS key", key)?;
            Ok(connecting.add_client_certificate(cert.clone(), key.clone()))
        }
        (None, None) => Ok(connecting),
        _ => Err(unreachable("a TLS client certificate needs its key, and a key its certificate")),
    }
}

fn reconnect_delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.min(10)).unwrap_or(10);
    RECONNECT_DELAY_MAX.min(Duration::from_millis(2_u64.saturating_pow(doublings)))
}

/// What the server denied to one connection. A denied request gets no answer, so who waits for one
/// learns the reason here.
#[derive(Clone, Debug, Default)]
pub(crate) struct Denials(Arc<watch::Sender<String>>);

impl Denials {
    fn note(&self, error: &str) {
        self.0.send_replace(error.to_lowercase());
    }

    /// Waits until a message to `subject` is denied from now on.
    pub(crate) async fn of(&self, subject: &str) {
        let denial = format!("permissions violation for publish to \"{}\"", subject.to_lowercase());
        let mut errors = self.0.subscribe();
        // An error means that the sender is gone, and this has it.
        while errors.changed().await.is_ok() {
            if errors.borrow_and_update().contains(&denial) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}

/// Logs the events of the connection, each outage once.
#[derive(Debug)]
struct Witness {
    url: String,
    complained: AtomicBool,
    denials: Denials,
}

impl Witness {
    fn new(url: String, denials: Denials) -> Self {
        Self { url, complained: AtomicBool::new(false), denials }
    }

    fn log(&self, event: &Event) {
        let url = self.url.as_str();
        match event {
            Event::Connected => {
                self.complained.store(false, Ordering::Relaxed);
                info!(nats.url = url, "connected to nats");
            }
            Event::Disconnected => self.complain("connection lost"),
            Event::ClientError(client_error) => self.complain(&client_error.to_string()),
            Event::ServerError(server_error) => {
                self.denials.note(&server_error.to_string());
                error!(nats.url = url, error = %server_error, "nats reports an error");
            }
            Event::SlowConsumer(subscription) => {
                error!(
                    nats.subscription = subscription,
                    "messages from nats were dropped: the client is too slow"
                );
            }
            Event::LameDuckMode => info!(nats.url = url, "nats is shutting down"),
            Event::Draining | Event::Closed => info!(nats.url = url, "connection to nats closed"),
        }
    }

    fn complain(&self, reason: &str) {
        if !self.complained.swap(true, Ordering::Relaxed) {
            warn!(nats.url = self.url, error = reason, "nats cannot be reached, retrying");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_address_holds_no_password() {
        assert_eq!(public_url("nats://u:p@ss@host:4222"), "nats://host:4222");
        assert_eq!(public_url("u:p@a:1,nats://b:2"), "a:1,nats://b:2");
        assert_eq!(public_url("localhost"), "localhost");
        let options = ConnectOptions {
            url: "nats://u:canary@h".to_owned(),
            password: Some("canary".to_owned()),
            ..ConnectOptions::default()
        };
        assert!(!format!("{options:?}").contains("canary"));
    }

    #[tokio::test]
    async fn a_denial_is_told_to_who_waits_for_that_subject() {
        let denials = Denials::default();
        let subject = "$JS.API.STREAM.DELETE.X";
        let text = format!("nats: Permissions Violation for Publish to \"{subject}\"");
        denials.note(&text);
        let (denied, other) = (denials.of(subject), denials.of("$JS.API.STREAM.DELETE.XY"));
        let (mut denied, mut other) = (Box::pin(denied), Box::pin(other));
        assert!(futures::poll!(&mut denied).is_pending(), "that was before");
        assert!(futures::poll!(&mut other).is_pending());
        denials.note(&text);
        denied.await;
        assert!(futures::poll!(&mut other).is_pending());
    }

    #[test]
    fn waits_between_attempts_grow_to_a_second() {
        assert!(reconnect_delay(1) < Duration::from_millis(10));
        assert_eq!(reconnect_delay(100), RECONNECT_DELAY_MAX);
    }

    #[test]
    fn errors_name_the_malformed_address() {
        let problem = addresses("nats://ok:1,http://x y").unwrap_err();
        assert_eq!(problem.code, Code::NatsUnreachable);
        assert_eq!(addresses("localhost:4222,nats://b").unwrap().len(), 2);
    }
}
