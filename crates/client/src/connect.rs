//! The connection to NATS, and how requests are sent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::connection::State;
use async_nats::{
    ClientError as NatsError, ConnectErrorKind, ConnectOptions, Event, Request, ServerAddr,
    ServerError, jetstream,
};
use ledger_contract::subjects::{self, Subjects};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::address::without_password;
use crate::error::ClientError;
use crate::options::{ClientOptions, Credentials, Key};
use crate::sealed::{Answer, OwnPair, Prepared};

/// Time limit of the first connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Wait before a command is sent again that reached an instance that may not write.
const OWNER_WAIT: Duration = Duration::from_millis(200);
/// Interval of pings on a silent connection. After two missed answers it is considered lost.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// What has happened when a server that accepted a login no longer does.
pub(crate) const LOGIN_NOW_REFUSED: &str = "NATS now refuses the login with which this client was \
    connected: its password or credentials were replaced, as when the ledger was made anew; \
    connect again with the present ones, which a managed NATS server has in server.json";
/// Largest file with credentials or a key, in bytes.
const LOGIN_BYTES_MAX: usize = 64 * 1024;

/// A client of a ledger, over NATS. Cheap to clone; all clones share one connection.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) nats: async_nats::Client,
    pub(crate) subjects: Subjects,
    pub(crate) key: Key,
    pub(crate) ledger_xkey: Option<String>,
    own_pair: Arc<OwnPair>,
    allow_unsealed: bool,
    pub(crate) timeout: Duration,
    jetstream_prefix: Option<String>,
    /// Carries changes in the state of the connection.
    pub(crate) link: watch::Receiver<Link>,
    /// Carries the subject of the last message that the server did not permit.
    denied: watch::Receiver<String>,
}

/// The state of the connection to NATS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// The number of connections so far.
    pub(crate) connects: u64,
    /// Whether there is a connection now.
    pub(crate) up: bool,
    /// Whether the last attempt to connect again failed because the server refused the login.
    pub(crate) login_refused: bool,
}

impl Client {
    /// Connects to NATS.
    ///
    /// Fails with [`ClientError::Unavailable`] if the server cannot be reached, unless the options
    /// say to wait for it. In that case requests fail until it can.
    pub async fn connect(options: ClientOptions) -> Result<Self, ClientError> {
        let subjects = Subjects::with_prefix(&options.prefix)
            .map_err(|invalid| ClientError::Internal(invalid.to_string()))?;
        let (sender, link) = watch::channel(Link::default());
        let (denial, denied) = watch::channel(String::new());
        let addresses = addresses(&options.url)?;
        let credentials = or_from_address(options.credentials, &addresses);
        let mut connect = with_credentials(credentials)?
            .name("ledger-client")
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .request_timeout(Some(options.timeout))
            .event_callback(move |event| {
                if let Some(subject) = denied_subject(&event) {
                    denial.send_replace(subject);
                }
                note(&sender, &event);
                std::future::ready(())
            });
        if let Some(prefix) = options.inbox_prefix {
            connect = connect.custom_inbox_prefix(prefix);
        }
        if options.wait_for_server {
            connect = connect.retry_on_initial_connect();
        }
        let nats = connect.connect(addresses).await.map_err(|error| {
            let url = without_password(&options.url);
            match error.kind() {
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                    ClientError::LoginRefused(format!("NATS at {url} refuses the login: {error}"))
                }
                _ => ClientError::Unavailable(format!("NATS at {url} does not answer: {error}")),
            }
        })?;
        let ClientOptions { key, ledger_xkey, allow_unsealed, timeout, .. } = options;
        let jetstream_prefix = options.jetstream_prefix;
        Ok(Self {
            nats,
            subjects,
            key,
            ledger_xkey,
            own_pair: Arc::default(),
            allow_unsealed,
            timeout,
            jetstream_prefix,
            link,
            denied,
        })
    }

    /// Returns the same client with another credential.
    pub(crate) fn with_key(&self, key: Key) -> Self {
        Self { key, ..self.clone() }
    }

    /// Returns the subjects that this client uses.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Returns whether NATS is connected now.
    pub fn connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }

    /// Sends everything in the queue and closes the connection.
    pub async fn close(self) {
        if let Err(error) = self.nats.drain().await {
            tracing::debug!(%error, "connection did not drain");
        }
    }

    /// Returns a JetStream context with the configured prefix.
    pub(crate) fn jetstream(&self) -> jetstream::Context {
        let nats = self.nats.clone();
        match &self.jetstream_prefix {
            Some(prefix) => jetstream::with_prefix(nats, prefix),
            None => jetstream::new(nats),
        }
    }

    /// Fails while there is no connection. Otherwise the request would be queued and sent at a
    /// reconnect, long after its sender gave up.
    pub(crate) fn check_connected(&self) -> Result<(), ClientError> {
        if self.connected() {
            return Ok(());
        }
        if self.link.borrow().login_refused {
            return Err(ClientError::LoginRefused(LOGIN_NOW_REFUSED.to_owned()));
        }
        Err(ClientError::Unavailable("NATS is not connected at the moment".to_owned()))
    }

    /// Assembles a request. `about` are the headers besides the API key.
    pub(crate) fn prepare(
        &self,
        subject: &str,
        about: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<Prepared, ClientError> {
        if self.ledger_xkey.is_none() && !self.allow_unsealed {
            return Err(ClientError::Unsealed);
        }
        let curve_keys = (self.ledger_xkey.as_deref(), &*self.own_pair);
        Prepared::new(&self.key, curve_keys, subject, about, body)
    }

    /// Sends a request, sealed if the ledger's curve key is known, and returns the answer or its
    /// error. A request that exceeds a rate is sent again when the ledger said, if that is within
    /// the time limit: it was not looked at. A command is sent again with the same id, within the
    /// time limit, while who answers is not the owner: another becomes it soon, and executes no
    /// command a second time. So is what nobody received, while nodes of a cluster are there.
    pub(crate) async fn request(
        &self,
        subject: String,
        about: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Answer, ClientError> {
        let (body, until) = (Zeroizing::new(body), Instant::now() + self.timeout);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let answered = self.request_once(&subject, &about, &body, left).await;
            let wait = match &answered {
                Ok(_) => None,
                Err(ClientError::NoLedger(_)) => self.wait_for_writer().await,
                Err(error) => {
                    let is_command = about.iter().any(|(name, _)| *name == subjects::COMMAND_ID);
                    let for_owner = (is_command && error.is_not_owner()).then_some(OWNER_WAIT);
                    error.exceeded_rate_for().or(for_owner)
                }
            };
            match wait {
                Some(wait) if wait < until.saturating_duration_since(Instant::now()) => {
                    sleep(wait).await;
                }
                _ => return answered,
            }
        }
    }

    pub(crate) fn no_ledger(&self) -> ClientError {
        ClientError::NoLedger(self.subjects.prefix().to_owned())
    }

    /// Returns how long to wait for a writer if nodes of a cluster are there, of which one becomes
    /// it soon.
    pub(crate) async fn wait_for_writer(&self) -> Option<Duration> {
        let request = Request::new().timeout(Some(OWNER_WAIT));
        let told = self.nats.send_request(self.subjects.nodes(), request).await;
        told.ok().map(|_| OWNER_WAIT)
    }

    async fn request_once(
        &self,
        subject: &str,
        about: &[(&'static str, String)],
        body: &[u8],
        timeout: Duration,
    ) -> Result<Answer, ClientError> {
        self.check_connected()?;
        let Prepared { headers, payload, reader } = self.prepare(subject, about, body)?;
        let request =
            Request::new().headers(headers).payload(payload.into()).timeout(Some(timeout));
        let mut denied = self.denied.clone();
        denied.mark_unchanged();
        let sent = tokio::select! {
            sent = self.nats.send_request(subject.to_owned(), request) => sent,
            () = is_denied(&mut denied, subject) => {
                let text = format!("NATS does not permit this user to send to {subject}");
                return Err(ClientError::NotPermitted(text));
            }
        };
        let message = sent.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => self.no_ledger(),
            RequestErrorKind::TimedOut => {
                let seconds = self.timeout.as_secs_f64();
                ClientError::Unanswered(format!("the ledger did not answer in {seconds} s"))
            }
            _ => ClientError::Unavailable(format!("the request was not sent: {error}")),
        })?;
        reader.read(message)
    }
}

/// Returns the subject, in lower case, of a message that the server did not permit, if that is what
/// happened.
fn denied_subject(event: &Event) -> Option<String> {
    let Event::ServerError(ServerError::Other(text)) = event else { return None };
    let text = text.to_ascii_lowercase();
    let (_, subject) = text.split_once("permissions violation for publish to \"")?;
    subject.strip_suffix('"').map(ToOwned::to_owned)
}

/// Waits until the server does not permit a message to a subject.
async fn is_denied(denied: &mut watch::Receiver<String>, subject: &str) {
    let subject = subject.to_ascii_lowercase();
    while denied.changed().await.is_ok() {
        if *denied.borrow_and_update() == subject {
            return;
        }
    }
    std::future::pending::<()>().await;
}

fn note(sender: &watch::Sender<Link>, event: &Event) {
    match event {
        Event::Connected => sender.send_modify(|link| {
            link.connects += 1;
            link.up = true;
            link.login_refused = false;
        }),
        Event::Disconnected | Event::Closed => sender.send_modify(|link| link.up = false),
        Event::ClientError(NatsError::Other(text)) if is_login_refused(text) => {
            sender.send_if_modified(|link| !std::mem::replace(&mut link.login_refused, true));
        }
        other => tracing::debug!(event = %other, "nats event"),
    }
}

/// Returns whether the reason of a failed attempt to connect is that the login was refused.
fn is_login_refused(reason: &str) -> bool {
    let kinds = [ConnectErrorKind::AuthorizationViolation, ConnectErrorKind::Authentication];
    kinds.iter().any(|kind| kind.to_string() == reason)
}

/// Parses one address, or several separated by commas.
fn addresses(url: &str) -> Result<Vec<ServerAddr>, ClientError> {
    let parse = |part: &str| {
        part.trim().parse().map_err(|_| {
            let part = without_password(part);
            ClientError::Unavailable(format!("{part:?} is not the address of a NATS server"))
        })
    };
    url.split(',').map(parse).collect()
}

/// Takes user and password from the address if the options contain no credentials.
fn or_from_address(mut credentials: Credentials, addresses: &[ServerAddr]) -> Credentials {
    let given =
        credentials.file.is_some() || credentials.nkey_seed.is_some() || credentials.user.is_some();
    if let Some(address) = addresses.iter().find(|address| address.has_user_pass())
        && !given
    {
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        credentials.user = Some((owned(address.username()), owned(address.password())));
    }
    credentials
}

/// Reads a file with a secret, which no other user may read.
fn private_text(path: &Path) -> Result<Zeroizing<String>, ClientError> {
    ledger_vault::read_private(path, LOGIN_BYTES_MAX)
        .map_err(|error| ClientError::Internal(error.to_string()))
}

fn with_credentials(credentials: Credentials) -> Result<ConnectOptions, ClientError> {
    let mut options = ConnectOptions::new();
    if let Some(file) = credentials.file {
        let text = private_text(&file)?;
        options = options.credentials(&text).map_err(|error| {
            ClientError::Internal(format!("cannot use {}: {error}", file.display()))
        })?;
    }
    if let Some(seed) = credentials.nkey_seed {
        options = options.nkey(seed);
    }
    if let Some((user, password)) = credentials.user {
        options = options.user_and_password(user, password);
    }
    if let Some(authority) = credentials.authority {
        options = options.add_root_certificates(authority).require_tls(true);
    }
    if let Some((certificate, key)) = credentials.certificate {
        private_text(&key)?;
        options = options.add_client_certificate(certificate, key).require_tls(true);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_the_server_does_not_permit_is_recognized_by_its_subject() {
        let told =
            |text: &str| denied_subject(&Event::ServerError(ServerError::Other(text.into())));
        let publish = "Permissions Violation for Publish to \"ledger.query._all.list\"";
        assert_eq!(told(publish).as_deref(), Some("ledger.query._all.list"));
        assert_eq!(told("Permissions Violation for Subscription to \"ledger.events.>\""), None);
        assert_eq!(told("stale connection"), None);
        assert_eq!(denied_subject(&Event::Disconnected), None);
    }

    #[test]
    fn a_login_in_the_address_is_used_unless_another_is_given() {
        let addresses = addresses("nats://me:secret@host:4222, nats://other").unwrap();
        let found = or_from_address(Credentials::default(), &addresses);
        assert_eq!(found.user, Some(("me".to_owned(), "secret".to_owned())));
        let given = Credentials { nkey_seed: Some("seed".to_owned()), ..Credentials::default() };
        assert_eq!(or_from_address(given, &addresses).user, None);
    }
}
