//! Commands: one route per verb, generated from the verb's description in the contract.

use ledger_contract::commands::{self, Condition, Target, Verb};
use ledger_contract::errors::Code;
use serde_json::Value;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Parameter, Route, Subject, Terms, method, title};
use crate::api::commands::{may_reveal, run, secrets};
use crate::api::request::ApiRequest;
use crate::toolkit::{Operation, RawBody};

/// Returns the route of a verb.
pub(super) fn route(verb: Verb) -> Route {
    let spec = verb.spec();
    let (body, body_may_be_absent) = body_of(verb);
    let is_reveal = spec.answer.has_secrets();
    Route {
        method: method(spec.route.method),
        path: spec.route.path,
        id: spec.route.operation_id,
        summary: spec.summary,
        terms: Terms {
            subject: Subject::Command(verb),
            tag: tag(verb),
            about: about(verb),
            scope: spec.always_required().next(),
            before_body: is_reveal.then_some(may_reveal),
            parameters: parameters(verb),
            body: Some(body),
            body_may_be_absent,
            answers: vec![answer(spec.answer)],
            refusals: refusals(verb),
        },
        operation: match spec.answer {
            commands::Answer::Secrets | commands::Answer::Leased => {
                Operation::of(move |request: ApiRequest, body: RawBody| {
                    secrets(request, body, verb)
                })
            }
            _ => Operation::of(move |request: ApiRequest, body: RawBody| run(request, body, verb)),
        },
    }
}

fn answer(answer: commands::Answer) -> Answer {
    match answer {
        commands::Answer::Changed => Answer::json(
            200,
            "The change is durable; a repeated command returns its first receipt.",
            "Receipt",
            &["ETag", "Ledger-Repeated"],
        ),
        commands::Answer::Noted => Answer::json(
            200,
            "It is durable; what was said before is answered with its first receipt.",
            "Receipt",
            &["Ledger-Repeated"],
        ),
        commands::Answer::Created => Answer::json(
            201,
            "The new object is durable; a repeated command returns its first receipt.",
            "Receipt",
            &["Location", "ETag", "Ledger-Repeated"],
        ),
        commands::Answer::KeyIssued => Answer::json(
            201,
            "The key, which is valid from now on, or the token that stands for it.",
            "KeyReceipt",
            &["ETag", "Ledger-Repeated", "Cache-Control"],
        ),
        commands::Answer::Signed => Answer::json(
            200,
            "The change is durable. What receivers check signatures with is shown only this once.",
            "AlertReceipt",
            &["ETag", "Ledger-Repeated", "Cache-Control"],
        ),
        commands::Answer::Tested => Answer::json(
            200,
            "The result, which is durable; a repeated command returns its first result.",
            "TestReceipt",
            &["ETag", "Ledger-Repeated"],
        ),
        commands::Answer::Reported => Answer::json(
            200,
            "What follows. Nothing was recorded for the report itself.",
            "ReportReceipt",
            &["ETag"],
        ),
        commands::Answer::Models => Answer::json(
            200,
            "The models. Nothing was recorded but a reveal, if the provider was asked.",
            "ModelsReceipt",
            &["ETag"],
        ),
        commands::Answer::Connecting => Answer::json(
            200,
            "Where a person permits it. Nothing was recorded for the beginning itself.",
            "ConnectReceipt",
            &["ETag", "Cache-Control"],
        ),
        commands::Answer::Secrets => {
            Answer::json(200, "The secret values, or the key.", "RevealAnswer", &["Cache-Control"])
        }
        commands::Answer::Leased => {
            Answer::json(200, "The values and the lease.", "LeaseAnswer", &["Cache-Control"])
        }
    }
}

fn tag(verb: Verb) -> &'static str {
    match verb.spec().target {
        Target::NewConnection => "connections",
        Target::Connection if verb == Verb::Update => "connections",
        Target::Connection | Target::Token | Target::Handover => "commands",
        Target::Workspace | Target::NewWorkspace | Target::Policies | Target::Alerts => {
            "workspaces"
        }
        Target::NewPrincipal | Target::Principal | Target::Key | Target::Tokens => "principals",
        Target::Ledger => "operation",
    }
}

fn parameters(verb: Verb) -> &'static [&'static [Parameter]] {
    match verb.spec().target {
        Target::Connection if is_beside(verb) => {
            &[p::IN_WORKSPACE, p::ON_CONNECTION, p::COMMAND, p::COMMON]
        }
        Target::Connection => {
            &[p::IN_WORKSPACE, p::ON_CONNECTION, p::COMMAND, p::CHANGING, p::COMMON]
        }
        Target::Workspace => &[p::IN_WORKSPACE, p::COMMAND, p::COMMON],
        Target::Handover => &[p::IN_WORKSPACE_OR_LEDGER, p::COMMAND, p::COMMON],
        Target::NewConnection => &[p::IN_WORKSPACE, p::COMMAND, p::MAKING, p::COMMON],
        Target::NewWorkspace | Target::NewPrincipal => &[p::COMMAND, p::MAKING, p::COMMON],
        Target::Policies | Target::Alerts => {
            &[p::IN_WORKSPACE_OR_LEDGER, p::COMMAND, p::CHANGING, p::COMMON]
        }
        Target::Tokens | Target::Ledger => &[p::COMMAND, p::CHANGING, p::COMMON],
        Target::Token => &[p::COMMAND, p::COMMON],
        Target::Principal => &[p::ON_PRINCIPAL, p::COMMAND, p::CHANGING, p::COMMON],
        Target::Key => &[p::ON_PRINCIPAL, p::ON_KEY, p::COMMAND, p::CHANGING, p::COMMON],
    }
}

/// Returns whether a command leaves the version of its connection as it is.
fn is_beside(verb: Verb) -> bool {
    verb.spec().answer.has_secrets() || verb.spec().answer == commands::Answer::Noted
}

fn refusals(verb: Verb) -> Vec<&'static [Code]> {
    let spec = verb.spec();
    let command = if spec.target.is_ledger() { r::LEDGER_COMMAND } else { r::COMMAND };
    let mut refusals = vec![r::KEY, r::BODY, command];
    if spec.target == Target::Connection {
        refusals.push(r::CHANGE);
    }
    refusals.push(spec.refusals);
    refusals
}

/// Returns the schema name of a verb's body over HTTP, and whether the body may be empty because
/// `{}` is valid.
fn body_of(verb: Verb) -> (String, bool) {
    let schema = ledger_contract::schemas::http_body_schema(verb);
    let required = schema.get("required").and_then(Value::as_array);
    // Which of several fields must be there is said beside the list of those that always must.
    let one_of = schema.get("oneOf").is_some() || schema.get("anyOf").is_some();
    let demands = one_of || required.is_some_and(|required| !required.is_empty());
    (title(&schema), !demands)
}

/// Returns the description, including scopes that depend on the content of the command.
fn about(verb: Verb) -> String {
    let spec = verb.spec();
    let mut sentences = vec![spec.description.to_owned()];
    for requirement in spec.requires {
        // The operation's description already names the first scope that is always required.
        let further = match requirement.when {
            Condition::Always => requirement.scopes.get(1..).unwrap_or_default(),
            Condition::ChangesSecrets
            | Condition::Refers
            | Condition::Shares
            | Condition::Redirects
            | Condition::ExceedsSender => requirement.scopes,
        };
        for scope in further {
            sentences.push(match requirement.when {
                Condition::Always => format!("Also requires the scope `{scope}`."),
                condition => format!("Also requires `{scope}` {}.", condition.as_clause()),
            });
        }
    }
    sentences.retain(|sentence| !sentence.is_empty());
    sentences.join(" ")
}
