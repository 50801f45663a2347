//! `get`.

use clap::Args;
use ledger_contract::queries::GetQuery;
use ledger_contract::view::ConnectionView;

use super::read_answer;
use crate::failure::Failure;
use crate::session::Session;

/// Shows one connection, secrets masked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  connledger get openai-prod
  connledger get openai-prod --json | jq .health")]
pub(crate) struct GetArgs {
    /// Id or slug
    name: String,
}

pub(super) async fn run(session: &Session, args: GetArgs) -> Result<(), Failure> {
    let query = GetQuery { connection: args.name };
    let answer = session.client.query(&session.workspace, "get", &query).await?;
    if session.out.is_json() {
        return session.out.raw(&answer);
    }
    let view: ConnectionView<'_> = read_answer(&answer)?;
    let facts = facts(&view);
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    facts.iter().try_for_each(|(name, value)| session.out.line(format!("{name:<width$}  {value}")))
}

type Facts = Vec<(String, String)>;

/// Returns the lines for people, without empty fields.
fn facts(view: &ConnectionView<'_>) -> Facts {
    let mut facts = identity(view);
    entries(view, &mut facts);
    let mut add = |name: String, value: String| facts.push((name, value));
    access(view, &mut add);
    add("version".to_owned(), format!("{} (log position {})", view.version, view.position));
    add("created".to_owned(), format!("{} by {}", view.created_at, view.created_by));
    add("updated".to_owned(), format!("{} by {}", view.updated_at, view.updated_by));
    facts
}

/// Returns the facts that identify the connection.
fn identity(view: &ConnectionView<'_>) -> Facts {
    let text = |text: &str| Some(text.to_owned());
    let facts = [
        ("id", text(&view.id)),
        ("slug", text(&view.slug)),
        ("workspace", text(&view.workspace)),
        ("name", view.display_name.as_deref().and_then(text)),
        ("description", view.description.as_deref().and_then(text)),
        ("provider", Some(provider(view))),
        ("kind", text(&view.kind)),
        ("environment", text(&view.environment)),
        ("auth method", text(&view.auth_method)),
        ("lifecycle", text(&view.lifecycle)),
        ("enabled", text(if view.enabled { "yes" } else { "no" })),
        ("health", Some(health(view))),
        ("identity", view.identity.as_ref().map(|i| format!("{}:{}", i.r#type, i.value))),
        ("tags", (!view.tags.is_empty()).then(|| view.tags.join(", "))),
    ];
    let given = facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    given.collect()
}

/// Adds the entries that have names: secrets, configuration, labels, annotations, dependents.
fn entries(view: &ConnectionView<'_>, facts: &mut Facts) {
    let mut add = |name: String, value: String| facts.push((name, value));
    for (field, secret) in &view.secrets {
        let (masked, generation, set_at) = (&secret.masked, secret.generation, &secret.set_at);
        add(format!("secret {field}"), format!("{masked}  generation {generation}, set {set_at}"));
    }
    for reference in &view.secret_references {
        let (target, place) = (&reference.target, &reference.reference);
        add(format!("secret {target}"), format!("from {place}"));
    }
    for (key, value) in &view.config {
        add(format!("config {key}"), value.get().to_owned());
    }
    for (key, value) in &view.labels {
        add(format!("label {key}"), value.to_string());
    }
    for (key, value) in &view.annotations {
        add(format!("annotation {key}"), value.get().to_owned());
    }
    for dependent in &view.dependents {
        let name = dependent.name.as_deref().unwrap_or_default();
        add(format!("used by {}", dependent.kind), format!("{} {name}", dependent.id));
    }
}

fn provider(view: &ConnectionView<'_>) -> String {
    match &view.provider_version {
        Some(version) => format!("{} {version}", view.provider),
        None => view.provider.to_string(),
    }
}

fn health(view: &ConnectionView<'_>) -> String {
    let since = format!("{} since {}", view.health.state, view.health.since);
    match &view.health.reason {
        Some(reason) => format!("{since}: {reason}"),
        None => since,
    }
}

fn access(view: &ConnectionView<'_>, add: &mut impl FnMut(String, String)) {
    let limits = |value| serde_json::to_string(value).unwrap_or_default();
    if let Some(everyone) = &view.access.everyone {
        add("granted to *".to_owned(), limits(everyone));
    }
    for (workspace, grant) in &view.access.workspaces {
        let word = if grant.allowed { "granted to" } else { "kept from" };
        add(format!("{word} {workspace}"), limits(&grant.limits));
    }
    if !view.models.allow_all || !view.models.models.is_empty() {
        let rest = if view.models.allow_all { "others allowed" } else { "others kept out" };
        let mut words = Vec::new();
        for (model, rule) in &view.models.models {
            words.push(format!("{model} {}", if rule.enabled { "allowed" } else { "kept out" }));
        }
        words.push(rest.to_owned());
        add("models".to_owned(), words.join(", "));
    }
    if let Some(pricing) = &view.pricing {
        add("pricing".to_owned(), serde_json::to_string(pricing).unwrap_or_default());
    }
}
