//! `unwrap` and `handover`: receives what was handed over, lists and revokes it.

use std::fmt;
use std::str::FromStr;

use clap::{Args, Subcommand};
use ledger_client::{Client, HandedOver};
use ledger_contract::access::IssuedKey;
use ledger_contract::queries::{HandoverView, HandoversAnswer};
use zeroize::Zeroizing;

use super::{PendingCommand, WriteArgs, send};
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::key_out::{KeyOut, KeyOutArgs, hand_out};
use crate::output::Output;
use crate::queries::{read_answer, short_time, show_secrets};
use crate::session::{self, Session};
use crate::table::Table;
use crate::text;

/// Receives what was handed over.
#[derive(Debug, Args)]
#[command(after_help = "\
The token is the credential, so no API key is needed. It is good for one use: if the answer is lost,
ask for another one. With one field and without --json, only the bare value is written. If an API key
was handed over, it is written alone, or to the file of --out.

Examples:
  connledger unwrap < token
  connledger unwrap --out eu-1.key < token
  connledger unwrap --own-key --key-file eu-1.key < token")]
pub(crate) struct UnwrapArgs {
    /// The token, which others can see in the process list; - or nothing for standard input
    #[arg(default_value = "-")]
    token: TokenArg,
    /// Send the API key as the credential, as handovers take that are for one principal
    #[arg(long)]
    own_key: bool,
    #[command(flatten)]
    key_out: KeyOutArgs,
}

/// A token on the command line, or where to read it. Its debug output omits it.
#[derive(Clone)]
struct TokenArg(Zeroizing<String>);

impl FromStr for TokenArg {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for TokenArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenArg(..)")
    }
}

impl TokenArg {
    fn read(self, out: Output) -> Result<Zeroizing<String>, Failure> {
        if self.0.as_str() != "-" {
            out.hint(
                "a token on the command line is visible to others (ps); prefer standard input",
            );
            return Ok(self.0);
        }
        let text = text::read_stdin()
            .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
        let text = Zeroizing::new(text);
        Ok(Zeroizing::new(text.trim().to_owned()))
    }
}

pub(super) async fn unwrap(common: &Common, args: UnwrapArgs, out: Output) -> Result<(), Failure> {
    let UnwrapArgs { token, own_key, key_out } = args;
    let token = token.read(out)?;
    // Before the token is used, so that nothing is lost if the file cannot be made.
    let file = key_out.open()?;
    let received = if own_key {
        Client::connect(session::options(common)?).await?.receive_own(&token).await?
    } else {
        let options = session::options_with(common, || Ok(token.clone()))?;
        Client::connect(options).await?.receive(&token).await?
    };
    match received {
        HandedOver::Secrets(secrets) => {
            if file.is_some() {
                out.hint("--out is for an API key; these are values of secrets");
            }
            show_secrets(out, &secrets, secrets.len() == 1)
        }
        HandedOver::Key { principal, key } => show_key(out, &principal, &key, file),
    }
}

/// Writes an API key that was received.
fn show_key(
    out: Output,
    principal: &str,
    issued: &IssuedKey,
    mut file: Option<KeyOut>,
) -> Result<(), Failure> {
    hand_out(out, principal, issued, file.as_mut(), Body::new())?;
    let end = issued.expires_at.as_deref().unwrap_or("never");
    out.say(format!("key {} of {principal}  expires {end}", issued.id));
    if let Some(file) = &file {
        out.say(format!("the key is in {}", file.path().display()));
    }
    Ok(())
}

/// The subcommands of `handover`.
#[derive(Debug, Subcommand)]
pub(crate) enum HandoverCommand {
    /// List handovers of secrets and API keys that can still be used or ended lately
    #[command(after_help = "\
Examples:
  connledger handover list
  connledger handover list -w search --json")]
    List,
    Revoke(RevokeArgs),
}

/// Ends a handover.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger handover revoke k3x9a2bq71ce --reason \"sent to the wrong address\"
  connledger handover revoke k3x9a2bq71ce --of-key")]
pub(crate) struct RevokeArgs {
    /// Id of the handover, the second part of its token
    id: String,
    /// It is a handover of an API key; the ledger revokes that key, too
    #[arg(long)]
    of_key: bool,
    /// Reason; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

pub(super) async fn run(
    common: &Common,
    command: HandoverCommand,
    out: Output,
) -> Result<(), Failure> {
    match command {
        HandoverCommand::List => list(&Session::open(common, out).await?).await,
        HandoverCommand::Revoke(RevokeArgs { id, of_key, reason, write }) => {
            let session = if of_key {
                Session::of_ledger(common, out).await?
            } else {
                Session::open(common, out).await?
            };
            let command = PendingCommand::about_nothing("revoke-handover", write)
                .with("handover", id)
                .with_some("reason", reason);
            let workspace = session.workspace.clone();
            send(&session, &workspace, command).await
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let answer = session.client.query(&session.workspace, "handovers", &Body::new()).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let answer: HandoversAnswer = read_answer(&answer)?;
    let mut table = Table::new(&["ID", "OF", "WHAT", "FOR", "MADE BY", "EXPIRES", "STATE", "BY"]);
    for one in answer.handovers {
        table.row(cells(one));
    }
    session.out.table(&table)?;
    if answer.truncated {
        session.out.say("there are more; the history has all of them");
    }
    Ok(())
}

fn cells(one: HandoverView) -> [String; 8] {
    let fields: Vec<_> =
        one.generations.iter().map(|(field, number)| format!("{field}={number}")).collect();
    let what = one.key.map_or_else(|| fields.join(", "), |key| format!("key {key}"));
    let since = one.ended_at.as_deref().map(short_time);
    [
        one.id,
        one.connection.or(one.principal).unwrap_or_default(),
        what,
        one.receiver.unwrap_or_else(|| "anyone".to_owned()),
        one.made_by,
        short_time(&one.expires_at),
        since.map_or_else(|| one.state.clone(), |since| format!("{} {since}", one.state)),
        one.ended_by.unwrap_or_default(),
    ]
}
