//! Bringing the connections of a workspace back to an earlier moment, by a plan that is shown
//! first. What is applied is the plan that was shown, connection by connection.

mod apply;
mod step;

pub(crate) use apply::apply;

use axum::response::Response;
use ledger_contract::AsOf;
use ledger_contract::queries::{Affected, QueryWorkspace, UndoPlanPage, UndoPlanQuery, UndoStep};
use ledger_domain::WorkspaceName;
use ledger_domain::principal::{Scope, Subject};
use ledger_engine::Effort;
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::connections::{name_of_workspace, names};
use super::history::tabs;
use crate::request::PageRequest;
use crate::session::random_text;
use crate::view::difference::label;
use crate::view::layout::Section;
use crate::view::moment::{AS_OF, in_utc, local};
use crate::view::parts::{TextField, counted, name, nothing, path_of, select, with_query};
use crate::view::status::badge;
use crate::view::table::{Head, cards, cell, row};
use crate::view::times::exact;
use step::PlannedStep;

/// Steps of one plan. What is left is planned when these are done.
const STEPS_MAX: u32 = 50;

/// Shows the plan, or asks for the moment.
pub(crate) async fn show(request: PageRequest) -> Result<Response, Refusal> {
    let workspace = request.workspace_for(Scope::Audit)?;
    let subject = workspace.name().map_or(Subject::Ledger, Subject::Workspace);
    request.caller.require(Scope::Audit, subject)?;
    let as_of = request.parameter(AS_OF).map(in_utc);
    let query = as_of.clone().map(|as_of| UndoPlanQuery {
        as_of,
        page_size: Some(STEPS_MAX),
        cursor: request.parameter("cursor").map(str::to_owned),
    });
    let read = request.read(Effort::Scan, workspace.clone(), move |reader| {
        let plan = query.map(|query| reader.undo_plan(&query)).transpose()?;
        Ok((plan, names(reader)?))
    });
    let (plan, names) = read.await?;
    let body = html! {
        div.head { h1 { "Audit" } }
        (tabs("undo"))
        (form(&request, &workspace, &names, as_of.as_deref()))
        @match &plan {
            None => (nothing("Choose the moment to which connections are brought back. Nothing is \
                changed before you have seen the plan.")),
            Some(plan) => (planned(&request, &workspace, plan)),
        }
    };
    Ok(request.page("Undo", Section::Audit, &body))
}

fn form(
    request: &PageRequest,
    workspace: &QueryWorkspace,
    names: &[String],
    as_of: Option<&str>,
) -> Markup {
    let choices = request.workspace_choices(Scope::Audit, names);
    let moment = as_of.and_then(|text| AsOf::parse(AS_OF, text).ok());
    let value = match moment {
        Some(AsOf::Time(moment)) => local(moment.before(request.now())),
        _ => String::new(),
    };
    html! {
        form.filters method="get" action="/undo" data-sparse {
            div.row {
                (select("workspace", "Workspace", &choices, name_of_workspace(workspace)))
                (TextField {
                    name: AS_OF, label: "Back to (UTC)", value: &value, time: true,
                    required: as_of.is_none(), ..TextField::default()
                }.render())
                button.primary type="submit" { "Show the plan" }
            }
        }
    }
}

fn planned(request: &PageRequest, workspace: &QueryWorkspace, plan: &UndoPlanPage) -> Markup {
    let (feasible, impossible): (Vec<_>, Vec<_>) =
        plan.steps.iter().partition(|step| !step.commands.is_empty());
    let (possible, denied): (Vec<_>, Vec<_>) =
        feasible.into_iter().partition(|step| may(request, step));
    let count = |steps: &[&UndoStep]| u64::try_from(steps.len()).unwrap_or(u64::MAX);
    html! {
        p #total role="status" {
            (counted(count(&possible), "connection", "connections")) " can be brought back to position "
            (plan.as_of.position.get())
            @if !impossible.is_empty() {
                ", " (counted(count(&impossible), "cannot", "cannot"))
            }
            "."
            @if plan.next_cursor.is_some() {
                " There are more: apply this part first, and then plan again."
            }
        }
        @if plan.steps.is_empty() { (nothing("Everything is as it was then.")) }
        @if !possible.is_empty() { (apply_form(request, workspace, plan, &possible)) }
        @if !denied.is_empty() { (left("What you may not bring back", &denied)) }
        @if !impossible.is_empty() { (left("What cannot be brought back", &impossible)) }
    }
}

fn apply_form(
    request: &PageRequest,
    workspace: &QueryWorkspace,
    plan: &UndoPlanPage,
    steps: &[&UndoStep],
) -> Markup {
    let heads = ["Connection", "What is done", "What comes back", "What stays", "Whom it affects"];
    html! {
        form.plan method="post" action="/undo" {
            (request.frame.token_only())
            input type="hidden" name="plan" value=(random_text());
            input type="hidden" name=(AS_OF) value=(plan.as_of);
            input type="hidden" name="workspace" value=(name_of_workspace(workspace));
            (cards(&heads.map(Head::Text), &html! {
                @for step in steps { (row(None, &cells(step))) }
            }))
            div.notice {
                p {
                    "Each connection is changed only if it is still at the version that the plan \
                     shows. What is done is recorded in your name, and can be undone itself."
                }
                div.buttons {
                    button.primary type="submit" { "Apply what is ticked" }
                    a.button href="/changes" { "Cancel" }
                }
            }
        }
    }
}

fn cells(step: &UndoStep) -> Markup {
    let value = PlannedStep::of(step).to_string();
    let id = format!("step-{}", step.connection);
    let path = path_of(&step.workspace, &step.connection);
    html! {
        (cell("Connection", &html! {
            div.field.tick {
                input id=(id) type="checkbox" name="step" value=(value) checked;
                label for=(id) { (name(&step.slug)) }
                p.help {
                    (step.workspace) " \u{b7} now v" (step.version) " \u{b7} "
                    a href=(path) { "Open" span.hidden { " " (step.slug) } }
                }
            }
        }))
        (cell("Done", &done(step, &path)))
        (cell("Comes back", &html! {
            @if step.fields.is_empty() { span.soft { "\u{2013}" } }
            @else { (step.fields.iter().map(|field| label(field)).collect::<Vec<_>>().join(", ")) }
        }))
        (cell("Stays", &html! {
            @for text in &step.stays { div { (text) } }
            @if step.stays.is_empty() { span.soft { "\u{2013}" } }
        }))
        (cell("Affects", &affected(&step.affects)))
    }
}

fn done(step: &UndoStep, path: &str) -> Markup {
    let now = format!("v{}", step.version);
    html! {
        @for command in &step.commands {
            div {
                @match (command.verb.as_str(), command.to_version) {
                    ("revert", Some(version)) => {
                        "Goes back to "
                        a href=(with_query(&format!("{path}/compare"), &[("from", &now), ("to", &format!("v{version}"))])) {
                            "version " (version)
                        }
                    },
                    ("archive", _) => { "Is archived: it was not in use then" },
                    ("restore", _) => { "Is restored from the archive" },
                    (verb, _) => { (verb) },
                }
            }
        }
    }
}

fn affected(one: &Affected) -> Markup {
    let some =
        |number: u64, one: &str, many: &str| (number > 0).then(|| counted(number, one, many));
    let workspaces = match one.workspaces {
        None => Some("All workspaces".to_owned()),
        Some(number) => some(number, "other workspace", "other workspaces"),
    };
    let all = [
        workspaces,
        some(one.dependents, "dependent", "dependents"),
        some(one.consumers, "consumer", "consumers"),
    ];
    let all: Vec<_> = all.into_iter().flatten().collect();
    html! {
        @for text in &all { div { (text) } }
        @if all.is_empty() { span.soft { "Nobody is known to use it" } }
    }
}

/// Returns whether the caller has the rights that the commands of a step always take.
fn may(request: &PageRequest, step: &UndoStep) -> bool {
    let Ok(workspace) = WorkspaceName::parse("workspace", &step.workspace) else { return false };
    let commands = PlannedStep::of(step).commands;
    commands.iter().all(|command| {
        let scopes = command.verb().into_iter().flat_map(|verb| verb.spec().always_required());
        scopes.into_iter().all(|scope| request.caller.may_somewhere_in(scope, &workspace))
    })
}

/// Returns what is not brought back, and why.
fn left(heading: &str, steps: &[&UndoStep]) -> Markup {
    html! {
        section.card {
            h2 { (heading) }
            ul.rows {
                @for step in steps {
                    li {
                        a href=(path_of(&step.workspace, &step.connection)) { (name(&step.slug)) }
                        span.soft { (step.workspace) }
                        @for text in &step.stays { span { (crate::answers::sentence(text)) } }
                        @if let Some(code) = &step.code { code { (code) } }
                        @if !step.commands.is_empty() {
                            span { "It takes rights to change connections of its workspace." }
                        }
                    }
                }
            }
        }
    }
}

/// Returns a moment as people read it.
fn read_as(text: &str) -> String {
    ledger_contract::time::parse(AS_OF, text).map_or_else(|_| text.to_owned(), |_| exact(text))
}

/// Returns a badge for how a step ended.
fn ended(is_done: bool) -> Markup {
    if is_done { badge("good", "Brought back") } else { badge("bad", "Refused") }
}
