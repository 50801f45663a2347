//! `lease`: leases on secrets.

use clap::{Args, Subcommand};
use ledger_client::Leased;
use ledger_contract::queries::{LeaseView, LeasesPage, LeasesQuery};
use serde_json::json;

use super::pending::{PendingCommand, WriteArgs, send};
use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::queries::paging::{Listing, PageArgs};
use crate::queries::{read_answer, short_time};
use crate::session::Session;

const COLUMNS: [&str; 7] = ["LEASE", "CONNECTION", "HOLDER", "FIELDS", "TAKEN", "UNTIL", "REASON"];

/// The subcommands of `lease`.
#[derive(Debug, Subcommand)]
pub(crate) enum LeaseCommand {
    Take(TakeArgs),
    Read(ReadArgs),
    Renew(RenewArgs),
    Return(ReturnArgs),
    Revoke(RevokeArgs),
    RevokeAll(RevokeAllArgs),
    List(ListArgs),
}

/// Takes a lease.
#[derive(Debug, Args)]
#[command(after_help = "\
The values are sealed in transit. Without --json, the id of the lease and its end are written first,
then each value.

Examples:
  connledger lease take openai-prod --reason \"nightly report\"
  connledger lease take openai-prod --field api_key --until 30m --reason \"to route\" --json")]
pub(crate) struct TakeArgs {
    /// Id or slug
    name: String,
    /// Secret field; all fields if omitted
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
    /// When it ends: a time, or a span like 30m, at most 24 hours; 1 hour if omitted
    #[arg(long, value_name = "TIME|DURATION")]
    until: Option<String>,
    /// Reason; kept in the history
    #[arg(long)]
    reason: String,
}

/// Reads under a lease.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger lease read openai-prod 0197c2a1-0000-7000-8000-000000000001 --field api_key")]
pub(crate) struct ReadArgs {
    /// Id or slug
    name: String,
    /// Id of the lease
    lease: String,
    /// Secret field; all fields of the lease if omitted
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,
}

/// Moves the end of a lease.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger lease renew openai-prod 0197c2a1-0000-7000-8000-000000000001
  connledger lease renew openai-prod 0197c2a1-0000-7000-8000-000000000001 --until 4h")]
pub(crate) struct RenewArgs {
    /// Id or slug
    name: String,
    /// Id of the lease
    lease: String,
    /// The new end: a time, or a span like 30m, within 24 hours of when it was taken; 1 hour if
    /// omitted
    #[arg(long, value_name = "TIME|DURATION")]
    until: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Returns a lease.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger lease return openai-prod 0197c2a1-0000-7000-8000-000000000001")]
pub(crate) struct ReturnArgs {
    /// Id or slug
    name: String,
    /// Id of the lease
    lease: String,
    #[command(flatten)]
    write: WriteArgs,
}

/// Ends leases of a connection.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --lease and --holder, all leases on the secrets of the connection end.

Examples:
  connledger lease revoke openai-prod --reason \"the gateway was broken into\"
  connledger lease revoke openai-prod --holder gateway:eu-1
  connledger lease revoke openai-prod --lease 0197c2a1-0000-7000-8000-000000000001")]
pub(crate) struct RevokeArgs {
    /// Id or slug
    name: String,
    /// Only this lease
    #[arg(long, conflicts_with = "holder")]
    lease: Option<String>,
    /// Only those of this holder, as the history names the actor
    #[arg(long, value_name = "ACTOR")]
    holder: Option<String>,
    /// Reason; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

/// Ends leases of a workspace.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --holder and --slug-prefix, all leases on secrets of the workspace end.

Examples:
  connledger lease revoke-all --holder gateway:eu-1
  connledger lease revoke-all --slug-prefix openai- --reason \"keys of OpenAI leaked\"")]
pub(crate) struct RevokeAllArgs {
    /// Only those of this holder, as the history names the actor
    #[arg(long, value_name = "ACTOR")]
    holder: Option<String>,
    /// Only those on the secrets of connections whose slugs begin with this
    #[arg(long, value_name = "TEXT")]
    slug_prefix: Option<String>,
    /// Reason; kept in the history
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    write: WriteArgs,
}

/// List the leases on secrets that have not ended
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger lease list --connection openai-prod
  connledger lease list --holder gateway:eu-1 --all --json")]
pub(crate) struct ListArgs {
    /// Id or slug of a connection; all of the workspace if omitted
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// A holder, as the history names the actor; all if omitted
    #[arg(long, value_name = "ACTOR")]
    holder: Option<String>,
    #[command(flatten)]
    paging: PageArgs,
}

pub(super) async fn run(
    common: &Common,
    command: LeaseCommand,
    out: Output,
) -> Result<(), Failure> {
    let session = Session::open(common, out).await?;
    let command = match command {
        LeaseCommand::Take(args) => return take(&session, args).await,
        LeaseCommand::Read(args) => return read(&session, args).await,
        LeaseCommand::List(args) => return list(&session, args).await,
        LeaseCommand::Renew(args) => PendingCommand::about("renew-lease", &args.name, args.write)
            .with("lease", args.lease)
            .with_some("until", args.until),
        LeaseCommand::Return(args) => {
            PendingCommand::about("return-lease", &args.name, args.write).with("lease", args.lease)
        }
        LeaseCommand::Revoke(args) => {
            PendingCommand::about("revoke-leases", &args.name, args.write)
                .with_some("lease", args.lease)
                .with_some("holder", args.holder)
                .with_some("reason", args.reason)
        }
        LeaseCommand::RevokeAll(args) => {
            PendingCommand::about_nothing("revoke-workspace-leases", args.write)
                .with_some("holder", args.holder)
                .with_some("slug_prefix", args.slug_prefix)
                .with_some("reason", args.reason)
        }
    };
    let workspace = session.workspace.clone();
    send(&session, &workspace, command).await
}

async fn take(session: &Session, args: TakeArgs) -> Result<(), Failure> {
    let fields: Vec<&str> = args.fields.iter().map(String::as_str).collect();
    let (workspace, until) = (&session.workspace, args.until.as_deref());
    let leased = session.client.lease(workspace, &args.name, &fields, until, &args.reason).await?;
    show(session, &leased)
}

async fn read(session: &Session, args: ReadArgs) -> Result<(), Failure> {
    let fields: Vec<&str> = args.fields.iter().map(String::as_str).collect();
    let workspace = &session.workspace;
    let leased = session.client.read_leased(workspace, &args.name, &args.lease, &fields).await?;
    if !session.out.is_json()
        && let (1, Some(secret)) = (fields.len(), leased.secrets.values().next())
    {
        return session.out.verbatim(secret.value());
    }
    show(session, &leased)
}

fn show(session: &Session, leased: &Leased) -> Result<(), Failure> {
    let Leased { lease, until, secrets, .. } = leased;
    if !session.out.is_json() {
        session.out.verbatim(format!("lease={lease}"))?;
        session.out.verbatim(format!("until={until}"))?;
    }
    for (field, secret) in secrets {
        let (value, generation) = (secret.value(), secret.generation());
        if session.out.is_json() {
            session.out.object(&json!({
                "lease": lease, "until": until, "field": field, "generation": generation,
                "value": value,
            }))?;
        } else {
            session.out.verbatim(format!("{field}={value}"))?;
        }
    }
    Ok(())
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let ListArgs { connection, holder, paging } = args;
    let mut extent = paging.extent(session.out);
    let page = paging.query();
    let (page_size, cursor) = (page.page_size, page.cursor);
    let mut query = LeasesQuery { connection, holder, page_size, cursor };
    let mut rows = Listing::new(session.out, &COLUMNS);
    loop {
        let answer = session.client.query(&session.workspace, "leases", &query).await?;
        let page: LeasesPage = read_answer(&answer)?;
        for one in &page.leases {
            rows.add(one, || cells(one))?;
        }
        match extent.next(page.leases.len(), false, page.next_cursor.as_deref()) {
            Some(next) => (query.page_size, query.cursor) = (next.page_size, next.cursor),
            None => return rows.finish(None, page.next_cursor.as_deref()),
        }
    }
}

fn cells(lease: &LeaseView) -> [String; 7] {
    let fields: Vec<_> = lease.generations.keys().map(String::as_str).collect();
    [
        lease.lease.clone(),
        lease.connection.clone(),
        lease.holder.clone(),
        fields.join(", "),
        short_time(&lease.taken_at),
        short_time(&lease.until),
        lease.reason.clone(),
    ]
}
