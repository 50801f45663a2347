//! `alert create`, `update`, `rotate-secret`, `test`, `replay` and `remove`. The subcommands that
//! only read are in `alert_lists.rs`.

use clap::{Args, Subcommand};
use ledger_client::{Accepted, IssuedSigning};
use ledger_contract::subjects::LEDGER;
use serde_json::{Value, json};

use super::alert_lists::{DeadLettersArgs, ListArgs, ShowArgs};
use super::pending::{PendingCommand, WriteArgs, told};
use super::{alert_lists, send};
use crate::body::{self, Body};
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// The subcommands of `alert`.
#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    Create(CreateArgs),
    Update(UpdateArgs),
    RotateSecret(RotateArgs),
    #[command(after_help = "Examples:\n  connledger alert test ops")]
    Test(NameArgs),
    Replay(ReplayArgs),
    #[command(after_help = "Examples:\n  connledger alert remove ops")]
    Remove(NameArgs),
    /// List the alerts of a workspace, and how far their messages are
    List(ListArgs),
    /// Show one alert
    Show(ShowArgs),
    /// List the events of an alert that its receiver did not take in time
    DeadLetters(DeadLettersArgs),
}

/// Of which place an alert is.
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// Of the whole ledger, about the events of all workspaces
    #[arg(long)]
    pub(super) ledger: bool,
}

impl PlaceArgs {
    pub(super) async fn open(&self, common: &Common, out: Output) -> Result<Session, Failure> {
        if self.ledger {
            return Session::of_ledger(common, out).await;
        }
        Session::open(common, out).await
    }
}

/// Which events an alert is about.
#[derive(Debug, Args)]
struct AboutArgs {
    /// Events, such as health-changed, secret-compromised, secret-overdue or a type of event like
    /// secret-rotated; separate several with commas
    #[arg(long, value_delimiter = ',', value_name = "EVENTS")]
    on: Vec<String>,
    /// Only those of connections of this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only those of connections with this label; repeat for more
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
}

impl AboutArgs {
    fn set(self, command: PendingCommand) -> PendingCommand {
        let on: Vec<_> = self.on.iter().map(|word| word.replace('-', "_")).collect();
        let labels: Body =
            self.labels.into_iter().map(|(key, value)| (key, Value::String(value))).collect();
        command
            .with_some("on", (!on.is_empty()).then(|| json!(on)))
            .with_some("provider", self.provider)
            .with_some("labels", (!labels.is_empty()).then_some(labels))
    }
}

/// Creates an alert.
#[derive(Debug, Args)]
#[command(after_help = "\
The signing secret is shown once, alone on standard output; mail is not signed. Without --on, an
alert is about health-changed, secret-compromised and secret-overdue.

Examples:
  connledger alert create ops --url https://hooks.example.com/ledger
  connledger alert create ops --email ops@example.com --on marked-failed
  connledger alert create leaks --ledger --url https://hooks.example.com/leaks --on secret-compromised
  connledger alert create payments --url https://hooks.example.com/p --label team=payments \\
    --signature ed25519")]
pub(crate) struct CreateArgs {
    /// A name for the alert
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
    /// The URL to which its messages go, as signed requests
    #[arg(long, required_unless_present = "email")]
    url: Option<String>,
    /// The address to which they go by mail, many in one if many come at once
    #[arg(long, conflicts_with = "url", value_name = "ADDRESS")]
    email: Option<String>,
    #[command(flatten)]
    about: AboutArgs,
    /// How requests are signed: hmac or ed25519 [default: hmac]
    #[arg(long, conflicts_with = "email", value_name = "SCHEME")]
    signature: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Changes an alert.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger alert update ops --url https://hooks.example.com/v2
  connledger alert update ops --on health-changed,secret-rotated
  connledger alert update ops --email ops@example.com
  connledger alert update ops --disable")]
pub(crate) struct UpdateArgs {
    #[command(flatten)]
    alert: NameArgs,
    /// The URL to which its messages go from now on
    #[arg(long)]
    url: Option<String>,
    /// The address to which they go by mail from now on
    #[arg(long, conflicts_with = "url", value_name = "ADDRESS")]
    email: Option<String>,
    #[command(flatten)]
    about: AboutArgs,
    /// Send messages again, those that wait first
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Send nothing until it is enabled again; messages wait
    #[arg(long)]
    disable: bool,
}

/// Replaces the signing secret of an alert.
#[derive(Debug, Args)]
#[command(after_help = "\
The new secret is shown once, alone on standard output. Until the overlap ends, each message has a
signature for each of the two, so a receiver that knows either accepts it.

Examples:
  connledger alert rotate-secret ops
  connledger alert rotate-secret ops --overlap-seconds 3600
  connledger alert rotate-secret ops --overlap-seconds 0")]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    alert: NameArgs,
    /// For how many seconds messages are signed with the former secret as well [default: 86400]
    #[arg(long, value_name = "SECONDS")]
    overlap_seconds: Option<u32>,
    /// How messages are signed from now on: hmac or ed25519 [default: as before]
    #[arg(long, value_name = "SCHEME")]
    signature: Option<String>,
}

/// Sends dead letters again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger alert replay ops
  connledger alert replay ops --position 1042")]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    alert: NameArgs,
    /// Only the event at this position, as dead-letters shows it
    #[arg(long)]
    position: Option<u64>,
}

/// Names an alert.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// The alert
    name: String,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    write: WriteArgs,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) async fn run(
    common: &Common,
    command: AlertCommand,
    out: Output,
) -> Result<(), Failure> {
    let about =
        |verb, name: String, write| PendingCommand::about_nothing(verb, write).with("alert", name);
    match command {
        AlertCommand::Create(args) => {
            let CreateArgs { name, place, url, email, about: events, signature, write } = args;
            let command = about("create-alert", name, write)
                .with_some("url", url)
                .with_some("email", email)
                .with_some("signature", signature);
            sign(&place.open(common, out).await?, events.set(command)).await
        }
        AlertCommand::RotateSecret(args) => {
            let RotateArgs { alert, overlap_seconds, signature } = args;
            let NameArgs { name, place, write } = alert;
            let command = about("rotate-alert-secret", name, write)
                .with_some("overlap_seconds", overlap_seconds)
                .with_some("signature", signature);
            sign(&place.open(common, out).await?, command).await
        }
        AlertCommand::Update(args) => {
            let UpdateArgs { alert, url, email, about: events, enable, disable } = args;
            let NameArgs { name, place, write } = alert;
            let command = about("update-alert", name, write)
                .with_some("url", url)
                .with_some("email", email)
                .with_some("enabled", (enable || disable).then_some(enable));
            change(common, &place, events.set(command), out).await
        }
        AlertCommand::Test(NameArgs { name, place, write }) => {
            change(common, &place, about("test-alert", name, write), out).await
        }
        AlertCommand::Remove(NameArgs { name, place, write }) => {
            change(common, &place, about("remove-alert", name, write), out).await
        }
        AlertCommand::Replay(ReplayArgs { alert, position }) => {
            let NameArgs { name, place, write } = alert;
            let command = about("replay-alert", name, write).with_some("position", position);
            change(common, &place, command, out).await
        }
        AlertCommand::List(args) => alert_lists::list(common, args, out).await,
        AlertCommand::Show(args) => alert_lists::show(common, args, out).await,
        AlertCommand::DeadLetters(args) => alert_lists::dead_letters(common, args, out).await,
    }
}

async fn change(
    common: &Common,
    place: &PlaceArgs,
    command: PendingCommand,
    out: Output,
) -> Result<(), Failure> {
    let session = place.open(common, out).await?;
    send(&session, &session.workspace, command).await
}

/// Sends a command whose answer has what receivers check signatures with, and writes that.
async fn sign(session: &Session, command: PendingCommand) -> Result<(), Failure> {
    let PendingCommand { verb, body, write } = command;
    let name = body.get("alert").and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_signed = !body.contains_key("email");
    let body = body::bytes(body);
    let sent = session.client.sign_alert(&session.workspace, verb, body, write.into()).await;
    let (accepted, signing) = sent?;
    write_signing(session, (verb, &name), &accepted, signing.as_ref())?;
    if signing.is_none() && is_signed {
        session.out.hint(format!(
            "this command was answered before; if the secret is lost: \
             connledger alert rotate-secret {name}{}",
            place_of(session)
        ));
    }
    Ok(())
}

fn write_signing(
    session: &Session,
    (verb, name): (&str, &str),
    accepted: &Accepted,
    signing: Option<&IssuedSigning>,
) -> Result<(), Failure> {
    let out = session.out;
    if out.is_json() {
        let mut object = told(accepted);
        object.insert("alert".to_owned(), name.into());
        if let Some(signing) = signing {
            object.insert("signing".to_owned(), json!(signing));
        }
        return out.object(&object);
    }
    let shown = signing.and_then(|signing| signing.secret.as_ref().or(signing.public_key.as_ref()));
    if let Some(shown) = shown {
        out.verbatim(shown)?;
    }
    out.say(format!("{verb}: {name}"));
    if signing.is_some_and(|signing| signing.secret.is_some()) {
        out.hint("the secret is not shown again; give it to the receiver");
    }
    out.hint(format!("to try it: connledger alert test {name}{}", place_of(session)));
    Ok(())
}

/// Returns what commands about an alert of the ledger as a whole take.
fn place_of(session: &Session) -> &'static str {
    if session.workspace == LEDGER { " --ledger" } else { "" }
}
