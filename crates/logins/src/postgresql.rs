//! PostgreSQL, and what speaks like it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use ledger_domain::connection::TestOutcome;
use ledger_providers::{Login, Protocol, Security};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{ChannelBinding, NoTls, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Error};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Rustls;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::finding::Finding;
use crate::target::{Target, tls_finding};
use crate::watched::{FirstBytes, Watched};

/// The function of the server that looks whether a login is admitted at all, by its host and user.
const ADMISSION: &str = "ClientAuthentication";

pub(crate) async fn log_in(login: &Login, target: &Target) -> Result<Finding, Finding> {
    let mut config = Config::new();
    config.user(login.user.as_ref().map_or("", |user| user.as_str()));
    config.password(login.password.as_bytes());
    config.application_name("connledger");
    if let Some(database) = &login.database {
        config.dbname(database.as_str());
    }
    config.ssl_mode(match target.security {
        Security::Off => SslMode::Disable,
        Security::Preferred => SslMode::Prefer,
        _ => SslMode::Require,
    });
    let stream = target.dial().await?;
    let plain = stream.first();
    let encrypted = FirstBytes::default();
    let client = if target.security == Security::Off {
        let made = config.connect_raw(stream, NoTls).await;
        made.map(|(client, _)| client)
    } else {
        let (connector, name) = target.tls()?;
        let tls = Tls { connector, name, first: encrypted.clone() };
        config.connect_raw(stream, tls).await.map(|(client, _)| client)
    };
    let client: Client = client.map_err(|error| refused(&error))?;
    // The connection is gone with its other half, which nothing drives.
    drop(client);
    let first = if encrypted.get().is_empty() { plain.get() } else { encrypted.get() };
    Ok(if asks_for_nothing(&first) { Finding::open_to_all() } else { Finding::accepted() })
}

/// Returns whether the first message of a server says that the login is complete.
fn asks_for_nothing(first: &[u8]) -> bool {
    // A server without TLS says so before.
    let message = first.strip_prefix(b"N").unwrap_or(first);
    message.starts_with(&[b'R', 0, 0, 0, 8, 0, 0, 0, 0])
}

fn refused(error: &Error) -> Finding {
    let Some(said) = error.as_db_error() else {
        let is_broken = std::error::Error::source(error)
            .and_then(|cause| cause.downcast_ref::<io::Error>())
            .is_some_and(|cause| cause.kind() != io::ErrorKind::InvalidInput);
        return match ledger_outgoing::tls_failure(error) {
            Some(_) => tls_finding(error),
            None if error.is_closed() || is_broken => Finding::unanswered("the connection broke"),
            None if error.to_string().contains("TLS") => {
                Finding::unanswered("it has no TLS, which the connection demands")
            }
            None => Finding::no_protocol(Protocol::PostgreSql),
        };
    };
    let code = said.code();
    let (outcome, what) = if *code == SqlState::INVALID_PASSWORD {
        (TestOutcome::CredentialsRefused, "refused the user or the password (28P01)")
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        if said.routine() == Some(ADMISSION) {
            (TestOutcome::NotPermitted, "admits no such login from here (28000)")
        } else {
            (TestOutcome::CredentialsRefused, "refused the user (28000)")
        }
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        (TestOutcome::NotPermitted, "accepted the login, but has no such database (3D000)")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        let what = "accepted the login, but the user may not connect to the database (42501)";
        (TestOutcome::NotPermitted, what)
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        (TestOutcome::RateLimited, "has too many connections (53300)")
    } else if matches!(code.code().get(..2), Some("57" | "08")) {
        (TestOutcome::Unreachable, "takes no connections now")
    } else {
        (
            TestOutcome::Inconclusive,
            "answered with an error that says nothing about the credentials",
        )
    };
    Finding::new(outcome, what)
}

/// Speaks TLS for the driver.
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    first: FirstBytes,
}

impl TlsConnect<Watched<TcpStream>> for Tls {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: Watched<TcpStream>) -> Self::Future {
        Box::pin(async move {
            let stream = self.connector.connect(self.name, stream).await?;
            Ok(Encrypted(Watched::noting(stream, self.first)))
        })
    }
}

/// A connection with TLS.
struct Encrypted(Watched<Rustls<Watched<TcpStream>>>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
