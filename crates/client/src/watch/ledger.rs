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

/// The states that the ledger has listed so far.
#[derive(Debug, Default)]
pub(super) struct Listed {
    notices: Vec<Notice>,
    /// The end of the log when the first page was made.
    start: Option<ResumePoint>,
    /// Where the next page begins.
    cursor: Option<String>,
}

/// Reads the states of all active connections that the API key may read. If the ledger is away in
/// the middle, `listed` keeps what is known, and the next call goes on from there.
///
/// The log may grow meanwhile. What comes after the end that the first page names is delivered from
/// the event stream, except what is in the states already.
pub(super) async fn states(
    client: &Client,
    scope: &WatchScope,
    listed: &mut Option<Listed>,
) -> Result<Snapshot, String> {
    let mut so_far = listed.take().unwrap_or_default();
    loop {
        let (page_size, cursor) = (Some(PAGE_SIZE_MAX), so_far.cursor.clone());
        let query = ListQuery { page_size, cursor, ..ListQuery::default() };
        let answer = match list(client, scope, &query).await {
            Ok(answer) => answer,
            Err(error) => {
                // Any other refusal may be about the cursor.
                *listed = error.is_away().then_some(so_far);
                return Err(error.to_string());
            }
        };
        let start = so_far.add(&answer)?;
        if so_far.cursor.is_none() {
            so_far.notices.sort_by_key(|notice| notice.position);
            return Ok(snapshot(so_far.notices, start));
        }
    }
}

impl Listed {
    /// Adds a page, and returns the end of the log when the first one was made.
    fn add(&mut self, answer: &[u8]) -> Result<ResumePoint, String> {
        let page = read(answer)?;
        let start = *self.start.get_or_insert(page.resume_after);
        let changed = || "the history of the ledger changed while it was read".to_owned();
        if !is_same(start.incarnation, page.resume_after.incarnation) {
            return Err(changed());
        }
        let incarnation = start.incarnation.ok_or_else(changed)?;
        for view in page.connections {
            let unreadable = || "the ledger listed a connection that cannot be read".to_owned();
            self.notices.push(Notice::of_listed(view, incarnation).ok_or_else(unreadable)?);
        }
        self.cursor = page.next_cursor;
        Ok(start)
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
