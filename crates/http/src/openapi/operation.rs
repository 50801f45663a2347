//! One route as an OpenAPI operation.

use std::collections::BTreeMap;

use ledger_contract::commands::Verb;
use ledger_contract::errors::{Code, PROBLEM_JSON};
use serde_json::{Map, Value, json};

use crate::api::routes::{Answer, Parameter, Route, Subject};

/// Returns the operation of a route.
pub(super) fn of(route: &Route) -> Value {
    let terms = &route.terms;
    let mut operation = json!({
        "operationId": route.id,
        "tags": [terms.tag],
        "summary": route.summary,
        "parameters": route.parameters().map(parameter).collect::<Vec<_>>(),
        "responses": responses(route),
    });
    let mut add = |name: &str, value: Value| {
        if let Value::Object(operation) = &mut operation {
            operation.insert(name.to_owned(), value);
        }
    };
    let scope = terms.scope.map(|scope| format!("Requires the scope `{scope}` {}.", route.reach()));
    let about = Some(terms.about.as_str()).filter(|about| !about.is_empty());
    let about = [about, scope.as_deref()];
    let about: Vec<_> = about.into_iter().flatten().collect();
    if !about.is_empty() {
        add("description", about.join(" ").into());
    }
    if let Some(scope) = terms.scope {
        add("x-required-scope", scope.as_str().into());
    }
    add(
        "security",
        match (route.needs_key(), route.operation.is_local()) {
            (true, false) => json!([{ "key": [] }]),
            (true, true) => json!([{}, { "key": [] }]),
            (false, _) => json!([]),
        },
    );
    match terms.subject {
        // What gives out secrets changes nothing.
        Subject::Command(Verb::RevealSecret | Verb::Unwrap | Verb::ReadLeasedSecrets)
        | Subject::Http => {}
        Subject::Command(verb) => add("x-ledger-command", verb.as_str().into()),
        Subject::Query(query) => add("x-ledger-query", query.as_str().into()),
    }
    if let Some(schema) = &terms.body {
        let body = json!({
            "required": !terms.body_may_be_absent,
            "content": { "application/json": { "schema": reference(schema) } },
        });
        add("requestBody", body);
    }
    operation
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn parameter(parameter: &Parameter) -> Value {
    let schema = parameter.form.schema();
    let schema = if parameter.many { json!({ "type": "array", "items": schema }) } else { schema };
    json!({
        "name": parameter.name,
        "in": parameter.place.as_str(),
        "required": parameter.required,
        "description": parameter.about,
        "schema": schema,
    })
}

fn responses(route: &Route) -> Value {
    let mut responses = Map::new();
    for answer in &route.terms.answers {
        responses.insert(answer.status.to_string(), success(answer));
    }
    let mut refusals: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in route.refusals() {
        let codes = refusals.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    for (status, codes) in refusals {
        responses.insert(status.to_string(), refusal(status, &codes));
    }
    Value::Object(responses)
}

fn success(answer: &Answer) -> Value {
    let mut response = json!({
        "description": answer.about,
        "headers": headers(answer.headers.iter().copied().chain(["X-Request-Id"])),
    });
    let content: Map<String, Value> = answer
        .content
        .iter()
        .map(|(media_type, schema)| {
            let schema = schema.as_deref().map_or_else(|| json!({ "type": "string" }), reference);
            ((*media_type).to_owned(), json!({ "schema": schema }))
        })
        .collect();
    if let (false, Value::Object(response)) = (content.is_empty(), &mut response) {
        response.insert("content".to_owned(), content.into());
    }
    response
}

fn refusal(status: u16, codes: &[Code]) -> Value {
    let lines: Vec<_> = codes.iter().map(|code| format!("`{code}`: {}", code.summary())).collect();
    let extra = match status {
        401 => Some("WWW-Authenticate"),
        429 | 503 => Some("Retry-After"),
        _ => None,
    };
    json!({
        "description": lines.join(" "),
        "headers": headers(extra.into_iter().chain(["X-Request-Id"])),
        "content": { (PROBLEM_JSON): { "schema": reference("ProblemDetails") } },
    })
}

fn headers(names: impl Iterator<Item = &'static str>) -> Value {
    let described = |name: &'static str| {
        let text = json!({ "type": "string" });
        let (about, schema) = match name {
            "ETag" => (
                "The version, in quotes.",
                json!({ "type": "string", "pattern": "^\"[1-9][0-9]*\"$" }),
            ),
            "Location" => ("The path of the new object.", text),
            "Link" => ("The first, the previous and the next page (RFC 8288).", text),
            "X-Total-Count" => {
                ("The number of rows on all pages.", json!({ "type": "integer", "minimum": 0 }))
            }
            "Ledger-Repeated" => (
                "Present if the command had already been executed.",
                json!({ "type": "string", "enum": ["true"] }),
            ),
            "Cache-Control" => (
                "`no-store`: no cache may store the answer.",
                json!({ "type": "string", "enum": ["no-store"] }),
            ),
            "Retry-After" => {
                ("Seconds to wait before a retry.", json!({ "type": "integer", "minimum": 1 }))
            }
            "WWW-Authenticate" => ("How to send a key.", text),
            _ => ("The id of the request.", text),
        };
        let required = !matches!(name, "Link" | "Ledger-Repeated");
        let header = json!({ "description": about, "required": required, "schema": schema });
        (name.to_owned(), header)
    };
    Value::Object(names.map(described).collect())
}
