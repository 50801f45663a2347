//! `unwrap` and `handover`: receives what was handed over, lists and revokes it.

use std::fmt;
use std::str::FromStr;

use clap::{Args, Subcommand};
use ledger_client::Client;
use ledger_contract::queries::{HandoverView, HandoversAnswer};
use zeroize::Zeroizing;

use super::{PendingCommand, WriteArgs, send};
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::{read_answer, short_time, show_secrets};
use crate::session::{self, Session};
use crate::table::Table;
use crate::text;

/// Receives what was handed over.
#[derive(Debug, Args)]
#[command(after_help = "\
The token is the credential, so no API key is needed. It is good for one use: if the answer is lost,
ask for another one. With one field and without --json, only the bare value is written.

Examples:
  connledger unwrap < token
  connledger unwrap --own-key --key-file eu-1.key < token")]
pub(crate) struct UnwrapArgs {
    /// The token, which others can see in the process list; - or nothing for standard input
    #[arg(default_value = "-")]
    token: TokenArg,
    /// Send the API key as the credential, as handovers take that are for one principal
    #[arg(long)]
    own_key: bool,
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
    let UnwrapArgs { token, own_key } = args;
    let token = token.read(out)?;
    let received = if own_key {
        Client::connect(session::options(common)?).await?.receive_own(&token).await?
    } else {
        let options = session::options_with(common, || Ok(token.clone()))?;
        Client::connect(options).await?.receive(&token).await?
    };
    show_secrets(out, &received, received.len() == 1)
}

/// The subcommands of `handover`.
#[derive(Debug, Subcommand)]
pub(crate) enum HandoverCommand {
    /// List handovers of secrets: those that can still be used, and those that ended lately
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
Example:
  connledger handover revoke k3x9a2bq71ce --reason \"sent to the wrong address\"")]
pub(crate) struct RevokeArgs {
    /// Id of the handover, the second part of its token
    id: String,
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
    let session = Session::open(common, out).await?;
    match command {
        HandoverCommand::List => list(&session).await,
        HandoverCommand::Revoke(RevokeArgs { id, reason, write }) => {
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
    let mut table =
        Table::new(&["ID", "CONNECTION", "FIELDS", "FOR", "MADE BY", "EXPIRES", "STATE", "BY"]);
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
    let since = one.ended_at.as_deref().map(short_time);
    [
        one.id,
        one.connection,
        fields.join(", "),
        one.receiver.unwrap_or_else(|| "anyone".to_owned()),
        one.made_by,
        short_time(&one.expires_at),
        since.map_or_else(|| one.state.clone(), |since| format!("{} {since}", one.state)),
        one.ended_by.unwrap_or_default(),
    ]
}
