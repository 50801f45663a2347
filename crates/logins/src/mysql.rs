//! MySQL and MariaDB. The driver makes the connection itself, to an address that was checked.

use std::net::{IpAddr, SocketAddr};

use ledger_domain::connection::TestOutcome;
use ledger_outgoing::Proof;
use ledger_providers::{Login, Protocol, Security};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder, SslOpts};

use crate::finding::Finding;
use crate::target::{Target, tls_finding};

/// The longest packet that is read, in bytes.
const PACKET_MAX: usize = 64 * 1024;
/// A user that no server has, with this password: one that lets it in asks nobody for one.
const NOBODY: &str = "connledger-nobody";

pub(crate) async fn log_in(login: &Login, target: &Target) -> Result<Finding, Finding> {
    match target.security {
        Security::Off => connect(login, target, false).await,
        Security::Preferred => match connect(login, target, true).await {
            Err(finding) if finding == without_tls() => connect(login, target, false).await,
            finding => finding,
        },
        _ => connect(login, target, true).await,
    }
}

async fn connect(login: &Login, target: &Target, encrypts: bool) -> Result<Finding, Finding> {
    let options = options(login, target, encrypts);
    let mut connection = Conn::new(options.clone()).await.map_err(refused)?;
    // No query: the driver would make room for as many columns as the server announces.
    connection.ping().await.map_err(refused)?;
    // Whoever waits for the answer has it already.
    connection.disconnect().await.ok();
    let stranger = OptsBuilder::from_opts(options).user(Some(NOBODY)).pass(Some(NOBODY));
    match Conn::new(stranger.db_name(None::<String>)).await {
        Ok(connection) => {
            connection.disconnect().await.ok();
            Ok(Finding::open_to_all())
        }
        Err(_) => Ok(Finding::accepted()),
    }
}

fn options(login: &Login, target: &Target, encrypts: bool) -> Opts {
    let port = target.addresses.first().map_or(0, SocketAddr::port);
    let addresses: Vec<IpAddr> = target.addresses.iter().map(SocketAddr::ip).collect();
    let tls = encrypts.then(|| {
        let roots = target.authorities.certificates();
        let roots = roots.map(|certificate| certificate.to_vec().into()).collect();
        SslOpts::default()
            .with_disable_built_in_roots(true)
            .with_root_certs(roots)
            .with_danger_accept_invalid_certs(target.proof() == Proof::Nothing)
            .with_danger_skip_domain_validation(target.proof() != Proof::Name)
    });
    OptsBuilder::default()
        .ip_or_hostname(target.name.clone())
        .resolved_ips(Some(addresses))
        .tcp_port(port)
        .user(login.user.as_ref().map(|user| user.as_str()))
        .pass(Some(login.password.as_str()))
        .db_name(login.database.as_ref().map(|database| database.as_str()))
        .ssl_opts(tls)
        // The driver would go to a socket of this machine if the server named one.
        .prefer_socket(Some(false))
        // It would ask the server for these, and read whatever comes.
        .max_allowed_packet(Some(PACKET_MAX))
        .wait_timeout(Some(60))
        .stmt_cache_size(Some(0))
        .enable_cleartext_plugin(false)
        .into()
}

fn without_tls() -> Finding {
    Finding::unanswered("it has no TLS, which the connection demands")
}

fn refused(error: Error) -> Finding {
    let said = match error {
        Error::Server(said) => said,
        Error::Driver(DriverError::NoClientSslFlagFromServer) => return without_tls(),
        Error::Io(error) => {
            return match ledger_outgoing::tls_failure(&error) {
                Some(_) => tls_finding(&error),
                None => Finding::unanswered(about(&error)),
            };
        }
        _ => return Finding::no_protocol(Protocol::MySql),
    };
    let (outcome, what) = match said.code {
        1045 => (TestOutcome::CredentialsRefused, "refused the user or the password (1045)"),
        1698 => (TestOutcome::CredentialsRefused, "refused the user, who has no password (1698)"),
        1044 => {
            let what = "accepted the login, but the user may not use the database (1044)";
            (TestOutcome::NotPermitted, what)
        }
        1049 => (TestOutcome::NotPermitted, "accepted the login, but has no such database (1049)"),
        1130 => (TestOutcome::NotPermitted, "admits no login from here (1130)"),
        3118 | 4151 => (TestOutcome::NotPermitted, "has locked the account"),
        1040 | 1203 | 1226 => (TestOutcome::RateLimited, "has too many connections"),
        1129 => (TestOutcome::RateLimited, "admits no more logins from here for now (1129)"),
        1053 => (TestOutcome::Unreachable, "takes no connections now"),
        1820 | 1862 => (TestOutcome::CredentialsRefused, "says that the password has expired"),
        _ => {
            let what = "answered with an error that says nothing about the credentials";
            (TestOutcome::Inconclusive, what)
        }
    };
    Finding::new(outcome, what)
}

fn about(error: &mysql_async::IoError) -> &'static str {
    let mysql_async::IoError::Io(error) = error else { return "TLS failed" };
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "it refuses connections",
        _ => "the connection broke",
    }
}
