//! The connection to NATS and the one way a request is sent.

use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::connection::State;
use async_nats::{ConnectOptions, Event, Request, ServerAddr, jetstream};
use ledger_contract::subjects::Subjects;
use tokio::sync::watch;

use crate::address::without_password;
use crate::error::ClientError;
use crate::options::{ClientOptions, Credentials, Key};
use crate::sealed::{Answer, Prepared};

/// How long making the first connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How often a silent connection is tried; two missed answers mean that it is gone.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// A ledger reached over NATS. Cheap to clone; all clones share one connection.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) nats: async_nats::Client,
    pub(crate) subjects: Subjects,
    pub(crate) key: Key,
    pub(crate) ledger_xkey: Option<String>,
    pub(crate) timeout: Duration,
    jetstream_prefix: Option<String>,
    /// Tells of the connection as it comes and goes.
    pub(crate) link: watch::Receiver<Link>,
}

/// The state of the connection to NATS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// How many times a connection has been made.
    pub(crate) connects: u64,
    /// Whether there is one now.
    pub(crate) up: bool,
}

impl Client {
    /// Connects to NATS.
    ///
    /// Fails with [`ClientError::Unavailable`] when the server is not there, unless the options
    /// say to wait for it; in that case requests fail until it is.
    pub async fn connect(options: ClientOptions) -> Result<Self, ClientError> {
        let subjects = Subjects::with_prefix(&options.prefix)
            .map_err(|invalid| ClientError::Internal(invalid.to_string()))?;
        let (sender, link) = watch::channel(Link::default());
        let addresses = addresses(&options.url)?;
        let credentials = or_from_address(options.credentials, &addresses);
        let mut connect = with_credentials(credentials)
            .await?
            .name("ledger-client")
            .connection_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .request_timeout(Some(options.timeout))
            .event_callback(move |event| {
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
            ClientError::Unavailable(format!("NATS at {url} does not answer: {error}"))
        })?;
        let ClientOptions { key, ledger_xkey, timeout, jetstream_prefix, .. } = options;
        Ok(Self { nats, subjects, key, ledger_xkey, timeout, jetstream_prefix, link })
    }

    /// Returns the names this client uses.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Tells whether NATS is connected now.
    pub fn connected(&self) -> bool {
        self.nats.connection_state() == State::Connected
    }

    /// Sends everything queued and closes the connection.
    pub async fn close(self) {
        if let Err(error) = self.nats.drain().await {
            tracing::debug!(%error, "connection did not drain");
        }
    }

    /// Returns JetStream as this client reaches it.
    pub(crate) fn jetstream(&self) -> jetstream::Context {
        let nats = self.nats.clone();
        match &self.jetstream_prefix {
            Some(prefix) => jetstream::with_prefix(nats, prefix),
            None => jetstream::new(nats),
        }
    }

    /// Refuses to queue anything while there is no connection: what is queued then is sent on
    /// reconnecting, long after its sender gave up on it.
    pub(crate) fn check_connected(&self) -> Result<(), ClientError> {
        if self.connected() {
            return Ok(());
        }
        Err(ClientError::Unavailable("NATS is not connected at the moment".to_owned()))
    }

    /// Puts a request together; `about` are the headers beside the API key.
    pub(crate) fn prepare(
        &self,
        subject: &str,
        about: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Prepared, ClientError> {
        Prepared::new(&self.key, self.ledger_xkey.as_deref(), subject, about, body)
    }

    /// Sends one request, sealed when the ledger's curve key is known, and tells a good answer
    /// from an error.
    pub(crate) async fn request(
        &self,
        subject: String,
        about: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<Answer, ClientError> {
        self.check_connected()?;
        let Prepared { headers, payload, reader } = self.prepare(&subject, about, body)?;
        let request =
            Request::new().headers(headers).payload(payload.into()).timeout(Some(self.timeout));
        let message =
            self.nats.send_request(subject, request).await.map_err(|error| match error.kind() {
                RequestErrorKind::NoResponders => ClientError::Unavailable(format!(
                    "no ledger answers on NATS under the prefix `{}`",
                    self.subjects.prefix()
                )),
                RequestErrorKind::TimedOut => {
                    let seconds = self.timeout.as_secs_f64();
                    ClientError::Unanswered(format!("the ledger did not answer in {seconds} s"))
                }
                _ => ClientError::Unavailable(format!("the request was not sent: {error}")),
            })?;
        reader.read(message)
    }
}

fn note(sender: &watch::Sender<Link>, event: &Event) {
    match event {
        Event::Connected => sender.send_modify(|link| {
            link.connects += 1;
            link.up = true;
        }),
        Event::Disconnected | Event::Closed => sender.send_modify(|link| link.up = false),
        other => tracing::debug!(event = %other, "nats event"),
    }
}

/// Reads one address, or several separated by commas.
fn addresses(url: &str) -> Result<Vec<ServerAddr>, ClientError> {
    let parse = |part: &str| {
        part.trim().parse().map_err(|_| {
            let part = without_password(part);
            ClientError::Unavailable(format!("{part:?} is not the address of a NATS server"))
        })
    };
    url.split(',').map(parse).collect()
}

/// Takes user and password from the address when the options give no login of their own.
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

async fn with_credentials(credentials: Credentials) -> Result<ConnectOptions, ClientError> {
    let mut options = ConnectOptions::new();
    if let Some(file) = credentials.file {
        options = options.credentials_file(&file).await.map_err(|error| {
            ClientError::Internal(format!("cannot read {}: {error}", file.display()))
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
        options = options.add_client_certificate(certificate, key).require_tls(true);
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_in_the_address_is_used_unless_another_is_given() {
        let addresses = addresses("nats://me:secret@host:4222, nats://other").unwrap();
        let found = or_from_address(Credentials::default(), &addresses);
        assert_eq!(found.user, Some(("me".to_owned(), "secret".to_owned())));
        let given = Credentials { nkey_seed: Some("seed".to_owned()), ..Credentials::default() };
        assert_eq!(or_from_address(given, &addresses).user, None);
    }
}
