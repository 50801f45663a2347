//! Carries out a plan. A step whose connection was changed since is refused, and the others are
//! carried out. Sending the form again does nothing twice.

use axum::http::StatusCode;
use axum::response::Response;
use futures::{StreamExt as _, stream};
use ledger_contract::commands::{Address, ConnectionRef};
use ledger_contract::errors::Problem;
use ledger_contract::headers::Headers;
use ledger_domain::{Expected, InvalidField, MessageId, Version, WorkspaceName};
use ledger_http::toolkit::Refusal;
use maud::{Markup, html};

use super::step::PlannedStep;
use super::{STEPS_MAX, ended, read_as};
use crate::answers::{page, sentence};
use crate::request::PageRequest;
use crate::view::layout::{Section, framed};
use crate::view::moment::AS_OF;
use crate::view::parts::{counted, crumbs, name, path_of, with_query};
use crate::view::table::{Head, cards, cell, row};

/// Connections that are brought back at a time.
const AT_ONCE: usize = 4;

/// How a step ended: the version after it, or why it was refused.
type Outcome = Result<u64, Problem>;

/// Applies the steps that are ticked.
pub(crate) async fn apply(request: PageRequest) -> Result<Response, Refusal> {
    let plan = MessageId::parse("plan", request.form.text("plan"))?;
    let steps: Vec<_> = request.form.all("step").map(PlannedStep::parse).collect();
    let steps = steps.into_iter().collect::<Result<Vec<_>, InvalidField>>()?;
    if steps.is_empty() || u32::try_from(steps.len()).is_ok_and(|count| count > STEPS_MAX) {
        let problem = format!("tick 1 to {STEPS_MAX} connections");
        return Err(InvalidField::new("step", problem).into());
    }
    let carried: Vec<_> = steps.iter().map(|step| carry_out(&request, &plan, step)).collect();
    let outcomes: Vec<_> = stream::iter(carried).buffered(AT_ONCE).collect().await;
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, Refusal>>()?;
    let refused = outcomes.iter().any(Result::is_err);
    let all: Vec<_> = steps.into_iter().zip(outcomes).collect();
    let status = if refused { StatusCode::CONFLICT } else { StatusCode::OK };
    let body = shown(&request, &plan, &all);
    Ok(page(status, framed(&request.frame, "Undo", Section::Audit, &body)))
}

/// Sends the commands of one step, until one is refused.
async fn carry_out(
    request: &PageRequest,
    plan: &MessageId,
    step: &PlannedStep,
) -> Result<Outcome, Refusal> {
    let workspace = WorkspaceName::parse("workspace", &step.workspace)?;
    let target = ConnectionRef::parse("connection", &step.connection)?;
    let mut version = step.version;
    for (number, command) in step.commands.iter().enumerate() {
        let verb = command.verb().ok_or_else(|| InvalidField::new("step", "has no such verb"))?;
        let id = format!("{}-{}-{number}", plan.as_str(), step.connection);
        let headers = Headers {
            command_id: Some(MessageId::parse("plan", &id)?),
            expected: Expected::At(Version::new(version)),
            causation_id: Some(plan.clone()),
            correlation_id: Some(plan.clone()),
            ..Headers::default()
        };
        let address = Address {
            workspace: workspace.clone(),
            connection: Some(target.clone()),
            principal: None,
        };
        match request.send_as(headers, verb, address, &command.body()).await {
            Ok(executed) => version = executed.receipt.version,
            Err(refusal) => return Ok(Err(request.refused(verb, refusal)?)),
        }
    }
    Ok(Ok(version))
}

fn shown(request: &PageRequest, plan: &MessageId, all: &[(PlannedStep, Outcome)]) -> Markup {
    let done = all.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    let (done, total) = (u64::try_from(done).unwrap_or(u64::MAX), all.len());
    let place = [("workspace", request.form.text("workspace")), (AS_OF, request.form.text(AS_OF))];
    let history = [place[0], ("correlation_id", plan.as_str())];
    let heads = ["Connection", "Outcome", "Version", "Why"].map(Head::Text);
    html! {
        (crumbs(&[("/history", "Audit"), ("/undo", "Undo")]))
        div.head { h1 { "Undo" } }
        @let is_whole = all.iter().all(|(_, outcome)| outcome.is_ok());
        div.notice.good[is_whole].warn[!is_whole] role="status" {
            p {
                strong { (counted(done, "connection", "connections")) " of " (total) }
                " brought back to " (read_as(request.form.text(AS_OF))) "."
                @if !is_whole {
                    " What was changed after the plan was made is refused. Plan again, and look at it."
                }
            }
            p.links {
                @if done > 0 { a href=(with_query("/history", &history)) { "What was recorded" } }
                a href=(with_query("/undo", &place)) { "Plan again" }
            }
        }
        (cards(&heads, &html! {
            @for (step, outcome) in all { (row(None, &cells(step, outcome))) }
        }))
    }
}

fn cells(step: &PlannedStep, outcome: &Outcome) -> Markup {
    html! {
        (cell("Connection", &html! {
            a.name href=(path_of(&step.workspace, &step.connection)) { (name(&step.slug)) }
            div.soft.slug { (step.workspace) }
        }))
        (cell("Outcome", &ended(outcome.is_ok())))
        (cell("Version", &html! {
            @match outcome {
                Ok(version) => { "v" (version) },
                Err(_) => { "was v" (step.version) " in the plan" },
            }
        }))
        (cell("Why", &html! {
            @match outcome {
                Ok(_) => span.soft { "\u{2013}" },
                Err(problem) => { (sentence(&problem.message)) " " code { (problem.code) } },
            }
        }))
    }
}
