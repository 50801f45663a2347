//! What a watcher asks the ledger itself: where its log ends, and the present states.
//!
//! A user of NATS who may only watch gets no answer, and goes by the event stream alone.

use std::collections::HashMap;
use std::time::Duration;

use ledger_contract::ResumePoint;
use ledger_contract::queries::{ALL_WORKSPACES, ListQuery, PAGE_SIZE_MAX};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::WatchScope;
use super::initial::Snapshot;
use super::notice::{Notice, is_same};
use super::reached::Reached;
use crate::connect::Client;
use crate::error::ClientError;

/// How long to wait for the end of the log.
const END_WAIT_MAX: Duration = Duration::from_secs(5);

/// The parts of an answer to `list` that are needed here.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    connections: Vec<&'a RawValue>,
    total: u64,
    resume_after: ResumePoint,
    next_cursor: Option<String>,
}

/// The end of the ledger's log.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogEnd {
    pub(super) point: ResumePoint,
    /// Number of active connections in the scope that the API key may read.
    pub(super) connections: u64,
}

/// Returns the end of the ledger's log, or `None` if it does not answer or refuses to.
pub(super) async fn end(client: &Client, scope: &WatchScope) -> Option<LogEnd> {
    let query = ListQuery { page_size: Some(1), ..ListQuery::default() };
    let asked = timeout(END_WAIT_MAX, list(client, scope, &query)).await;
    let refused = match asked {
        Ok(Ok(answer)) => match read(&answer) {
            Ok(Page { resume_after: point, total: connections, .. }) => {
                return Some(LogEnd { point, connections });
            }
            Err(reason) => reason,
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    tracing::debug!(reason = refused, "the ledger does not say where its log ends");
    None
}

/// Reads the states of all active connections that the API key may read.
///
/// The log may grow meanwhile. What comes after the end that the first page names is delivered from
/// the event stream, except what is in the states already.
pub(super) async fn states(client: &Client, scope: &WatchScope) -> Result<Snapshot, String> {
    let mut query = ListQuery { page_size: Some(PAGE_SIZE_MAX), ..ListQuery::default() };
    let (mut first, mut notices) = (None, Vec::new());
    loop {
        let answer = list(client, scope, &query).await.map_err(|error| error.to_string())?;
        let page = read(&answer)?;
        let start = *first.get_or_insert(page.resume_after);
        let changed = || "the history of the ledger changed while it was read".to_owned();
        if !is_same(start.incarnation, page.resume_after.incarnation) {
            return Err(changed());
        }
        let incarnation = start.incarnation.ok_or_else(changed)?;
        for view in page.connections {
            let unreadable = || "the ledger listed a connection that cannot be read".to_owned();
            notices.push(Notice::of_listed(view, incarnation).ok_or_else(unreadable)?);
        }
        if page.next_cursor.is_none() {
            notices.sort_by_key(|notice| notice.position);
            return Ok(snapshot(notices, start));
        }
        query.cursor = page.next_cursor;
    }
}

fn snapshot(notices: Vec<Notice>, start: ResumePoint) -> Snapshot {
    let later = notices.iter().filter(|notice| notice.position > start.position.get());
    let settled: HashMap<_, _> =
        later.map(|notice| (notice.key().to_owned(), notice.position)).collect();
    Snapshot { notices, reached: Reached::after(start), settled }
}

async fn list(
    client: &Client,
    scope: &WatchScope,
    query: &ListQuery,
) -> Result<Vec<u8>, ClientError> {
    let workspace = match scope {
        WatchScope::Everything => ALL_WORKSPACES,
        WatchScope::Workspace(name) => name,
    };
    client.query(workspace, "list", query).await
}

fn read(answer: &[u8]) -> Result<Page<'_>, String> {
    serde_json::from_slice(answer)
        .map_err(|error| format!("the ledger's answer cannot be read: {error}"))
}
