//! The SMTP relay.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use ledger_domain::MailAddress;
use ledger_outgoing::{Authorities, Url, tls_failure};
use lettre::Message;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The port of SMTP with TLS from the start.
const PORT_TLS: u16 = 465;
/// The port of SMTP that begins TLS with STARTTLS.
const PORT_STARTTLS: u16 = 587;
/// Addresses of the relay that are tried, at most.
const ADDRESSES_MAX: usize = 4;
/// Connections to the relay at once, for all alerts.
const CONNECTIONS_MAX: usize = 4;
/// A relay may check a mail for as many times as long as any other step takes.
const TAKING_STEPS: u32 = 8;
/// How long is waited for the end of a connection whose mail was taken.
const QUIT_PATIENCE: Duration = Duration::from_secs(1);
/// Codes that say that the relay does not know this server, whatever the mail is.
const LOGIN_CODES: [u16; 4] = [530, 534, 535, 538];
/// The code that says that the relay is about to go away.
const GOING_AWAY: u16 = 421;

/// Where a relay is, and as whom mail is given to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayUrl {
    /// Whether TLS is there from the start; otherwise it begins with STARTTLS, without which
    /// nothing is sent.
    pub tls_from_start: bool,
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user, if it asks for one.
    pub user: Option<String>,
}

impl FromStr for RelayUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must be like smtps://user@mail.example.com:465, or smtp:// for \
                            STARTTLS, without a password";
        let url: Url = text.parse().map_err(|_| FORM)?;
        let tls_from_start = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err(FORM),
        };
        let has_more = url.password().is_some()
            || !matches!(url.path(), "" | "/")
            || url.query().is_some()
            || url.fragment().is_some();
        let host = url.host_str().filter(|host| !host.is_empty() && !has_more).ok_or(FORM)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let default = if tls_from_start { PORT_TLS } else { PORT_STARTTLS };
        // A user is often an address, whose `@` is written as `%40`.
        let user = percent_decode_str(url.username()).decode_utf8().map_err(|_| FORM)?;
        if user.chars().any(char::is_control) {
            return Err(FORM);
        }
        let user = (!user.is_empty()).then(|| user.into_owned());
        Ok(Self { tls_from_start, host, port: url.port().unwrap_or(default), user })
    }
}

/// How mail is sent.
pub struct RelayOptions {
    /// The relay.
    pub url: RelayUrl,
    /// The password of its user.
    pub password: Option<Zeroizing<String>>,
    /// Who sends the mail, such as `Ledger <ledger@example.com>`.
    pub from: String,
    /// The authorities that may vouch for the relay.
    pub authorities: Authorities,
    /// The longest that the relay may take for one step: to connect, to begin TLS, to log in, to
    /// take a mail.
    pub answer_max: Duration,
    /// The least time between two mails of one alert.
    pub every: Duration,
}

impl fmt::Debug for RelayOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelayOptions({:?})", self.url)
    }
}

/// Why a relay cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The sender is no address.
    #[error(
        "the sender must be like ledger@example.com, or Connection Ledger <ledger@example.com>"
    )]
    From,
    /// A user without a password.
    #[error("the relay has a user, whose password is not given")]
    NoPassword,
    /// A password without a user.
    #[error("a password is given, but no user; name one as in smtp://user@mail.example.com")]
    NoUser,
    /// TLS cannot be used.
    #[error("TLS cannot be used for mail")]
    Tls(#[source] Error),
}

/// What a relay made of a mail. The texts say why in words without anything of the relay's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It took it.
    Taken,
    /// It does not take this one now.
    NotNow(String),
    /// It will not take this one.
    Never(String),
    /// There is no relay, or none that takes any mail of this server.
    Away(String),
}

/// Gives mail to a relay.
pub struct Relay {
    url: RelayUrl,
    login: Option<Credentials>,
    pub(super) from: Mailbox,
    tls: TlsParameters,
    answer_max: Duration,
    pub(super) every: Duration,
    connections: Semaphore,
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({:?})", self.url)
    }
}

impl Relay {
    /// Prepares a relay. Nothing is sent.
    ///
    /// Errors: the sender is no address; only one of user and password is given; TLS.
    pub fn new(options: RelayOptions) -> Result<Arc<Self>, RelayError> {
        let RelayOptions { url, password, from, authorities, answer_max, every } = options;
        let login = match (&url.user, password) {
            (Some(user), Some(password)) => {
                Some(Credentials::new(user.clone(), password.as_str().to_owned()))
            }
            (None, None) => None,
            (Some(_), None) => return Err(RelayError::NoPassword),
            (None, Some(_)) => return Err(RelayError::NoUser),
        };
        let from: Mailbox = from.parse().map_err(|_| RelayError::From)?;
        MailAddress::parse("from", from.email.as_ref()).map_err(|_| RelayError::From)?;
        let mut tls =
            TlsParameters::builder(url.host.clone()).certificate_store(CertificateStore::None);
        for der in authorities.certificates() {
            let authority = Certificate::from_der(der.to_vec()).map_err(RelayError::Tls)?;
            tls = tls.add_root_certificate(authority);
        }
        let tls = tls.build_rustls().map_err(RelayError::Tls)?;
        let connections = Semaphore::new(CONNECTIONS_MAX);
        Ok(Arc::new(Self { url, login, from, tls, answer_max, every, connections }))
    }

    /// Gives a mail to the relay.
    pub(super) async fn send(&self, mail: &Message) -> Answer {
        let Ok(_place) = self.connections.acquire().await else {
            return Answer::Away("the server stops".to_owned());
        };
        let mut connection = match self.connected().await {
            Ok(connection) => connection,
            Err(because) => return Answer::Away(because),
        };
        let answer = self.hand_over(&mut connection, mail).await.err().unwrap_or(Answer::Taken);
        // The answer stands, whatever becomes of the connection.
        timeout(QUIT_PATIENCE, connection.abort()).await.ok();
        answer
    }

    /// Gives a mail to a relay that has let this server in.
    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        mail: &Message,
    ) -> Result<(), Answer> {
        let envelope = mail.envelope();
        let sender = Mail::new(envelope.from().cloned(), Vec::new());
        // The sender is the same for every mail, so a refusal says nothing about this one.
        let known = self.step("when it was told the sender", connection.command(sender)).await;
        known.map_err(|because| Answer::Away(format!("{because} to the sender, --smtp-from")))?;
        for to in envelope.to() {
            let told = connection.command(Rcpt::new(to.clone(), Vec::new()));
            self.last_step(self.answer_max, told).await?;
        }
        self.last_step(self.answer_max, connection.command(Data)).await?;
        let text = mail.formatted();
        self.last_step(self.answer_max * TAKING_STEPS, connection.message(&text)).await
    }

    /// Takes a step that is about one mail. Without an answer the relay may have taken it, or does
    /// not get over it, so that is an attempt: it is sent again under the same id, and not forever.
    async fn last_step<T>(
        &self,
        most: Duration,
        step: impl Future<Output = Result<T, Error>>,
    ) -> Result<(), Answer> {
        match timeout(most, step).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(refused(&error)),
            Err(_) => Err(Answer::NotNow(too_slow("when it was given a mail"))),
        }
    }

    /// Connects, begins TLS and logs in. A relay that does not let this server in takes no mail at
    /// all, so whatever it says here is no word about a mail.
    async fn connected(&self) -> Result<AsyncSmtpConnection, String> {
        let RelayUrl { tls_from_start, host, port, .. } = &self.url;
        let found = timeout(self.answer_max, tokio::net::lookup_host((host.as_str(), *port)));
        let found = found.await.map_err(|_| too_slow("when its name was resolved"))?;
        let found = found.map_err(|_| "the name of the mail relay cannot be resolved")?;
        let addresses: Vec<_> = found.take(ADDRESSES_MAX).collect();
        let share = u32::try_from(addresses.len()).unwrap_or(1).max(1);
        let hello = ClientId::default();
        let connecting = AsyncSmtpConnection::connect_tokio1(
            addresses.as_slice(),
            Some(self.answer_max / share),
            &hello,
            tls_from_start.then(|| self.tls.clone()),
            None,
        );
        let mut connection = self.step("when it was connected to", connecting).await?;
        if !tls_from_start {
            let beginning = connection.starttls(self.tls.clone(), &hello);
            self.step("when TLS was begun", beginning).await?;
        }
        if let Some(login) = &self.login {
            let known = timeout(self.answer_max, connection.auth(DEFAULT_MECHANISMS, login));
            let known = known.await.map_err(|_| too_slow("when it was given the login"))?;
            known.map_err(|error| match error.status() {
                Some(code) => format!("the mail relay refuses the login with {code}"),
                None => no_connection(&error),
            })?;
        }
        Ok(connection)
    }

    /// Takes a step that says nothing about a mail.
    async fn step<T>(
        &self,
        when: &str,
        step: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, String> {
        match timeout(self.answer_max, step).await {
            Ok(done) => done.map_err(|error| no_connection(&error)),
            Err(_) => Err(too_slow(when)),
        }
    }
}

fn too_slow(when: &str) -> String {
    format!("the mail relay did not answer in time {when}")
}

/// Returns what it means that a relay did not take a mail.
fn refused(error: &Error) -> Answer {
    let Some(code) = error.status() else { return Answer::NotNow(no_connection(error)) };
    let number = u16::from(code);
    if number == GOING_AWAY || LOGIN_CODES.contains(&number) {
        return Answer::Away(format!("the mail relay takes nothing now, with {code}"));
    }
    if error.is_permanent() {
        return Answer::Never(format!("the mail relay refuses it for good, with {code}"));
    }
    Answer::NotNow(format!("the mail relay does not take it now, with {code}"))
}

/// Says why there is no connection, or no more, without anything of the other side's words.
fn no_connection(error: &Error) -> String {
    if let Some(code) = error.status() {
        return format!("the mail relay answers with {code}");
    }
    if let Some(failure) = tls_failure(error) {
        return format!("the mail relay: {failure}");
    }
    let because = if error.is_timeout() {
        "the mail relay did not answer in time"
    } else if error.is_client() {
        "the mail relay does not offer what is needed, such as STARTTLS or a login"
    } else {
        "the mail relay cannot be reached, or the connection broke"
    };
    because.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_named_by_a_url_without_a_password() {
        let url: RelayUrl = "smtps://ledger%40example.com@mail.example.com".parse().unwrap();
        assert_eq!((url.port, url.user.as_deref()), (465, Some("ledger@example.com")));
        assert!(url.tls_from_start);
        let url: RelayUrl = "smtp://[::1]:2525".parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls_from_start), ("::1", 2525, false));
        for bad in [
            "",
            "mail.example.com",
            "http://a",
            "smtps://u:p@a",
            "smtp://a/b",
            "smtp://a?x",
            "smtp://a%0d%0ab@mail.example.com",
        ] {
            assert!(bad.parse::<RelayUrl>().is_err(), "{bad}");
        }
    }
}
