//! The fleet: the connections of a fictitious company.

mod products;
mod service;
mod services;

use serde_json::{Value, json};

use crate::secrets::Secrets;
use service::Service;
use services::SERVICES;

/// Returns the create bodies of `count` connections: the five products' examples, then the
/// services, then the same services for one customer after the other.
pub(crate) fn bodies(count: usize, secrets: &mut Secrets) -> Vec<Value> {
    let mut bodies = products::examples(secrets);
    for customer in 0.. {
        for service in SERVICES {
            if bodies.len() >= count {
                return bodies;
            }
            bodies.push(body(service, customer, secrets));
        }
    }
    bodies
}

fn body(service: &Service, customer: u32, secrets: &mut Secrets) -> Value {
    let config: serde_json::Map<String, Value> = service
        .config
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json_or_text(value)))
        .collect();
    let sealed: serde_json::Map<String, Value> = service
        .secrets
        .iter()
        .map(|(field, prefix)| ((*field).to_owned(), Value::String(secrets.make(prefix))))
        .collect();
    let slug = match customer {
        0 => service.slug.to_owned(),
        _ => format!("{}-{customer:04}", service.slug),
    };
    let identity = (customer > 0).then(|| {
        let value = format!("customer-{customer:04}");
        json!({ "type": "team", "value": value })
    });
    json!({
        "slug": slug,
        "display_name": service.name,
        "provider": service.provider,
        "kind": service.kind,
        "environment": service.environment,
        "auth_method": service.auth_method,
        "config": config,
        "secrets": sealed,
        "labels": { "team": service.team },
        "tags": service.tags,
        "identity": identity,
    })
}

/// Parses the text as JSON; returns it as a string if it is not JSON.
fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ledger_contract::commands;
    use ledger_domain::WorkspaceName;

    use super::*;

    #[test]
    fn every_body_is_a_valid_create_command_with_a_unique_slug() {
        let workspace = WorkspaceName::parse("workspace", "default").unwrap();
        let bodies = bodies(150, &mut Secrets::new());
        let mut slugs = BTreeSet::new();
        for body in &bodies {
            let text = body.to_string();
            commands::parse("create", &workspace, None, text.as_bytes()).expect(&text);
            slugs.insert(body["slug"].as_str().unwrap().to_owned());
        }
        assert_eq!((bodies.len(), slugs.len()), (150, 150));
    }
}
