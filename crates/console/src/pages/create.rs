//! Creating a connection: choosing a provider, then a form with its fields.

use axum::http::StatusCode;
use axum::response::Response;
use ledger_contract::commands::{Address, Verb};
use ledger_contract::errors::{Code, Problem};
use ledger_contract::queries::QueryWorkspace;
use ledger_contract::subjects::DEFAULT_WORKSPACE;
use ledger_domain::WorkspaceName;
use ledger_domain::principal::Scope;
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use ledger_providers::Provider;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::connections::names;
use super::fields::{self, Wrong, name_of};
use crate::answers::{page, see_other, sentence, status};
use crate::form::Form;
use crate::request::PageRequest;
use crate::view::layout::{Section, framed};
use crate::view::parts::{TextField, alert, crumbs, nothing, path_of, select, tick, with_query};
use crate::view::status::words;

/// Shows the providers to choose from.
pub(crate) async fn choose(request: PageRequest) -> Result<Response, Refusal> {
    let wanted = request.parameter("text").unwrap_or_default().to_lowercase();
    let fits = |provider: &&Provider| {
        let names = [provider.id.as_str(), &provider.display_name].into_iter();
        let words = provider.categories.iter().map(String::as_str);
        names.chain(words).any(|text| text.to_lowercase().contains(&wanted))
    };
    let mut found: Vec<_> = request.catalogue().iter().filter(fits).collect();
    found.sort_by_key(|provider| provider.display_name.to_lowercase());
    let body = html! {
        (crumbs(&[("/connections", "Connections")]))
        div.head { h1 { "New connection" } }
        p.soft { "Which service does it connect to?" }
        form.filters method="get" role="search" data-sparse {
            div.row {
                (TextField { name: "text", label: "Find a provider", value: &wanted, ..TextField::default() }.render())
                button.primary type="submit" { "Find" }
            }
        }
        @if found.is_empty() { (nothing("No provider is called so.")) }
        ul.providers {
            @for provider in found {
                li {
                    a href={ "/new/" (provider.id) } {
                        strong { (provider.display_name) }
                        @if let Some(text) = &provider.description { span.soft { (text) } }
                    }
                }
            }
        }
    };
    Ok(request.page("New connection", Section::Connections, &body))
}

/// Shows the form of a provider.
pub(crate) async fn form(request: PageRequest) -> Result<Response, Refusal> {
    let provider = provider_of(&request)?;
    let workspaces = workspaces(&request).await?;
    let defaults = provider
        .fields
        .iter()
        .filter(|field| !field.secret)
        .filter_map(|field| Some((name_of(field), fields::text(field.default.as_ref()?))));
    let mut filled = Filled { texts: defaults.collect(), ..Filled::default() };
    let usual = request.parameter("workspace").unwrap_or(DEFAULT_WORKSPACE).to_owned();
    filled.texts.insert("workspace".to_owned(), usual);
    Ok(answer(&request, &provider, &workspaces, &filled, StatusCode::OK))
}

fn provider_of(request: &PageRequest) -> Result<Provider, Problem> {
    let id = request.inputs.text("provider").unwrap_or_default();
    let found = request.catalogue().find(id);
    found.cloned().ok_or_else(|| Problem::because(Code::RouteUnknown, "no provider is called so"))
}

/// Returns the workspaces in which the caller may write.
async fn workspaces(request: &PageRequest) -> Result<Vec<String>, Problem> {
    let read = request.read(Effort::Lookup, QueryWorkspace::All, names);
    let may = |name: &str| {
        let name = WorkspaceName::parse("workspace", name).ok();
        name.is_some_and(|name| request.caller.may_somewhere_in(Scope::Write, &name))
    };
    Ok(read.await?.into_iter().filter(|name| may(name)).collect())
}

/// What is filled in, and what is wrong with it.
#[derive(Default)]
struct Filled {
    texts: std::collections::BTreeMap<String, String>,
    wrong: Wrong,
    problem: Option<Problem>,
}

impl Filled {
    fn of(form: &Form) -> Self {
        let all = form.below("").filter(|(name, _)| !name.starts_with(fields::SECRET));
        let texts = all.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        Self { texts, ..Self::default() }
    }

    fn text(&self, name: &str) -> &str {
        self.texts.get(name).map_or("", String::as_str)
    }

    fn wrong(&self, name: &str) -> Option<&str> {
        self.wrong.get(name).map(String::as_str)
    }
}

/// Creates the connection, or shows what is wrong.
pub(crate) async fn create(request: PageRequest) -> Result<Response, Refusal> {
    let provider = provider_of(&request)?;
    let mut filled = Filled::of(&request.form);
    let body = body(&request.form, &provider, &mut filled.wrong);
    let workspace = request.form.text("workspace").to_owned();
    if filled.wrong.is_empty() {
        let address = Address::of(WorkspaceName::parse("workspace", &workspace)?);
        match request.send(Verb::Create, address, &body).await {
            Ok(executed) => {
                let id = executed.receipt.connection.unwrap_or_default();
                let path = path_of(&workspace, &id);
                return Ok(see_other(&with_query(&path, &[("done", "create")])));
            }
            Err(refusal) => {
                let problem = request.refused(Verb::Create, refusal)?;
                if let Some(field) = &problem.field {
                    filled.wrong.insert(in_form(field), sentence(&problem.message));
                }
                filled.problem = Some(problem);
            }
        }
    }
    let workspaces = workspaces(&request).await?;
    let problem = filled.problem.as_ref();
    let status = problem.map_or(StatusCode::BAD_REQUEST, |problem| status(problem.code));
    Ok(answer(&request, &provider, &workspaces, &filled, status))
}

/// Returns the name in the form of a field that a problem names.
pub(crate) fn in_form(field: &str) -> String {
    match field.split_once('.') {
        Some(("secrets", name)) => format!("{}{name}", fields::SECRET),
        _ => field.to_owned(),
    }
}

fn body(form: &Form, provider: &Provider, wrong: &mut Wrong) -> Value {
    let config = fields::config(form, Some(provider), wrong);
    let secrets = fields::secrets(form);
    fields::check(provider, &config, &secrets, wrong);
    let mut body = Map::new();
    for name in ["slug", "display_name", "description", "environment", "auth_method"] {
        if let Some(text) = form.filled(name) {
            body.insert(name.to_owned(), text.into());
        }
    }
    body.insert("provider".to_owned(), provider.id.clone().into());
    body.insert("kind".to_owned(), provider.kind.as_str().into());
    body.insert("config".to_owned(), config.into());
    body.insert("secrets".to_owned(), secrets.into());
    body.insert("labels".to_owned(), fields::labels(form.text("labels"), wrong).into());
    body.insert("tags".to_owned(), fields::tags(form.text("tags")).into());
    body.insert("check".to_owned(), json!(form.is_set("check")));
    Value::Object(body)
}

fn answer(
    request: &PageRequest,
    provider: &Provider,
    workspaces: &[String],
    filled: &Filled,
    status: StatusCode,
) -> Response {
    let title = format!("New connection to {}", provider.display_name);
    let body = html! {
        (crumbs(&[("/connections", "Connections"), ("/new", "New connection")]))
        div.head { h1 { (title) } }
        @if let Some(problem) = &filled.problem {
            (alert(problem))
        } @else if !filled.wrong.is_empty() {
            p.notice.bad role="alert" { "Nothing was created: some fields are not right yet." }
        }
        @if workspaces.is_empty() {
            p.notice.warn { "You may not create connections in any workspace: that takes the right " code { "write" } "." }
        } @else {
            form.stacked.narrow method="post" autocomplete="off" {
                (request.frame.hidden())
                (named(workspaces, filled))
                (of_provider(provider, filled))
                (grouped(filled))
                div.buttons {
                    button.primary type="submit" { "Create" }
                    a.button href="/connections" { "Cancel" }
                }
            }
        }
    };
    page(status, framed(&request.frame, &title, Section::Connections, &body))
}

fn named(workspaces: &[String], filled: &Filled) -> Markup {
    let choices: Vec<_> = workspaces.iter().map(|name| (name.clone(), name.clone())).collect();
    let text = |name, label, help, lines| TextField {
        name,
        label,
        help: Some(help),
        value: filled.text(name),
        wrong: filled.wrong(name),
        lines,
        ..TextField::default()
    };
    html! {
        fieldset {
            legend { "Name" }
            (select("workspace", "Workspace", &choices, filled.text("workspace")))
            (text("display_name", "Display name", "What people call it.", false).render())
            (text("slug", "Slug", "What programs call it: letters, digits and dashes. Made from the \
                provider if empty.", false).render())
            (text("description", "Description", "What it is for.", true).render())
        }
    }
}

fn of_provider(provider: &Provider, filled: &Filled) -> Markup {
    let (needed, optional): (Vec<_>, Vec<_>) =
        provider.fields.iter().partition(|field| field.required || field.main || field.secret);
    let open = optional.iter().any(|field| filled.wrong(&name_of(field)).is_some());
    let shown = |field: &&ledger_providers::Field| {
        let name = name_of(field);
        fields::input(field, filled.text(&name), filled.wrong(&name))
    };
    html! {
        fieldset {
            legend { (provider.display_name) }
            @if let Some(address) = &provider.documentation {
                p.help { "Documentation: " span { (address) } }
            }
            @if provider.auth_methods.len() > 1 {
                @let methods = provider.auth_methods.iter().map(|method| {
                    (method.as_str().to_owned(), words(method.as_str()))
                }).collect::<Vec<_>>();
                (select("auth_method", "Authentication", &methods, filled.text("auth_method")))
            } @else if let Some(method) = provider.auth_methods.first() {
                input type="hidden" name="auth_method" value=(method.as_str());
            }
            @for field in &needed { (shown(field)) }
            @if !optional.is_empty() {
                details open[open || needed.is_empty()] {
                    summary { "More settings" }
                    div.stacked { @for field in &optional { (shown(field)) } }
                }
            }
            @if provider.probe.is_some() || provider.login.is_some() {
                (tick("check", "Test the credentials first", filled.texts.contains_key("check"),
                    Some("Nothing is created unless the provider accepts them.")))
            }
        }
    }
}

fn grouped(filled: &Filled) -> Markup {
    let environments = ["live", "test"].map(|word| (word.to_owned(), words(word)));
    html! {
        details {
            summary { "Environment, labels and tags" }
            div.stacked {
                (select("environment", "Environment", &environments, filled.text("environment")))
                (TextField {
                    name: "labels", label: "Labels", lines: true, value: filled.text("labels"),
                    help: Some("One on each line, like team=platform."),
                    wrong: filled.wrong("labels"), ..TextField::default()
                }.render())
                (TextField {
                    name: "tags", label: "Tags", value: filled.text("tags"),
                    help: Some("Separated by commas."), wrong: filled.wrong("tags"),
                    ..TextField::default()
                }.render())
            }
        }
    }
}
