//! `diff`: between two moments, or between manifests and what is there.

use std::path::PathBuf;

use std::collections::HashSet;

use clap::Args;
use ledger_contract::FieldChange;
use ledger_contract::queries::{
    ALL_WORKSPACES, ChangesPage, ChangesQuery, DiffQuery, DiffView, PageQuery, VersionAt,
};
use serde_json::value::RawValue;

use super::list::{handle, heading, short_time};
use super::paging::{Listing, PageArgs};
use super::read_answer;
use crate::declarative::{self, DeclaredArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use crate::table::Table;
use crate::verbs::archived;

/// Shows how a connection, or a whole workspace, differs between two moments, or from manifests.
#[derive(Debug, Args)]
#[command(after_help = "\
A moment is a time, how long ago, a position of the log, or a version of the connection. Of secrets,
only generations are shown.

With -f, what manifests declare is compared with what is there; nothing is changed. The exit code is
then 0 if nothing differs, 1 if something does, and 2 or more if that cannot be told.

Examples:
  connledger diff openai-prod --from v3                          since version 3
  connledger diff openai-prod --from v3 --to v5 --patch          as a JSON Patch (RFC 6902)
  connledger diff openai-prod --from 2026-11-01T00:00:00Z
  connledger diff --from 24h                                     the connections that differ
  connledger diff -f fleet/                                      what `apply` would change")]
pub(crate) struct DiffArgs {
    /// Id or slug; every connection of the workspace if omitted
    name: Option<String>,
    /// The earlier moment: a time, how long ago like 24h, a position like 1042, or a version
    /// like v3
    #[arg(long, value_name = "MOMENT", required_unless_present = "file")]
    from: Option<String>,
    /// The later moment; now if omitted
    #[arg(long, value_name = "MOMENT")]
    to: Option<String>,
    /// Manifests: a file, a folder of files, or - for standard input; may be repeated
    #[arg(
        long,
        short = 'f',
        value_name = "FILE",
        conflicts_with_all = ["name", "from", "to", "patch", "all_workspaces"]
    )]
    file: Vec<PathBuf>,
    #[command(flatten)]
    declared: DeclaredArgs,
    /// Write the JSON Patch that makes the second state of the first
    #[arg(long, requires = "name")]
    patch: bool,
    #[command(flatten)]
    paging: PageArgs,
    /// Connections of all workspaces
    #[arg(long, short = 'A', conflicts_with = "name")]
    all_workspaces: bool,
}

impl DiffArgs {
    /// Returns whether manifests are compared with what is there.
    pub(super) fn compares_manifests(&self) -> bool {
        !self.file.is_empty()
    }
}

pub(super) async fn run(session: &Session, args: DiffArgs) -> Result<(), Failure> {
    let DiffArgs { name, from, to, patch, paging, all_workspaces, file, declared } = args;
    if !file.is_empty() {
        return declarative::diff(session, &file, &declared).await;
    }
    let from = from.unwrap_or_default();
    if let Some(connection) = name {
        return one(session, DiffQuery { connection, from, to }, patch).await;
    }
    let workspace = if all_workspaces { ALL_WORKSPACES } else { &session.workspace };
    let query = ChangesQuery { from, to, page_size: None, cursor: None };
    all(session, workspace, query, paging).await
}

/// Shows the fields in which one connection differs.
async fn one(session: &Session, query: DiffQuery, patch: bool) -> Result<(), Failure> {
    let answer = match session.client.query(&session.workspace, "diff", &query).await {
        Ok(answer) => answer,
        Err(error) => {
            return Err(archived::with_hint(session, error.into(), &query.connection).await);
        }
    };
    let out = session.out;
    let view: DiffView = read_answer(&answer)?;
    if patch {
        return out.object(&view.patch);
    }
    if out.is_json() {
        return out.raw(&answer);
    }
    let sides = [format!("FROM {}", side(&view.from)), format!("TO {}", side(&view.to))];
    let mut table = Table::new(&["FIELD", &sides[0], &sides[1]]);
    for FieldChange { field, before, after } in &view.changes {
        table.row([field.clone(), shown(before.as_deref()), shown(after.as_deref())]);
    }
    out.table(&table)?;
    if view.changes.is_empty() {
        out.say("nothing differs");
    }
    Ok(())
}

/// Returns the heading of one side.
fn side(at: &VersionAt) -> String {
    match &at.recorded_at {
        Some(time) => format!("VERSION {}, {}", at.version, short_time(time)),
        None => "NOTHING".to_owned(),
    }
}

/// Returns a value as people read it: a text without quotes, anything else as JSON.
fn shown(value: Option<&RawValue>) -> String {
    let Some(value) = value else { return String::new() };
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

/// Lists the connections that differ.
async fn all(
    session: &Session,
    workspace: &str,
    query: ChangesQuery,
    paging: PageArgs,
) -> Result<(), Failure> {
    let mut extent = paging.extent(session.out);
    let PageQuery { page_size, cursor } = paging.query();
    let mut query = ChangesQuery { page_size, cursor, ..query };
    let every_workspace = workspace == ALL_WORKSPACES;
    let headings = [heading(every_workspace), "CHANGE", "VERSIONS", "FIELDS", "LAST CHANGE", "BY"];
    let mut rows = Listing::new(session.out, &headings);
    let (mut told, mut altered) = (HashSet::new(), 0);
    loop {
        let answer = session.client.query(workspace, "changes", &query).await?;
        let page: ChangesPage = read_answer(&answer)?;
        altered += page.altered;
        for change in &page.connections {
            // One that changes while pages are read comes again, as it was compared before.
            if !told.insert(change.connection.clone()) {
                continue;
            }
            rows.add(change, || {
                [
                    handle(every_workspace, &change.workspace, &change.slug),
                    change.change.clone(),
                    format!("{} to {}", change.from_version, change.to_version),
                    change.fields.join(", "),
                    short_time(&change.updated_at),
                    change.updated_by.clone(),
                ]
            })?;
        }
        let next = page.next_cursor.as_deref();
        let Some(PageQuery { page_size, cursor }) =
            extent.next(page.connections.len(), page.truncated, next)
        else {
            say_altered(session.out, altered);
            return rows.finish(None, next);
        };
        query = ChangesQuery { page_size, cursor, ..query };
    }
}

/// Says how many connections something other than the ledger has changed, if any.
pub(crate) fn say_altered(out: Output, altered: u64) {
    if altered > 0 {
        out.say(format!(
            "{altered} connections are left out: something other than the ledger changed them"
        ));
        out.hint("compare all read models with the log: connledger replay --verify");
    }
}
