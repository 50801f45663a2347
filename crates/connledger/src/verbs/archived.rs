//! Archived connections by the slug that they had. A slug leads to the one connection that holds
//! it, so an archived one is found by a search, and only by people.

use ledger_contract::commands::ConnectionRef;
use ledger_contract::errors::Code;
use ledger_contract::queries::{ListPage, ListQuery};

use super::PendingCommand;
use crate::failure::Failure;
use crate::queries::{read_answer, short_time};
use crate::session::Session;

/// Most connections of one slug that are shown.
const SHOWN_MAX: usize = 20;
/// Connections whose texts contain the slug that are looked at, in pages of this size.
const PAGE: u32 = 500;
const PAGES_MAX: usize = 4;

/// An archived connection.
struct Archived {
    id: String,
    archived_at: String,
}

/// What was found.
struct Search {
    found: Vec<Archived>,
    /// Whether all of them were.
    is_whole: bool,
}

/// Puts the id of the archived connection in the place of its slug. A slug that several had is
/// refused with their ids; one that none had is left for the ledger to refuse.
pub(super) async fn with_id(
    session: &Session,
    command: PendingCommand,
) -> Result<PendingCommand, Failure> {
    let slug = command.text("connection").to_owned();
    let Search { mut found, is_whole } = named(session, &slug).await?;
    if found.len() > 1 || !is_whole {
        if found.is_empty() {
            return Ok(command);
        }
        let failure = Failure::refused(format!("several archived connections had the slug {slug}"));
        return Err(with_ids(failure.hint("name the one that is meant by its id"), &found));
    }
    Ok(match found.pop() {
        Some(one) => command.with("connection", one.id),
        None => command,
    })
}

/// Adds the archived connections that had a slug to the refusal that there is none of this name.
pub(crate) async fn with_hint(session: &Session, failure: Failure, name: &str) -> Failure {
    if failure.code() != Some(Code::ConnectionUnknown.as_str()) {
        return failure;
    }
    // Whoever may not list gets the refusal alone.
    match named(session, name).await {
        Ok(search) => with_ids(failure, &search.found),
        Err(_) => failure,
    }
}

fn with_ids(failure: Failure, found: &[Archived]) -> Failure {
    found.iter().take(SHOWN_MAX).fold(failure, |failure, one| {
        failure.hint(format!("{} was archived at {}", one.id, short_time(&one.archived_at)))
    })
}

/// Searches for the archived connections that had a slug, of which there are none if the name is
/// an id. The search ends where too many others contain the text.
async fn named(session: &Session, name: &str) -> Result<Search, Failure> {
    let mut search = Search { found: Vec::new(), is_whole: true };
    let Ok(wanted @ ConnectionRef::Slug(_)) = ConnectionRef::parse("connection", name) else {
        return Ok(search);
    };
    let mut query = ListQuery {
        lifecycle: Some("archived".to_owned()),
        text: Some(name.to_owned()),
        page_size: Some(PAGE),
        ..ListQuery::default()
    };
    for _ in 0..PAGES_MAX {
        let answer = session.client.query(&session.workspace, "list", &query).await?;
        let page: ListPage<'_> = read_answer(&answer)?;
        for view in &page.connections {
            let slug = ConnectionRef::parse("slug", &view.slug);
            if slug.is_ok_and(|slug| slug.is_same_name(&wanted)) {
                let archived_at = view.archived_at.as_deref().unwrap_or_default().to_owned();
                search.found.push(Archived { id: view.id.clone(), archived_at });
            }
        }
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(search),
        }
    }
    search.is_whole = false;
    Ok(search)
}
