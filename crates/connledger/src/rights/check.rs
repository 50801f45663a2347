//! `access check` and `whoami`.

use clap::{Args, Subcommand};
use ledger_contract::queries::{
    ALL_WORKSPACES, AccessAnswer, AccessQuery, CallerView, ConditionalAccess, PageQuery,
    WhoMayPage, WhoMayQuery,
};

use super::words;
use crate::body::Body;
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::paging::{Listing, PageArgs};
use crate::queries::read_answer;
use crate::session::Session;

/// The subcommands of `access`.
#[derive(Debug, Subcommand)]
pub(crate) enum AccessCommand {
    /// Check whether a principal may do something, and why; exit code 0 if allowed, 1 if denied
    Check(CheckArgs),
    /// List who may do something with a connection, now or at an earlier moment
    Who(WhoArgs),
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
    /// Check it as it was at a moment: a time, how long ago (24h), a position of the log (1042), or
    /// at a version of the connection like v3; takes the right to audit
    #[arg(long, value_name = "MOMENT")]
    as_of: Option<String>,
}

/// Lists the principals that may do something with a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Bearers of access tokens of an identity provider are not principals, and not listed.

Examples:
  connledger access who openai-prod --may reveal
  connledger access who openai-prod --may reveal --as-of 2026-11-01T00:00:00Z")]
pub(crate) struct WhoArgs {
    /// Id or slug of the connection
    name: String,
    /// A scope, or a command like rotate-secret
    #[arg(long, value_name = "DO")]
    may: String,
    /// Show who could have done it at a moment: a time, how long ago (24h), a position of the log
    /// (1042), or at a version of the connection like v3
    #[arg(long, value_name = "MOMENT")]
    as_of: Option<String>,
    #[command(flatten)]
    paging: PageArgs,
}

pub(crate) async fn run(
    common: &Common,
    command: AccessCommand,
    out: Output,
) -> Result<(), Failure> {
    let args = match command {
        AccessCommand::Check(args) => args,
        AccessCommand::Who(args) => return who(&Session::open(common, out).await?, args).await,
    };
    if args.ledger && !common.workspaces_given().is_empty() {
        return Err(Failure::usage("--ledger and --workspace contradict each other"));
    }
    let session = Session::open(common, out).await?;
    let workspace = if args.ledger { ALL_WORKSPACES } else { session.workspace.as_str() };
    let query = AccessQuery { who: args.who, what: args.may, on: args.on, as_of: args.as_of };
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

/// Lists who may do something with a connection.
async fn who(session: &Session, args: WhoArgs) -> Result<(), Failure> {
    let mut extent = args.paging.extent(session.out);
    let PageQuery { page_size, cursor } = args.paging.query();
    let WhoArgs { name: connection, may, as_of, .. } = args;
    let mut query = WhoMayQuery { connection, may, as_of, page_size, cursor };
    let mut rows = Listing::new(session.out, &["PRINCIPAL", "KIND", "VALID KEYS", "BECAUSE"]);
    loop {
        let answer = session.client.query(&session.workspace, "who-may", &query).await?;
        let page: WhoMayPage = read_answer(&answer)?;
        for one in &page.principals {
            rows.add(one, || {
                let keys = one.keys.to_string();
                [one.principal.clone(), one.kind.clone(), keys, one.because.clone()]
            })?;
        }
        let next = page.next_cursor.as_deref();
        match extent.next(page.principals.len(), page.truncated, next) {
            Some(PageQuery { page_size, cursor }) => {
                query = WhoMayQuery { page_size, cursor, ..query };
            }
            None => return rows.finish(None, next),
        }
    }
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
