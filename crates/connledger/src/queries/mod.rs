//! The read-only commands, one file each.

mod audit;
mod diff;
mod erasure;
mod exposure;
mod get;
mod history;
mod list;
pub(crate) mod paging;
mod reveal;
mod rotation;
mod status;
mod uptime;
mod why;

pub(crate) use diff::say_altered;
pub(crate) use list::{handle, heading, short_time};
pub(crate) use reveal::show_secrets;

use clap::Subcommand;
use serde::Deserialize;

use crate::common::Common;
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// The read-only commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Query {
    /// Show one connection
    Get(get::GetArgs),
    /// Show why a connection is in its state, and what to do
    Why(why::WhyArgs),
    /// Show how long connections worked, and how long they did not
    Uptime(uptime::UptimeArgs),
    /// List the connections that match every given filter
    List(Box<list::ListArgs>),
    /// Show how connections differ between two moments, or from manifests
    Diff(diff::DiffArgs),
    /// Show who changed what, and when
    History(history::HistoryArgs),
    Audit(audit::AuditArgs),
    Reveal(reveal::RevealArgs),
    /// Show how far a rotation is
    #[command(subcommand)]
    Rotation(rotation::RotationCommand),
    /// Show how far the erasure of a connection is, and which copies are left
    Erasure(erasure::ErasureArgs),
    /// Show the state of the ledger itself
    #[command(after_help = "Examples:\n  connledger status\n  connledger status --json")]
    Status,
}

impl Query {
    /// Returns whether a refusal is told from a difference by its exit code.
    fn compares_manifests(&self) -> bool {
        matches!(self, Self::Diff(args) if args.compares_manifests())
    }
}

pub(crate) async fn run(common: &Common, query: Query, out: Output) -> Result<(), Failure> {
    let session = match Session::open(common, out).await {
        Ok(session) => session,
        Err(failure) if query.compares_manifests() => return Err(failure.into_usage()),
        Err(failure) => return Err(failure),
    };
    match query {
        Query::Get(args) => get::run(&session, args).await,
        Query::Why(args) => why::run(&session, args).await,
        Query::Uptime(args) => uptime::run(&session, args).await,
        Query::List(args) => list::run(&session, *args).await,
        Query::Diff(args) => diff::run(&session, args).await,
        Query::History(args) => history::run(&session, args).await,
        Query::Audit(args) => audit::run(&session, common.workspace_given, args).await,
        Query::Reveal(args) => reveal::run(&session, args).await,
        Query::Rotation(command) => rotation::run(&session, command).await,
        Query::Erasure(args) => erasure::run(&session, args).await,
        Query::Status => status::run(&session).await,
    }
}

/// Parses an answer of the ledger.
pub(crate) fn read_answer<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(json)
        .map_err(|error| Failure::internal(format!("the answer cannot be read: {error}")))
}
