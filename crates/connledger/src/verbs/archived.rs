//! Archived and erased connections by the slug that they had. A slug leads to the one connection
//! that holds it, so another one is found by a search, and only by people.

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

/// An archived or erased connection.
struct Archived {
    id: String,
    /// What happened to it and when.
    was: String,
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
    Ok(match only(session, &slug, "archived").await? {
        Some(id) => command.with("connection", id),
        None => command,
    })
}

/// Returns the id of the erased connection that had a slug; the slug, if none had or the name is an
/// id.
pub(crate) async fn erased_id(session: &Session, name: String) -> Result<String, Failure> {
    Ok(only(session, &name, "erased").await?.unwrap_or(name))
}

/// Returns the id of the one connection that had a slug and is archived, or erased. A slug that
/// several had is refused with their ids.
async fn only(session: &Session, slug: &str, lifecycle: &str) -> Result<Option<String>, Failure> {
    let Search { mut found, is_whole } = named(session, slug, lifecycle).await?;
    if found.len() > 1 || !is_whole {
        if found.is_empty() {
            return Ok(None);
        }
        let failure =
            Failure::refused(format!("several {lifecycle} connections had the slug {slug}"));
        return Err(with_ids(failure.hint("name the one that is meant by its id"), &found));
    }
    Ok(found.pop().map(|one| one.id))
}

/// Adds the archived and erased connections that had a slug to the refusal that there is none of
/// this name.
pub(crate) async fn with_hint(session: &Session, failure: Failure, name: &str) -> Failure {
    if failure.code() != Some(Code::ConnectionUnknown.as_str()) {
        return failure;
    }
    let mut hinted = failure;
    for lifecycle in ["archived", "erased"] {
        // Whoever may not list gets the refusal alone.
        if let Ok(search) = named(session, name, lifecycle).await {
            hinted = with_ids(hinted, &search.found);
        }
    }
    hinted
}

fn with_ids(failure: Failure, found: &[Archived]) -> Failure {
    found
        .iter()
        .take(SHOWN_MAX)
        .fold(failure, |failure, one| failure.hint(format!("{} was {}", one.id, one.was)))
}

/// Searches for the connections that had a slug and are archived, or erased, of which there are
/// none if the name is an id. The search ends where too many others contain the text.
async fn named(session: &Session, name: &str, lifecycle: &str) -> Result<Search, Failure> {
    let mut search = Search { found: Vec::new(), is_whole: true };
    let Ok(wanted @ ConnectionRef::Slug(_)) = ConnectionRef::parse("connection", name) else {
        return Ok(search);
    };
    let mut query = ListQuery {
        lifecycle: Some(lifecycle.to_owned()),
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
                let at = view.archived_at.as_deref().or(view.erased_at.as_deref());
                let was = format!("{lifecycle} at {}", short_time(at.unwrap_or_default()));
                search.found.push(Archived { id: view.id.clone(), was });
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
