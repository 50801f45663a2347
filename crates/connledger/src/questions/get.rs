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

/// Returns the lines for people, without what is empty.
fn facts(view: &ConnectionView<'_>) -> Vec<(String, String)> {
    let optional = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(str::to_owned);
    let mut facts = vec![
        ("id".to_owned(), Some(view.id.clone())),
        ("slug".to_owned(), Some(view.slug.to_string())),
        ("workspace".to_owned(), Some(view.workspace.to_string())),
        ("name".to_owned(), optional(&view.display_name)),
        ("description".to_owned(), optional(&view.description)),
        ("provider".to_owned(), Some(provider(view))),
        ("kind".to_owned(), Some(view.kind.to_string())),
        ("environment".to_owned(), Some(view.environment.to_string())),
        ("auth method".to_owned(), Some(view.auth_method.to_string())),
        ("lifecycle".to_owned(), Some(view.lifecycle.to_string())),
        ("enabled".to_owned(), Some(if view.enabled { "yes" } else { "no" }.to_owned())),
        ("health".to_owned(), Some(health(view))),
        (
            "identity".to_owned(),
            view.identity.as_ref().map(|i| format!("{}:{}", i.r#type, i.value)),
        ),
        ("tags".to_owned(), (!view.tags.is_empty()).then(|| view.tags.join(", "))),
    ];
    let mut add = |name: String, value: String| facts.push((name, Some(value)));
    for (field, secret) in &view.secrets {
        let (masked, generation, set_at) = (&secret.masked, secret.generation, &secret.set_at);
        add(format!("secret {field}"), format!("{masked}  generation {generation}, set {set_at}"));
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
        add(format!("dependent {}", dependent.kind), dependent.id.to_string());
    }
    access(view, &mut add);
    add("version".to_owned(), format!("{} (log position {})", view.version, view.position));
    add("created".to_owned(), format!("{} by {}", view.created_at, view.created_by));
    add("updated".to_owned(), format!("{} by {}", view.updated_at, view.updated_by));
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
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
