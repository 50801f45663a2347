//! `access check` and `whoami`.

use clap::{Args, Subcommand};
use ledger_contract::queries::{
    ALL_WORKSPACES, AccessAnswer, AccessQuery, CallerView, ConditionalAccess,
};

use super::words;
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::read_answer;
use crate::session::Session;

/// The subcommands of `access`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Check whether a principal may do something, and why; exit code 0 if allowed, 1 if denied
    Check(CheckArgs),
}

/// Checks whether a principal may do something.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --on and --ledger, the check is about the whole workspace (-w). Exit code: 0 allowed,
1 denied.

Examples:
  connledger access check --as eu-1 --may reveal-secret --on openai-prod
  connledger access check --as ada --may write -w search
  connledger access check --as k3x9a2bq71ce --may administer --ledger && echo yes")]
pub(crate) struct CheckArgs {
    /// Name of a principal, or the id of one of its keys
    #[arg(long = "as", value_name = "WHO")]
    who: String,
    /// A scope, or a command like rotate-secret
    #[arg(long, value_name = "DO")]
    may: String,
    /// Id or slug of a connection
    #[arg(long, value_name = "CONNECTION")]
    on: Option<String>,
    /// Check the ledger as a whole, including every workspace
    #[arg(long, conflicts_with = "on")]
    ledger: bool,
}

pub(crate) async fn run(
    common: &Common,
    command: AccessCommand,
    out: Output,
) -> Result<(), Failure> {
    let AccessCommand::Check(args) = command;
    if args.ledger && !common.workspaces_given().is_empty() {
        return Err(Failure::usage("--ledger and --workspace contradict each other"));
    }
    let session = Session::open(common, out).await?;
    let workspace = if args.ledger { ALL_WORKSPACES } else { session.workspace.as_str() };
    let query = AccessQuery { who: args.who, what: args.may, on: args.on };
    let answer = session.client.query(workspace, "access-check", &query).await?;
    let access: AccessAnswer = read_answer(&answer)?;
    if session.out.is_json() {
        session.out.raw(&answer)?;
    } else {
        let word = if access.allowed { "allowed" } else { "denied" };
        session.out.line(format!("{word}: {}", access.because))?;
        for condition in &access.conditions {
            let word = if condition.allowed { "allowed" } else { "denied" };
            let ConditionalAccess { when, scope, .. } = condition;
            session.out.line(format!("{word} {when}, which also requires {scope}"))?;
        }
    }
    if access.allowed { Ok(()) } else { Err(Failure::told_no()) }
}

/// Shows whose key is in use, and what it may do.
pub(crate) async fn whoami(common: &Common, out: Output) -> Result<(), Failure> {
    let session = Session::open(common, out).await?;
    let answer = session.client.query(ALL_WORKSPACES, "whoami", &Body::new()).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let caller: CallerView = read_answer(&answer)?;
    session.out.line(caller.actor)?;
    if let Some(expires_at) = &caller.expires_at {
        let soon = if caller.ends_soon { "soon, " } else { "" };
        session.out.line(format!("ends {soon}{expires_at}"))?;
    }
    if caller.grants.is_empty() {
        return session.out.line(format!("may  {}", words::permissions(&[])));
    }
    let mut grants = caller.grants.iter();
    grants.try_for_each(|grant| session.out.line(format!("may  {}", words::permission(grant))))
}
