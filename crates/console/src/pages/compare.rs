//! Two versions of a connection side by side.

use std::collections::BTreeMap;

use axum::response::Response;
use ledger_contract::queries::QueryWorkspace;
use ledger_contract::time;
use ledger_contract::view::ConnectionView;
use ledger_domain::{InvalidField, Version};
use ledger_engine::{Effort, QueryError};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};
use serde_json::Value;

use crate::request::PageRequest;
use crate::view::event;
use crate::view::layout::Section;
use crate::view::parts::{actor, crumbs, name, name_of, nothing, path_of, with_query};
use crate::view::status::words;
use crate::view::times::{ago_of, exact};

/// Versions to choose from.
const VERSIONS_MAX: u64 = 200;
/// What differs between any two versions and says nothing.
const LEFT_OUT: [&str; 5] = ["version", "position", "updated_at", "updated_by", "health.by"];

/// Fields by name, each as text.
type Fields = BTreeMap<String, String>;

/// Shows the page: the versions that are named, or the latest two.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let (workspace, target) = request.place()?;
    let version = |name: &'static str| -> Result<Option<Version>, InvalidField> {
        let Some(text) = request.parameter(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| *number > 0);
        let number = number.ok_or_else(|| InvalidField::new(name, "must be a version"))?;
        Ok(Some(Version::new(number)))
    };
    let (from, to) = (version("from")?, version("to")?);
    let path = path_of(workspace.as_str(), request.inputs.text("connection").unwrap_or_default());
    let place = QueryWorkspace::Named(workspace);
    let read = request.read(Effort::Scan, place, move |reader| {
        let versions = reader.versions(&target, 0, VERSIONS_MAX)?;
        let now = versions.now.version;
        let to = to.unwrap_or(now);
        let from = from.unwrap_or(Version::new(to.get().saturating_sub(1).max(1)));
        let fields = |version| -> Result<Fields, QueryError> {
            let then = reader.connection_at(&target, version)?;
            Ok(flat(&serde_json::to_value(ConnectionView::of(&then)).unwrap_or_default()))
        };
        Ok((fields(from)?, fields(to)?, from, to, versions))
    });
    let (before, after, from, to, versions) = read.await?;
    let title = name_of(&versions.now);
    let may_revert = from != versions.now.version;
    let revert = from.get().to_string();
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &title)]))
        div.head { h1 { "Compare versions" } }
        form.filters method="get" {
            div.row.wide {
                (choose("from", "From", &versions, from, request.now()))
                (choose("to", "To", &versions, to, request.now()))
                button.primary type="submit" { "Compare" }
            }
        }
        (table(&before, &after, from, to))
        @if may_revert {
            p.buttons {
                a.button href=(with_query(&format!("{path}/do/revert"), &[("to_version", &revert)])) {
                    "Go back to version " (from.get())
                }
            }
        }
    };
    Ok(request.page("Compare versions", Section::Connections, &body))
}

fn choose(
    field: &str,
    label: &str,
    versions: &ledger_engine::Versions,
    chosen: Version,
    now: ledger_domain::Micros,
) -> Markup {
    let known = versions.lines.iter().any(|line| line.version == chosen);
    html! {
        div.field {
            label for=(field) { (label) }
            select id=(field) name=(field) {
                @if !known { option value=(chosen.get()) selected { "v" (chosen.get()) } }
                @for line in &versions.lines {
                    option value=(line.version.get()) selected[line.version == chosen] {
                        "v" (line.version.get()) " \u{b7} " (event::title(line.event_type))
                        " \u{b7} " (line.actor.as_str())
                    }
                }
            }
            @if let Some(line) = versions.lines.iter().find(|line| line.version == chosen) {
                p.help {
                    (event::title(line.event_type)) " by " (actor(line.actor.as_str())) ", "
                    (ago_of(line.recorded_at, now))
                }
            }
        }
    }
}

fn table(before: &Fields, after: &Fields, from: Version, to: Version) -> Markup {
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let differs = |name: &&&String| before.get(**name) != after.get(**name);
    let changed: Vec<_> = names.iter().filter(differs).collect();
    html! {
        @if changed.is_empty() { (nothing("Nothing differs between these versions.")) }
        @else {
            table.cards.compare role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        th role="columnheader" scope="col" { "Field" }
                        th role="columnheader" scope="col" { "Version " (from.get()) }
                        th role="columnheader" scope="col" { "Version " (to.get()) }
                    }
                }
                tbody role="rowgroup" {
                    @for field in changed {
                        tr role="row" {
                            th role="rowheader" scope="row" { (name(&label(field))) }
                            td role="cell" data-label={ "Version " (from.get()) } { (side(before.get(*field), "del")) }
                            td role="cell" data-label={ "Version " (to.get()) } { (side(after.get(*field), "ins")) }
                        }
                    }
                }
            }
        }
    }
}

fn side(text: Option<&String>, kind: &str) -> Markup {
    html! {
        @match (text, kind) {
            (None, _) => span.soft { "\u{2013}" },
            (Some(text), "del") => del { (name(text)) },
            (Some(text), _) => ins { (name(text)) },
        }
    }
}

fn label(field: &str) -> String {
    match field.split_once('.') {
        Some((group, rest)) => format!("{}: {rest}", words(group)),
        None => words(field),
    }
}

/// Returns the fields of a view as texts. Members of members are beside the others.
fn flat(view: &Value) -> Fields {
    let mut fields = Fields::new();
    add(&mut fields, "", view);
    fields.retain(|name, _| !LEFT_OUT.contains(&name.as_str()) && !is_record_of_secret(name));
    fields
}

/// Who set a secret and when follows from its generation.
fn is_record_of_secret(name: &str) -> bool {
    name.starts_with("secrets.") && (name.ends_with(".set_by") || name.ends_with(".set_at"))
}

fn add(fields: &mut Fields, name: &str, value: &Value) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (key, value) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                add(fields, &name, value);
            }
        }
        Value::Array(items) if items.is_empty() => {}
        Value::String(text) => {
            let is_time = time::parse("time", text).is_ok();
            fields.insert(name.to_owned(), if is_time { exact(text) } else { text.clone() });
        }
        other => {
            fields.insert(name.to_owned(), other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_fields_are_compared_one_by_one() {
        let view = json!({
            "version": 3, "slug": "main", "description": null, "tags": [], "config": { "a": 1 },
            "secrets": { "k": { "generation": 2, "set_at": "x", "set_by": "y" } },
        });
        let expected = [("config.a", "1"), ("secrets.k.generation", "2"), ("slug", "main")];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(flat(&view), expected.into());
        assert_eq!(label("config.base_url"), "Config: base_url");
    }
}
