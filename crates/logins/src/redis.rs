//! Redis and Valkey.

use ledger_domain::connection::TestOutcome;
use ledger_providers::{Login, Protocol, Security};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, ErrorKind, RedisConnectionInfo, RedisError, Value, cmd};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::finding::Finding;
use crate::target::Target;

pub(crate) async fn log_in(login: &Login, target: &Target) -> Result<Finding, Finding> {
    let stream = target.dial().await?;
    match target.security {
        Security::Off | Security::Preferred => over(login, stream).await,
        _ => over(login, target.encrypt(stream).await?).await,
    }
}

async fn over<S>(login: &Login, stream: S) -> Result<Finding, Finding>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // The commands of a login are sent below, where their errors are told apart.
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let made = MultiplexedConnection::new_with_config(&info, stream, config).await;
    let (connection, driver) = made.map_err(|error| refused(&error))?;
    let asking = ask(login, connection);
    tokio::pin!(asking, driver);
    // The driver ends when the connection does; what was asked then ends as well.
    tokio::select! {
        asked = &mut asking => asked,
        () = &mut driver => asking.await,
    }
}

async fn ask(login: &Login, mut connection: MultiplexedConnection) -> Result<Finding, Finding> {
    let mut send = async |command: Cmd| -> Result<Value, RedisError> {
        command.query_async(&mut connection).await
    };
    let user = login.user.as_ref().map(|user| user.as_str()).filter(|user| *user != "default");
    let password = login.password.as_str();
    // Whoever gets an answer without a login needs none; another user may all the same.
    if user.is_none() {
        match send(cmd("PING")).await {
            Err(error) if error.code() == Some("NOAUTH") => {}
            Err(error) if is_open(&error) => return Ok(Finding::open_to_all()),
            Err(error) => return Err(refused(&error)),
            Ok(_) => return Ok(Finding::open_to_all()),
        }
    }
    let mut auth = cmd("AUTH");
    if let Some(user) = user {
        auth.arg(user);
    }
    auth.arg(password);
    send(auth)
        .await
        .map_err(|error| if is_open(&error) { Finding::open_to_all() } else { refused(&error) })?;
    if let Some(database) = login.database.as_ref().filter(|database| database.as_str() != "0") {
        let mut select = cmd("SELECT");
        select.arg(database.as_str());
        send(select).await.map_err(|error| match error.code() {
            Some("ERR") => {
                let what = "accepted the login, but has no such database";
                Finding::new(TestOutcome::NotPermitted, what)
            }
            _ => refused(&error),
        })?;
    }
    send(cmd("PING")).await.map_err(|error| refused(&error))?;
    Ok(Finding::accepted())
}

/// Returns whether an error says that the server asks for no password.
fn is_open(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    detail.contains("without any password configured") || detail.contains("no password is set")
}

fn refused(error: &RedisError) -> Finding {
    let (outcome, what) = match error.code() {
        Some("WRONGPASS") => (TestOutcome::CredentialsRefused, "refused the user or the password"),
        Some("NOAUTH") => (TestOutcome::CredentialsRefused, "demands another login"),
        Some("NOPERM") => (TestOutcome::NotPermitted, "accepted the login, but permits no use"),
        Some("DENIED") => (TestOutcome::NotPermitted, "admits no login from here"),
        Some("LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN") => {
            (TestOutcome::Unreachable, "takes no connections now")
        }
        Some(_) => {
            let detail = error.detail().unwrap_or_default();
            if detail.contains("invalid password") {
                (TestOutcome::CredentialsRefused, "refused the password")
            } else if detail.contains("max number of clients") {
                (TestOutcome::RateLimited, "has too many connections")
            } else {
                let what = "answered with an error that says nothing about the credentials";
                (TestOutcome::Inconclusive, what)
            }
        }
        None if matches!(error.kind(), ErrorKind::Parse | ErrorKind::UnexpectedReturnType) => {
            return Finding::no_protocol(Protocol::Redis);
        }
        None => return Finding::unanswered("the connection broke"),
    };
    Finding::new(outcome, what)
}
