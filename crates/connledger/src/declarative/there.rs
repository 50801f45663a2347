//! What is there of what manifests declare.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledger_contract::errors::Code;
use ledger_contract::queries::{
    ALL_WORKSPACES, GetQuery, ListPage, ListQuery, PageQuery, PrincipalView, WorkspacePage,
    WorkspaceView,
};
use ledger_contract::view::ConnectionView;
use ledger_manifests::{Live, Manifest};

use crate::failure::Failure;
use crate::queries::read_answer;
use crate::retry::IN_FLIGHT;
use crate::rights::Pages;
use crate::session::Session;

/// Rows that are fetched at a time.
const PAGE: u32 = 500;
/// Most connections of a workspace that are asked for one by one; for more, all are listed.
const SINGLE_MAX: usize = 64;

/// What is there.
#[derive(Debug, Default)]
pub(super) struct There {
    pub(super) workspaces: HashMap<String, WorkspaceView>,
    pub(super) principals: HashMap<String, PrincipalView>,
    /// By workspace and slug in lower case.
    pub(super) connections: HashMap<Key, Live>,
    /// Archived ones by the name that they had.
    pub(super) archived: HashMap<Key, Vec<Live>>,
}

/// The workspace and the slug of a connection, in lower case.
pub(super) type Key = (String, String);

/// Returns the key of a connection.
pub(super) fn key(workspace: &str, slug: &str) -> Key {
    (workspace.to_owned(), slug.to_ascii_lowercase())
}

/// Asks for all that a manifest declares; with `whole`, for all other connections of its
/// workspaces, too.
pub(super) async fn fetch(
    session: &Session,
    manifest: &Manifest,
    whole: bool,
) -> Result<There, Failure> {
    let mut there = There::default();
    if !manifest.workspaces.is_empty() {
        let all = workspaces(session).await?;
        there.workspaces = all.into_iter().map(|one| (one.name.clone(), one)).collect();
    }
    if !manifest.principals.is_empty() {
        let mut pages = Pages::new(session);
        while let Some(principals) = pages.next().await? {
            let named = principals.into_iter().map(|one| (one.principal.clone(), one));
            there.principals.extend(named);
        }
    }
    let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for item in &manifest.connections {
        wanted.entry(&item.workspace).or_default().insert(&item.slug);
    }
    for (workspace, slugs) in wanted {
        if is_new(manifest, &there, workspace) {
            continue;
        }
        let found = if whole || slugs.len() > SINGLE_MAX {
            list(session, workspace, &ListQuery::default()).await?
        } else {
            get_all(session, workspace, &slugs).await?
        };
        there.take(session, workspace, found).await?;
        there.take_archived(session, workspace, &slugs).await?;
    }
    Ok(there)
}

/// Returns whether a workspace is declared and not there yet.
fn is_new(manifest: &Manifest, there: &There, workspace: &str) -> bool {
    let is_declared = manifest.workspaces.iter().any(|one| one.name == workspace);
    is_declared && !there.workspaces.contains_key(workspace)
}

impl There {
    /// Takes the connections of a workspace, which refer to others by their slugs from now on.
    async fn take(
        &mut self,
        session: &Session,
        workspace: &str,
        mut found: Vec<Live>,
    ) -> Result<(), Failure> {
        let mut slugs: HashMap<String, String> =
            found.iter().map(|live| (live.id.clone(), live.slug.clone())).collect();
        let referred: BTreeSet<String> =
            found.iter().flat_map(Live::referred).map(str::to_owned).collect();
        for id in referred {
            if !slugs.contains_key(&id)
                && let Some(live) = get(session, workspace, &id).await?
            {
                slugs.insert(id, live.slug);
            }
        }
        for live in &mut found {
            live.name_references(&slugs);
        }
        let named = found.into_iter().map(|live| (key(workspace, &live.slug), live));
        self.connections.extend(named);
        Ok(())
    }

    /// Takes the archived connections that had the names of new ones.
    async fn take_archived(
        &mut self,
        session: &Session,
        workspace: &str,
        slugs: &BTreeSet<&str>,
    ) -> Result<(), Failure> {
        let is_new = |slug: &&&str| !self.connections.contains_key(&key(workspace, slug));
        let new: BTreeSet<Key> =
            slugs.iter().filter(is_new).map(|slug| key(workspace, slug)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let archived = ListQuery { lifecycle: Some("archived".to_owned()), ..ListQuery::default() };
        let found = if new.len() > SINGLE_MAX {
            list(session, workspace, &archived).await?
        } else {
            let mut found = Vec::new();
            for (_, slug) in &new {
                let query = ListQuery { text: Some(slug.clone()), ..archived.clone() };
                found.extend(list(session, workspace, &query).await?);
            }
            found
        };
        for live in found {
            let key = key(workspace, &live.slug);
            let known = self.archived.entry(key.clone()).or_default();
            if new.contains(&key) && known.iter().all(|one| one.id != live.id) {
                known.push(live);
            }
        }
        Ok(())
    }
}

/// Returns all workspaces.
pub(super) async fn workspaces(session: &Session) -> Result<Vec<WorkspaceView>, Failure> {
    let mut query = PageQuery { page_size: Some(PAGE), cursor: None };
    let mut all = Vec::new();
    loop {
        let answer = session.client.query(ALL_WORKSPACES, "workspaces", &query).await?;
        let page: WorkspacePage = read_answer(&answer)?;
        all.extend(page.workspaces);
        match page.part.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(all),
        }
    }
}

/// Returns the home connections of a workspace that match.
pub(super) async fn list(
    session: &Session,
    workspace: &str,
    query: &ListQuery,
) -> Result<Vec<Live>, Failure> {
    let mut query = ListQuery { page_size: Some(PAGE), ..query.clone() };
    let mut all = Vec::new();
    loop {
        let answer = session.client.query(workspace, "list", &query).await?;
        let page: ListPage<'_> = read_answer(&answer)?;
        let own = page.connections.iter().filter(|view| view.workspace == workspace);
        all.extend(own.map(Live::of));
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => return Ok(all),
        }
    }
}

async fn get_all(
    session: &Session,
    workspace: &str,
    slugs: &BTreeSet<&str>,
) -> Result<Vec<Live>, Failure> {
    let asked = slugs.iter().map(|slug| get(session, workspace, slug));
    let found: Vec<Option<Live>> =
        stream::iter(asked).buffer_unordered(IN_FLIGHT).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Returns one connection, if it is there and not archived.
async fn get(session: &Session, workspace: &str, name: &str) -> Result<Option<Live>, Failure> {
    let query = GetQuery { connection: name.to_owned(), as_of: None };
    let answer = match session.client.query(workspace, "get", &query).await {
        Ok(answer) => answer,
        Err(error) if error.code() == Some(Code::ConnectionUnknown.as_str()) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let view: ConnectionView<'_> = read_answer(&answer)?;
    let is_own = view.workspace == workspace && view.archived_at.is_none();
    Ok(is_own.then(|| Live::of(&view)))
}
