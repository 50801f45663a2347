//! Editing a connection. What others changed meanwhile is shown beside what was typed, and nothing
//! is overwritten.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::commands::Verb;
use ledger_contract::errors::{Code, Problem};
use ledger_contract::view::ConnectionView;
use ledger_domain::Connection;
use ledger_http::toolkit::Refusal;
use ledger_providers::{Field, Provider};
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::connection::{may, not_offered};
use super::create::in_form;
use super::fields::{self, CONFIG, Wrong, name_of as field_name};
use crate::answers::{page, sentence, status};
use crate::form::Form;
use crate::request::PageRequest;
use crate::view::layout::{Section, framed};
use crate::view::parts::{TextField, actor, alert, crumbs, name, name_of, path_of, select, tick};
use crate::view::status::words;
use crate::view::table::{cell, comparison, row, row_head};
use crate::view::times::ago_of;

/// Names of fields that hold what stood there when the form was made begin so.
const WAS: &str = "was.";
/// Fields that can be emptied.
const CLEARED: [&str; 2] = ["display_name", "description"];

/// Fields by their names in the form, as texts.
type Texts = BTreeMap<String, String>;

/// What the page is made of.
struct Editing {
    connection: Connection,
    /// What stands in the connection now.
    now: Texts,
    /// What stands in the fields.
    shown: Texts,
    /// What stood there when the first form was made, of fields that others have changed since.
    conflicts: BTreeMap<String, (String, String)>,
    wrong: Wrong,
    problem: Option<Problem>,
}

/// Shows the form.
pub(crate) async fn form(request: PageRequest) -> Result<Response, Refusal> {
    let connection = request.connection().await?;
    let now = texts(&request, &connection);
    let editing = Editing {
        shown: now.clone(),
        now,
        connection,
        conflicts: BTreeMap::new(),
        wrong: Wrong::new(),
        problem: None,
    };
    Ok(answer(&request, &editing))
}

/// Returns the editable fields of a connection.
fn texts(request: &PageRequest, connection: &Connection) -> Texts {
    let view = ConnectionView::of(connection);
    let own =
        |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
    let labels = view.labels.iter().map(|(key, value)| format!("{key}={value}"));
    let mut texts: Texts = [
        ("slug", view.slug.to_string()),
        ("display_name", own(&view.display_name)),
        ("description", own(&view.description)),
        ("environment", view.environment.to_string()),
        ("auth_method", view.auth_method.to_string()),
        ("labels", labels.collect::<Vec<_>>().join("\n")),
        ("tags", view.tags.join(", ")),
    ]
    .map(|(name, text)| (name.to_owned(), text))
    .into();
    let provider = request.catalogue().find(&view.provider);
    for field in provider.iter().flat_map(|known| &known.fields).filter(|field| !field.secret) {
        texts.insert(field_name(field), String::new());
    }
    for (key, value) in &view.config {
        let field = provider.and_then(|known| known.field(key)).filter(|field| !field.secret);
        // A setting under another spelling of its field stays there.
        let is_own = field.is_some_and(|field| field.name == **key);
        if let Some(field) = field.filter(|_| !is_own) {
            texts.remove(&field_name(field));
        }
        let value = serde_json::from_str(value.get()).unwrap_or_default();
        texts.insert(format!("{CONFIG}{key}"), fields::text(&value));
    }
    texts
}

/// Saves what was changed, or shows what is wrong.
pub(crate) async fn save(request: PageRequest) -> Result<Response, Refusal> {
    let connection = request.connection().await?;
    let provider = request.catalogue().find(connection.details.provider.as_str()).cloned();
    let before: Texts = owned(request.form.below(WAS));
    let mine: Texts =
        before.keys().map(|name| (name.clone(), request.form.text(name).to_owned())).collect();
    let mut wrong = Wrong::new();
    let body = changes(&request.form, &before, &mine, provider.as_ref(), &mut wrong);
    let mut problem = None;
    if wrong.is_empty() {
        match request.change(Verb::Update, &body).await {
            Ok(_) => return Ok(request.done(Verb::Update)?),
            Err(refusal) => {
                let refused = request.refused(Verb::Update, refusal)?;
                if let Some(field) = &refused.field {
                    wrong.insert(in_form(field), sentence(&refused.message));
                }
                problem = Some(refused);
            }
        }
    }
    let is_conflict = problem.as_ref().is_some_and(|one| one.code == Code::VersionConflict);
    // It may have been changed since it was looked at.
    let connection = if is_conflict { request.connection().await? } else { connection };
    let now = texts(&request, &connection);
    let (shown, conflicts) =
        if is_conflict { merged(&before, &mine, &now) } else { (mine, BTreeMap::new()) };
    // Without a conflict, the version and what stood there stay those of the first form.
    let now = if is_conflict { now } else { before };
    Ok(answer(&request, &Editing { connection, now, shown, conflicts, wrong, problem }))
}

fn owned<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Texts {
    pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// Merges what was typed with what others changed: what only one of them changed is taken from
/// there. Of a field that both changed, what was typed is shown, with what stands there now and
/// what stood there before.
fn merged(
    before: &Texts,
    mine: &Texts,
    now: &Texts,
) -> (Texts, BTreeMap<String, (String, String)>) {
    let mut shown = now.clone();
    let mut conflicts = BTreeMap::new();
    for (name, mine) in mine {
        let was = before.get(name).map_or("", String::as_str);
        let theirs = now.get(name).map_or("", String::as_str);
        if mine == was || mine == theirs {
            continue;
        }
        shown.insert(name.clone(), mine.clone());
        if theirs != was {
            conflicts.insert(name.clone(), (was.to_owned(), theirs.to_owned()));
        }
    }
    (shown, conflicts)
}

/// Returns the body of the command: what differs from what stood there.
fn changes(
    form: &Form,
    before: &Texts,
    mine: &Texts,
    provider: Option<&Provider>,
    wrong: &mut Wrong,
) -> Value {
    let mut body = Map::new();
    let mut config = Map::new();
    for (name, text) in mine.iter().filter(|(name, text)| before.get(*name) != Some(*text)) {
        if let Some(setting) = name.strip_prefix(CONFIG) {
            match fields::value(fields::kind_of(provider, setting), text) {
                Ok(value) => drop(config.insert(setting.to_owned(), value.unwrap_or_default())),
                Err(problem) => drop(wrong.insert(name.clone(), problem)),
            }
            continue;
        }
        let text = text.trim();
        let value = match name.as_str() {
            "labels" => {
                let mut labels = fields::labels(text, wrong);
                let former = fields::labels(before.get(name).map_or("", String::as_str), wrong);
                for key in former.keys() {
                    labels.entry(key.clone()).or_insert(Value::Null);
                }
                Value::Object(labels)
            }
            "tags" => Value::Array(fields::tags(text)),
            name if text.is_empty() && CLEARED.contains(&name) => Value::Null,
            _ => Value::String(text.to_owned()),
        };
        body.insert(name.clone(), value);
    }
    body.insert("config".to_owned(), config.into());
    body.insert("secrets".to_owned(), fields::secrets(form).into());
    body.insert("detach_secrets".to_owned(), json!(form.is_set("detach_secrets")));
    Value::Object(body)
}

fn answer(request: &PageRequest, editing: &Editing) -> Response {
    let connection = &editing.connection;
    let path = path_of(connection.workspace.as_str(), &connection.id.to_string());
    let title = format!("Edit {}", name_of(connection));
    let is_conflict = editing.problem.as_ref().is_some_and(|one| one.code == Code::VersionConflict);
    let version = if is_conflict || request.form.filled("version").is_none() {
        connection.version.get().to_string()
    } else {
        request.form.text("version").to_owned()
    };
    let body = html! {
        (crumbs(&[("/connections", "Connections"), (&path, &name_of(connection))]))
        div.head { h1 { (title) } }
        @if is_conflict { (conflict(request, editing)) }
        @else if let Some(problem) = &editing.problem {
            (alert(problem))
        } @else if !editing.wrong.is_empty() {
            p.notice.bad role="alert" { "Nothing was changed: some fields are not right yet." }
        }
        @if may(request, Verb::Update, connection) {
            (form_of(request, editing, &path, &version))
        } @else { (not_offered(request, Verb::Update)) }
    };
    let usual = if editing.wrong.is_empty() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let status = editing.problem.as_ref().map_or(usual, |one| status(one.code));
    page(status, framed(&request.frame, &title, Section::Connections, &body))
}

fn form_of(request: &PageRequest, editing: &Editing, path: &str, version: &str) -> Markup {
    html! {
        form.stacked.narrow method="post" action={ (path) "/edit" } autocomplete="off" {
            (request.frame.hidden())
            input type="hidden" name="version" value=(version);
            @for (name, text) in &editing.now {
                input type="hidden" name={ (WAS) (name) } value=(text);
            }
            (named(editing))
            (settings(request, editing))
            (grouped(editing))
            div.buttons {
                button.primary type="submit" { "Save" }
                a.button href=(path) { "Cancel" }
            }
        }
    }
}

/// Shows both versions of the fields that both changed.
fn conflict(request: &PageRequest, editing: &Editing) -> Markup {
    let connection = &editing.connection;
    html! {
        div.notice.warn role="alert" {
            p {
                strong { "Somebody else changed this connection while you were editing it." } " "
                (actor(connection.updated_by.as_str())) " changed it "
                (ago_of(connection.updated_at, request.now())) ", to version "
                (connection.version.get()) ". Nothing of yours was saved yet."
            }
            p {
                @if editing.conflicts.is_empty() {
                    "Both changed different fields: the form below has both changes. Look at it, and save it again."
                } @else {
                    "You both changed the fields below. The form has what you typed: change it as it should be, and save it again."
                }
                " " code { (Code::VersionConflict) }
            }
        }
        @if !editing.conflicts.is_empty() {
            (comparison(&["Field", "When you began", "Now", "Yours"], &html! {
                @for (field, (was, theirs)) in &editing.conflicts {
                    (row(None, &html! {
                        (row_head(&html! { (label(field)) }))
                        (cell("When you began", &name(was)))
                        (cell("Now", &html! { ins { (name(theirs)) } }))
                        (cell("Yours", &name(editing.text(field))))
                    }))
                }
            }))
        }
    }
}

fn label(field: &str) -> String {
    field.strip_prefix(CONFIG).map_or_else(|| words(field), str::to_owned)
}

impl Editing {
    fn text(&self, name: &str) -> &str {
        self.shown.get(name).map_or("", String::as_str)
    }

    fn wrong(&self, name: &str) -> Option<String> {
        let conflict = self.conflicts.get(name);
        let conflict = conflict.map(|(_, theirs)| format!("Now it is: {theirs}"));
        self.wrong.get(name).cloned().or(conflict)
    }

    fn field(&self, name: &str, label: &str, help: &str, lines: bool) -> Markup {
        let wrong = self.wrong(name);
        TextField {
            name,
            label,
            help: Some(help).filter(|help| !help.is_empty()),
            value: self.text(name),
            wrong: wrong.as_deref(),
            lines,
            ..TextField::default()
        }
        .render()
    }
}

fn named(editing: &Editing) -> Markup {
    html! {
        fieldset {
            legend { "Name" }
            (editing.field("display_name", "Display name", "What people call it.", false))
            (editing.field("slug", "Slug", "What programs call it.", false))
            (editing.field("description", "Description", "What it is for.", true))
        }
    }
}

fn settings(request: &PageRequest, editing: &Editing) -> Markup {
    let connection = &editing.connection;
    let provider = request.catalogue().find(connection.details.provider.as_str());
    let known: Vec<&Field> = provider.iter().flat_map(|known| &known.fields).collect();
    let has = |field: &Field| {
        connection
            .secrets
            .keys()
            .any(|name| field.is_called(ledger_domain::CheckedText::text(name)))
    };
    let is_shown = |field: &Field| editing.shown.contains_key(&field_name(field));
    let is_known = |name: &str| known.iter().any(|field| field_name(field) == name);
    let others = editing.shown.keys().filter(|name| name.starts_with(CONFIG) && !is_known(name));
    let methods = provider.map(|known| known.auth_methods.as_slice()).unwrap_or_default();
    let methods: Vec<_> =
        methods.iter().map(|method| (method.as_str().to_owned(), words(method.as_str()))).collect();
    html! {
        fieldset {
            legend { "Settings" }
            @if methods.iter().any(|(value, _)| value == editing.text("auth_method")) {
                (select("auth_method", "Authentication", &methods, editing.text("auth_method")))
            } @else {
                (editing.field("auth_method", "Authentication", "", false))
            }
            @for field in known.iter().filter(|field| !field.secret && is_shown(field)) {
                @let wrong = editing.wrong(&field_name(field));
                (fields::input(field, editing.text(&field_name(field)), wrong.as_deref()))
            }
            @for setting in others {
                (editing.field(setting, setting.strip_prefix(CONFIG).unwrap_or(setting), "", false))
            }
            @for field in known.iter().filter(|field| field.secret && !has(field)) {
                @let wrong = editing.wrong(&field_name(field));
                (fields::input(field, "", wrong.as_deref()))
            }
            @if !connection.secrets.is_empty() {
                p.help { "Secrets that it has are replaced by rotating them." }
                (tick("detach_secrets", "Remove secrets that would be sent elsewhere",
                    request.form.is_set("detach_secrets"),
                    Some("A change of the address or the user sends them elsewhere. That takes the \
                          right to reveal them, unless they are removed.")))
            }
        }
    }
}

fn grouped(editing: &Editing) -> Markup {
    let environments = ["live", "test"].map(|word| (word.to_owned(), words(word)));
    html! {
        fieldset {
            legend { "Environment, labels and tags" }
            (select("environment", "Environment", &environments, editing.text("environment")))
            (editing.field("labels", "Labels", "One on each line, like team=platform.", true))
            (editing.field("tags", "Tags", "Separated by commas.", false))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pairs: &[(&str, &str)]) -> Texts {
        owned(pairs.iter().copied())
    }

    #[test]
    fn what_only_one_changed_is_merged_and_what_both_changed_is_asked() {
        let before = texts(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")]);
        let mine = texts(&[("a", "1"), ("b", "2"), ("c", "2"), ("d", "2"), ("e", "1")]);
        let now = texts(&[("a", "1"), ("b", "1"), ("c", "3"), ("d", "2"), ("e", "3")]);
        let (shown, conflicts) = merged(&before, &mine, &now);
        assert_eq!(shown, texts(&[("a", "1"), ("b", "2"), ("c", "2"), ("d", "2"), ("e", "3")]));
        assert_eq!(conflicts, [("c".to_owned(), ("1".to_owned(), "3".to_owned()))].into());
    }

    #[test]
    fn only_what_differs_is_sent_and_what_is_emptied_is_removed() {
        let before = texts(&[
            ("display_name", "Main"),
            ("slug", "main"),
            ("labels", "team=a\nold=b"),
            ("config.base_url", "https://a"),
            ("config.mode", "x"),
            ("tags", "one"),
        ]);
        let mine = texts(&[
            ("display_name", ""),
            ("slug", "main"),
            ("labels", "team=c"),
            ("config.base_url", "https://b"),
            ("config.mode", ""),
            ("tags", "one"),
        ]);
        let mut wrong = Wrong::new();
        let body = changes(&Form::default(), &before, &mine, None, &mut wrong);
        let expected = json!({
            "display_name": null, "labels": { "team": "c", "old": null },
            "config": { "base_url": "https://b", "mode": null }, "secrets": {},
            "detach_secrets": false,
        });
        assert_eq!((body, wrong), (expected, Wrong::new()));
    }
}
