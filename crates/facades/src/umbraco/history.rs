//! Versions of a connection, all of which the ledger keeps.

use ledger_contract::commands::{ConnectionRef, ParsedCommand};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::{headers, time};
use ledger_domain::{Command, Connection, Version};
use ledger_engine::{Effort, VersionLine};
use ledger_http::toolkit::{Json, Path, Query, Refusal, Tagged};
use ledger_providers::Provider;
use serde_json::Value;

use super::find::{named, of, shown};
use super::shapes::{
    ChangeOut, CompareOut, ComparePath, ConnectionOut, LineOut, Page, VersionOut, VersionPath,
    VersionsOut, VersionsPath,
};
use super::show;
use crate::masks::STARS;
use crate::request::FacadeRequest;

/// The default and the largest number of versions per page.
const TAKE: u64 = 100;
const TAKE_MAX: u64 = 1_000;

pub(super) async fn versions(
    request: FacadeRequest,
    Path(path): Path<VersionsPath>,
    Query(page): Query<Page>,
) -> Result<Tagged<Json<VersionsOut>>, Refusal> {
    let connection = named(&request, &path.id).await?;
    let skip = page.skip.unwrap_or(0);
    let take = page.take.unwrap_or(TAKE).min(TAKE_MAX);
    let lines = lines(&request, &connection, skip, take).await?;
    let newest = connection.version.get();
    let versions = lines.iter().map(|found| line(&connection, found)).collect();
    let shown = VersionsOut { current_version: newest, total_versions: newest, versions };
    Ok(request.tagged(&connection, Json(shown)))
}

pub(super) async fn version(
    request: FacadeRequest,
    Path(path): Path<VersionPath>,
) -> Result<Tagged<Json<VersionOut>>, Refusal> {
    let connection = named(&request, &path.id).await?;
    let version = number(&path.version)?;
    let then = at(&request, &connection, version).await?;
    let skip = connection.version.get().saturating_sub(version.get());
    let lines = lines(&request, &connection, skip, 1).await?;
    let found = lines.first().ok_or_else(|| Problem::new(Code::VersionUnknown))?;
    let shown = VersionOut { line: line(&connection, found), snapshot: shown(&request, &then) };
    Ok(request.tagged(&connection, Json(shown)))
}

pub(super) async fn compare(
    request: FacadeRequest,
    Path(path): Path<ComparePath>,
) -> Result<Tagged<Json<CompareOut>>, Refusal> {
    let connection = named(&request, &path.id).await?;
    let (from, to) = (number(&path.version)?, number(&path.to)?);
    let old = at(&request, &connection, from).await?;
    let new = at(&request, &connection, to).await?;
    let changes = changes((&old, of(&request, &old)), (&new, of(&request, &new)));
    let shown = CompareOut { from_version: from.get(), to_version: to.get(), changes };
    Ok(request.tagged(&connection, Json(shown)))
}

pub(super) async fn rollback(
    request: FacadeRequest,
    Path(path): Path<VersionPath>,
) -> Result<Tagged<Json<ConnectionOut>>, Refusal> {
    let connection = named(&request, &path.id).await?;
    let (target, to) = (ConnectionRef::Id(connection.id), number(&path.version)?);
    let revert = Command::Revert { to, then: None, detach_secrets: request.detach_secrets };
    match request.execute(ParsedCommand::change(target.clone(), revert)).await {
        Err(refusal) if refusal.code() == Code::NothingToChange => {}
        executed => {
            executed?;
        }
    }
    let reverted = request.find(target).await?;
    Ok(request.tagged(&reverted, Json(shown(&request, &reverted))))
}

/// Parses the number of a version. Invalid text names no version.
fn number(text: &str) -> Result<Version, Problem> {
    let number = headers::digits(text).map(Version::new);
    number.ok_or_else(|| Problem::new(Code::VersionUnknown))
}

async fn lines(
    request: &FacadeRequest,
    connection: &Connection,
    skip: u64,
    take: u64,
) -> Result<Vec<VersionLine>, Problem> {
    let target = ConnectionRef::Id(connection.id);
    Ok(request.query(Effort::Scan, move |reader| reader.versions(&target, skip, take)).await?.lines)
}

async fn at(
    request: &FacadeRequest,
    connection: &Connection,
    version: Version,
) -> Result<Connection, Problem> {
    let target = ConnectionRef::Id(connection.id);
    request.query(Effort::Lookup, move |reader| reader.connection_at(&target, version)).await
}

fn line(connection: &Connection, line: &VersionLine) -> LineOut {
    LineOut {
        id: line.event.to_string(),
        entity_id: connection.id.to_string(),
        version: line.version.get(),
        date_created: time::format(line.recorded_at),
        created_by_user_id: None,
        created_by_user_name: line.actor.as_str().to_owned(),
        change_description: line.event_type.replace('_', " "),
    }
}

/// A connection with its provider's description.
type Seen<'a> = (&'a Connection, Option<&'a Provider>);

/// Returns the differences; secrets are compared by generation.
fn changes(old: Seen<'_>, new: Seen<'_>) -> Vec<ChangeOut> {
    let (before, after) = (leaves(old), leaves(new));
    let mut changes = Vec::new();
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let (was, is) = (before.get(path), after.get(path));
        if was.map(|leaf| &leaf.0) != is.map(|leaf| &leaf.0) {
            changes.push(ChangeOut {
                path: path.clone(),
                old_value: was.map(|leaf| leaf.1.clone()),
                new_value: is.map(|leaf| leaf.1.clone()),
            });
        }
    }
    changes
}

/// Returns for each path the text to compare, and the text to show.
fn leaves(
    (connection, provider): Seen<'_>,
) -> std::collections::BTreeMap<String, (String, String)> {
    let item = show::item(connection, provider);
    let plain = |text: String| (text.clone(), text);
    let fields = [
        ("alias", item.alias),
        ("name", item.name),
        ("providerId", item.provider_id),
        ("isActive", item.is_active.to_string()),
    ];
    let fields = fields.into_iter().map(|(path, text)| (path.to_owned(), plain(text)));
    let secret = |name: &str| {
        let stored = connection.secrets.iter();
        let mut stored =
            stored.filter(|(stored, _)| super::settings::name(provider, stored.as_str()) == name);
        stored.next().map(|(_, secret)| secret.generation.get().to_string())
    };
    let settings = super::settings::shown(connection, provider).unwrap_or_default();
    let settings = settings.into_iter().map(|(name, value)| {
        let leaf = match (secret(&name), value) {
            (Some(generation), _) => (generation, STARS.to_owned()),
            (None, Value::String(text)) => plain(text),
            (None, value) => plain(value.to_string()),
        };
        (format!("settings.{name}"), leaf)
    });
    fields.chain(settings).collect()
}
