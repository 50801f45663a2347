//! Commands: one route per verb, generated from the verb's description in the contract.

use ledger_contract::commands::{self, Condition, Target, Verb};
use ledger_contract::errors::Code;

use serde_json::Value;

use super::parameters as p;
use super::refusals as r;
use super::{Answer, Keyed, Parameter, Route, Work};

/// Answer to a command that changed something.
const CHANGED: &[Answer] = &[Answer {
    status: 200,
    about: "The change is durable; a repeated command returns its first receipt.",
    content: &[("application/json", Some("Receipt"))],
    headers: &["ETag", "Ledger-Repeated"],
}];

/// Answer to a command that created something.
const CREATED: &[Answer] = &[Answer {
    status: 201,
    about: "The new object is durable; a repeated command returns its first receipt.",
    content: &[("application/json", Some("Receipt"))],
    headers: &["Location", "ETag", "Ledger-Repeated"],
}];

const KEY_ISSUED: &[Answer] = &[Answer {
    status: 201,
    about: "The key, which is valid from now on.",
    content: &[("application/json", Some("KeyReceipt"))],
    headers: &["ETag", "Ledger-Repeated", "Cache-Control"],
}];

const SECRETS: &[Answer] = &[Answer {
    status: 200,
    about: "The secret values.",
    content: &[("application/json", Some("RevealAnswer"))],
    headers: &["Cache-Control"],
}];

/// Returns the route of a verb.
pub(super) fn route(verb: Verb) -> Route {
    let spec = verb.spec();
    let (body, body_may_be_absent) = body_of(verb);
    Route {
        method: spec.route.method,
        path: spec.route.path,
        id: spec.route.operation_id,
        tag: tag(verb),
        summary: spec.summary,
        about: about(verb),
        work: match spec.answer {
            commands::Answer::Secrets => Work::Keyed(Keyed::Reveal),
            _ => Work::Keyed(Keyed::Command(verb)),
        },
        scope: spec.always_required().next(),
        parameters: parameters(verb),
        body: Some(body),
        body_may_be_absent,
        answers: match spec.answer {
            commands::Answer::Changed => CHANGED,
            commands::Answer::Created => CREATED,
            commands::Answer::KeyIssued => KEY_ISSUED,
            commands::Answer::Secrets => SECRETS,
        },
        refusals: refusals(verb),
    }
}

fn tag(verb: Verb) -> &'static str {
    match verb.spec().target {
        Target::NewConnection => "connections",
        Target::Connection if verb == Verb::Update => "connections",
        Target::Connection => "commands",
        Target::NewWorkspace => "workspaces",
        Target::NewPrincipal | Target::Principal | Target::Key => "principals",
    }
}

fn parameters(verb: Verb) -> &'static [&'static [Parameter]] {
    match verb.spec().target {
        Target::Connection if verb == Verb::RevealSecret => {
            &[p::IN_WORKSPACE, p::ON_CONNECTION, p::COMMAND, p::COMMON]
        }
        Target::Connection => {
            &[p::IN_WORKSPACE, p::ON_CONNECTION, p::COMMAND, p::CHANGING, p::COMMON]
        }
        Target::NewConnection => &[p::IN_WORKSPACE, p::COMMAND, p::MAKING, p::COMMON],
        Target::NewWorkspace | Target::NewPrincipal => &[p::COMMAND, p::MAKING, p::COMMON],
        Target::Principal => &[p::ON_PRINCIPAL, p::COMMAND, p::CHANGING, p::COMMON],
        Target::Key => &[p::ON_PRINCIPAL, p::ON_KEY, p::COMMAND, p::CHANGING, p::COMMON],
    }
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
    let title = schema.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
    let required = schema.get("required").and_then(Value::as_array);
    let demands = required.is_some_and(|required| !required.is_empty());
    (title, !demands)
}

/// Returns the description, including scopes that depend on the content of the command.
fn about(verb: Verb) -> String {
    let spec = verb.spec();
    let mut sentences = vec![spec.description.to_owned()];
    for requirement in spec.requires {
        // The operation's description already names the first scope that is always required.
        let further = match requirement.when {
            Condition::Always => requirement.scopes.get(1..).unwrap_or_default(),
            Condition::ChangesSecrets | Condition::Shares => requirement.scopes,
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
