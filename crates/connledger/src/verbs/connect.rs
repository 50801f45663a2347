//! `connect`.

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use ledger_client::{CommandHeaders, ConnectBegun};
use ledger_contract::queries::{AttemptsQuery, AttemptsView};
use ledger_contract::time;
use serde_json::json;

use super::pending::of_connection;
use super::trial::WAIT_MIN;
use crate::clock;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::read_answer;
use crate::session::Session;

/// How often is asked how it goes.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long is waited after the attempt expired, for what the person did last, in microseconds.
const AFTER_MICROS: i64 = 30 * 1_000_000;

/// Connects a connection by signing in at the provider.
#[derive(Debug, Args)]
#[command(after_help = "\
Open the link, sign in and permit the access; the browser then comes back to the server. The tokens
are stored in your name. Whoever opens the link decides which account is connected, so show it to
nobody else. The connection needs the settings authorization_url, token_url and client_id, and
usually scopes and the secret client_secret; with --device, device_authorization_url in place of
authorization_url. Ctrl-C ends the waiting only: the link, or the code, stays good until it expires.

Examples:
  connledger create --slug crm --provider acme --auth-method refresh_token \\
    --config authorization_url=https://login.acme.com/authorize \\
    --config token_url=https://login.acme.com/token --config client_id=ledger \\
    --config 'scopes:=[\"contacts.read\"]' --secret client_secret=@secret.txt
  connledger connect crm
  connledger connect crm --device                 without a browser that reaches the server
  connledger connect crm --no-wait                only show the link")]
pub(crate) struct ConnectArgs {
    /// Id or slug
    name: String,
    /// Show a code to enter at another device, instead of a link
    #[arg(long)]
    device: bool,
    /// Do not wait until it is connected
    #[arg(long)]
    no_wait: bool,
    /// Expected version of the connection; the command is refused if it has another
    #[arg(long, value_name = "VERSION")]
    expect_version: Option<String>,
    /// Id that links related commands and events
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
}

pub(super) async fn run(common: &Common, args: ConnectArgs, out: Output) -> Result<(), Failure> {
    let ConnectArgs { name, device, no_wait, expect_version, correlation_id } = args;
    let session = Session::open_waiting(common, WAIT_MIN, out).await?;
    // Each attempt is one of its own, so that no id makes it one that was begun before.
    let headers = CommandHeaders {
        expected_version: expect_version,
        correlation_id,
        ..CommandHeaders::default()
    };
    let (accepted, begun) =
        session.client.begin_connect(&session.workspace, &name, device, headers).await?;
    show(out, &name, &begun)?;
    if no_wait {
        return Ok(());
    }
    // By its id, because the slug may be changed meanwhile.
    let id = accepted.receipt.connection.clone().unwrap_or(name);
    let view = wait(&session, &id, &begun).await?;
    let connected = view.connected.filter(|connected| connected.attempt == begun.attempt);
    let Some(connected) = connected else { return Err(not_connected(&view.attempts, &begun)) };
    if out.is_json() {
        let mut object = of_connection(&accepted);
        object.insert("version".to_owned(), connected.version.into());
        object.insert("position".to_owned(), connected.position.into());
        object.insert("recorded_at".to_owned(), connected.at.into());
        object.insert("attempt".to_owned(), connected.attempt.into());
        object.insert("state".to_owned(), "connected".into());
        return out.object(&object);
    }
    let (version, position) = (connected.version, connected.position);
    out.line(format!("connect: {id}  version {version}  position {position}"))
}

/// Shows where a person permits it.
fn show(out: Output, name: &str, begun: &ConnectBegun) -> Result<(), Failure> {
    if out.is_json() {
        let mut object = json!(begun);
        if let Some(members) = object.as_object_mut() {
            members.insert("state".to_owned(), "waiting".into());
        }
        return out.object(&object);
    }
    let until = &begun.expires_at;
    if let Some(link) = &begun.link {
        out.say(format!("to connect {name}, open this link and permit the access, until {until}:"));
        return out.verbatim(link);
    }
    let code = begun.user_code.as_deref().unwrap_or_default();
    let place = begun.verification_uri.as_deref().unwrap_or_default();
    out.say(format!("to connect {name}, enter this code at {place}, until {until}:"));
    out.line(code)?;
    match &begun.verification_uri_complete {
        Some(link) => {
            out.say("or open this link, which has it:");
            out.verbatim(link)
        }
        None => Ok(()),
    }
}

/// Waits until an attempt has ended, and returns what is known then.
async fn wait(session: &Session, id: &str, begun: &ConnectBegun) -> Result<AttemptsView, Failure> {
    let bar = waiting(session.out);
    let expires_at = time::parse("expires_at", &begun.expires_at).unwrap_or_else(|_| clock::now());
    let query = AttemptsQuery { connection: id.to_owned() };
    loop {
        tokio::time::sleep(INTERVAL).await;
        bar.tick();
        let view = match session.client.query(&session.workspace, "attempts", &query).await {
            Ok(answer) => read_answer::<AttemptsView>(&answer)?,
            // The server may be starting again meanwhile.
            Err(error) if clock::now() < expires_at && error.retry() => continue,
            Err(error) => return Err(error.into()),
        };
        let connected = view.connected.as_ref();
        let is_connected = connected.is_some_and(|one| one.attempt == begun.attempt);
        let known = view.attempts.iter().find(|one| one.attempt == begun.attempt);
        let has_ended = known.is_some_and(|one| one.state == "ended");
        // A code is asked about by the process that got it; a link works with any.
        let is_forgotten = known.is_none() && begun.link.is_none();
        let is_over = clock::now().get() >= expires_at.get().saturating_add(AFTER_MICROS);
        if is_connected || has_ended || is_forgotten || is_over {
            bar.finish_and_clear();
            return Ok(view);
        }
    }
}

/// Shows on standard error that something is waited for, if people read that at a terminal.
fn waiting(out: Output) -> ProgressBar {
    if out.is_json() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message("waiting until it is permitted");
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar
}

fn not_connected(
    attempts: &[ledger_contract::queries::AttemptView],
    begun: &ConnectBegun,
) -> Failure {
    let known = attempts.iter().find(|one| one.attempt == begun.attempt);
    let reason = known.and_then(|one| one.reason.as_deref());
    let default = if begun.link.is_some() {
        "nobody permitted it in time"
    } else {
        "the server was started again, and asks no more whether the code was entered"
    };
    Failure::refused(format!("not connected: {}", reason.unwrap_or(default)))
        .hint("to try again, send the command again")
}
