//! `token`: blocks tokens of the identity provider.

use clap::{Args, Subcommand};
use ledger_contract::queries::{ALL_WORKSPACES, BlockedTokensAnswer};
use ledger_contract::subjects::LEDGER;

use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::{read_answer, short_time};
use crate::session::Session;
use crate::table::Table;
use crate::verbs::{self, PendingCommand, WriteArgs};

/// The subcommands of `token`.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    Block(BlockArgs),
    Unblock(UnblockArgs),
    /// List what is blocked
    #[command(after_help = "\
Example:
  connledger token list --json")]
    List,
}

/// Blocks tokens.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger token block --subject 248289761001 --reason \"left the company\"
  connledger token block --id 4e1f-77aa --reason \"was in a log\"")]
pub(crate) struct BlockArgs {
    #[command(flatten)]
    named: TokenArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// Unblocks tokens.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  connledger token unblock --subject 248289761001")]
pub(crate) struct UnblockArgs {
    #[command(flatten)]
    named: TokenArgs,
    #[command(flatten)]
    write: WriteArgs,
}

/// Which tokens, and why.
#[derive(Debug, Args)]
struct TokenArgs {
    /// All tokens of a subject, the claim sub
    #[arg(long, value_name = "SUBJECT", required_unless_present = "id", conflicts_with = "id")]
    subject: Option<String>,
    /// One token, by the claim jti
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Reason; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl TokenArgs {
    fn command(self, verb: &'static str, write: WriteArgs) -> PendingCommand {
        PendingCommand::about_nothing(verb, write)
            .with_some("subject", self.subject)
            .with_some("token_id", self.id)
            .with_some("reason", self.reason)
    }
}

pub(crate) async fn run(
    common: &Common,
    command: TokenCommand,
    out: Output,
) -> Result<(), Failure> {
    let session = Session::of_ledger(common, out).await?;
    match command {
        TokenCommand::Block(args) => {
            verbs::send(&session, LEDGER, args.named.command("block-token", args.write)).await
        }
        TokenCommand::Unblock(args) => {
            verbs::send(&session, LEDGER, args.named.command("unblock-token", args.write)).await
        }
        TokenCommand::List => list(&session).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let answer = session.client.query(ALL_WORKSPACES, "blocked-tokens", &Body::new()).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let answer: BlockedTokensAnswer = read_answer(&answer)?;
    let mut table = Table::new(&["SUBJECT", "TOKEN", "SINCE", "BY"]);
    for one in answer.blocked {
        table.row([
            one.subject.unwrap_or_default(),
            one.token_id.unwrap_or_default(),
            short_time(&one.since),
            one.by,
        ]);
    }
    session.out.table(&table)
}
