//! All that the command line knows of a connection's fields: the flags of `create` and `update`,
//! the filters of `list`, the lines of `get`.

use std::path::PathBuf;

use clap::Args;
use ledger_contract::queries::ListQuery;
use ledger_contract::view::{ConnectionView, FormerView, ProviderTokenView, ReferenceView};
use ledger_providers::{Catalogue, FieldType};
use serde_json::{Value, json};

use crate::body::{
    self, Body, Pair, ReferenceArg, SecretArg, SecretReader, Setting, insert_under, put_references,
};
use crate::failure::Failure;

/// Fields of a connection.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fields")]
pub(crate) struct FieldArgs {
    /// File of settings in TOML, which other commands call --config
    #[arg(id = "config_file", long = "config-file", value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// Body of the command as JSON, `-` for standard input; other flags override it
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Name of the connection, unique in the workspace
    #[arg(long)]
    slug: Option<String>,
    /// External service, for example openai
    #[arg(long)]
    provider: Option<String>,
    /// Version of the provider's connector
    #[arg(long, value_name = "VERSION")]
    provider_version: Option<String>,
    /// Display name
    #[arg(long)]
    name: Option<String>,
    /// Free text
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// api, databasesql, databasenosql, filesystem, stream or custom
    #[arg(long)]
    kind: Option<String>,
    /// live or test
    #[arg(long)]
    environment: Option<String>,
    /// Authentication method: api_key, basic, bearer, oauth2_client_credentials, ...
    #[arg(long, value_name = "METHOD")]
    auth_method: Option<String>,
    /// Setting that is not secret: KEY=TEXT, or KEY:=JSON for a number, true, false, a list or an
    /// object. Text is stored as it is typed; KEY=@FILE reads no file. With --provider, text
    /// becomes the number or boolean that its catalogue entry wants
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<Setting>,
    /// Secret field whose value is asked for; or FIELD=- for standard input, FIELD=@FILE, or
    /// FIELD=VALUE, which others can see in the process list. One line end is dropped from the end
    /// of a file or of standard input. A value that begins with @ is written with @@
    #[arg(long, value_name = "FIELD")]
    secret: Vec<SecretArg>,
    /// Secret field whose value is elsewhere, where the server looks for it when it is revealed:
    /// FIELD=env:NAME, file:/PATH, vault:MOUNT/PATH, aws:NAME or connection:SLUG/FIELD, with #KEY
    /// for a key of a JSON object. The server must allow the place
    #[arg(long, value_name = "FIELD=KIND:NAME")]
    secret_ref: Vec<ReferenceArg>,
    /// Label
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<Pair>,
    /// Tag; on update, the given tags replace all others
    #[arg(long)]
    tag: Vec<String>,
    /// Namespaced fact: KEY=TEXT or KEY:=JSON
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<Setting>,
    /// Owner: user, team, organization or project, and its id
    #[arg(long, value_name = "TYPE:VALUE")]
    identity: Option<String>,
}

impl FieldArgs {
    /// Builds the body from the file and the flags.
    pub(crate) fn body(self, secrets: &mut SecretReader) -> Result<Body, Failure> {
        let mut body = self.file.as_deref().map(body::read).transpose()?.unwrap_or_default();
        secrets.read_into(&self.secret, &mut body)?;
        put_references(&self.secret_ref, &mut body)?;
        for setting in self.config {
            let Setting { key, value } = typed(self.provider.as_deref(), setting);
            insert_under(&mut body, "config", key, value);
        }
        let texts = [
            ("slug", self.slug),
            ("provider", self.provider),
            ("provider_version", self.provider_version),
            ("display_name", self.name),
            ("description", self.description),
            ("kind", self.kind),
            ("environment", self.environment),
            ("auth_method", self.auth_method),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                body.insert(field.to_owned(), Value::String(text));
            }
        }
        for Pair { key, value } in self.label {
            insert_under(&mut body, "labels", key, Value::String(value));
        }
        for Setting { key, value } in self.annotation {
            insert_under(&mut body, "annotations", key, value);
        }
        if !self.tag.is_empty() {
            body.insert("tags".to_owned(), json!(self.tag));
        }
        if let Some(text) = &self.identity {
            let (kind, value) = identity(text)?;
            body.insert("identity".to_owned(), json!({ "type": kind, "value": value }));
        }
        Ok(body)
    }
}

/// Makes text the number or boolean that the provider's description wants, if it reads as one.
fn typed(provider: Option<&str>, setting: Setting) -> Setting {
    let Setting { key, value } = setting;
    let field = provider.and_then(|name| Catalogue::built_in().find(name)?.field(&key));
    let wanted = field.map(|field| field.r#type);
    let read = match (&value, wanted) {
        (Value::String(text), Some(FieldType::Integer)) => {
            text.parse::<i64>().ok().map(Value::from)
        }
        (Value::String(text), Some(FieldType::Number)) => body::number(text),
        (Value::String(text), Some(FieldType::Boolean)) => {
            text.parse::<bool>().ok().map(Value::from)
        }
        _ => None,
    };
    Setting { key, value: read.unwrap_or(value) }
}

/// Fields to clear.
#[derive(Debug, Args)]
pub(crate) struct UnsetArgs {
    /// Field to clear: display_name, description, provider_version, identity, tags, or one entry
    /// like config.region, labels.team or annotations.note
    #[arg(long, value_name = "FIELD")]
    unset: Vec<String>,
}

impl UnsetArgs {
    /// Says in the body that the fields are to be cleared.
    pub(crate) fn apply(self, body: &mut Body) {
        for path in self.unset {
            match path.split_once('.') {
                Some((object @ ("config" | "labels" | "annotations"), key)) => {
                    insert_under(body, object, key.to_owned(), Value::Null);
                }
                _ if path == "tags" => {
                    body.insert(path, Value::Array(Vec::new()));
                }
                // The ledger itself rejects fields that cannot be cleared.
                _ => {
                    body.insert(path, Value::Null);
                }
            }
        }
    }
}

/// Which connections to list.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters (repeat a filter to match any of its values)")]
pub(crate) struct Filters {
    /// External service
    #[arg(long)]
    provider: Vec<String>,
    /// test or live
    #[arg(long)]
    environment: Option<String>,
    /// Whether gateways may use it
    #[arg(long, value_name = "BOOL")]
    enabled: Option<bool>,
    /// active, archived, erased or any [default: active]
    #[arg(long)]
    lifecycle: Option<String>,
    /// operational, degraded, failed or unknown
    #[arg(long, value_name = "STATE")]
    health: Vec<String>,
    /// Kind of service
    #[arg(long)]
    kind: Vec<String>,
    /// Authentication method
    #[arg(long, value_name = "METHOD")]
    auth_method: Vec<String>,
    /// Tag; if repeated, all must be present
    #[arg(long)]
    tag: Vec<String>,
    /// Label; if repeated, all must be present
    #[arg(long, value_name = "KEY[=VALUE]")]
    label: Vec<String>,
    /// Owner
    #[arg(long, value_name = "TYPE:VALUE", conflicts_with = "identity_type")]
    identity: Option<String>,
    /// Type of owner: user, team, organization or project
    #[arg(long, value_name = "TYPE")]
    identity_type: Option<String>,
    /// Has a secret whose current value was set before a time, or so long ago: 90d
    #[arg(long, value_name = "TIME")]
    secret_older_than: Option<String>,
    /// No secret was revealed on the UTC day of a time, or of so long ago, or later: 30d
    #[arg(long, value_name = "TIME")]
    unused_since: Option<String>,
    /// How old a secret is by its policy: fresh, due or overdue
    #[arg(long, value_name = "AGE")]
    secret_age: Vec<String>,
    /// Text in the display name or slug; case is ignored
    #[arg(long)]
    text: Option<String>,
}

impl Filters {
    /// Returns the query that asks for what fits, in no order yet.
    pub(crate) fn query(self) -> Result<ListQuery, Failure> {
        let (identity_type, identity) = match self.identity.as_deref() {
            Some(text) => {
                let (kind, value) = identity(text)?;
                (Some(kind.to_owned()), Some(value.to_owned()))
            }
            None => (self.identity_type, None),
        };
        Ok(ListQuery {
            provider: self.provider,
            environment: self.environment,
            enabled: self.enabled,
            lifecycle: self.lifecycle,
            health: self.health,
            kind: self.kind,
            auth_method: self.auth_method,
            tag: self.tag,
            label: self.label,
            identity_type,
            identity,
            secret_older_than: self.secret_older_than,
            unused_since: self.unused_since,
            secret_age: self.secret_age,
            text: self.text,
            ..ListQuery::default()
        })
    }
}

/// Splits `TYPE:VALUE`.
fn identity(text: &str) -> Result<(&str, &str), Failure> {
    text.split_once(':').ok_or_else(|| {
        Failure::usage("--identity must have the form TYPE:VALUE")
            .hint("for example --identity team:payments")
    })
}

/// Lines for people: a name and a value.
type Facts = Vec<(String, String)>;

/// Returns the lines for people, without empty fields.
pub(crate) fn facts(view: &ConnectionView<'_>) -> Facts {
    let mut facts = details(view);
    entries(view, &mut facts);
    let mut add = |name: String, value: String| facts.push((name, value));
    access(view, &mut add);
    add("version".to_owned(), format!("{} (log position {})", view.version, view.position));
    add("created".to_owned(), format!("{} by {}", view.created_at, view.created_by));
    add("updated".to_owned(), format!("{} by {}", view.updated_at, view.updated_by));
    facts
}

/// Description for people.
fn details(view: &ConnectionView<'_>) -> Facts {
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
        ("token", view.provider_token.as_ref().map(token)),
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
        let (generation, set_at) = (secret.generation, &secret.set_at);
        let shown = shown(&secret.masked, secret.reference.as_ref());
        add(format!("secret {field}"), format!("{shown}  generation {generation}, set {set_at}"));
        if let (Some(age), Some(by)) = (&secret.age, &secret.rotate_by) {
            add(format!("age of {field}"), format!("{age}, to be rotated by {by}"));
        }
        if let Some(former) = &secret.former {
            let FormerView { generation, masked, reference, until, waits_for } = former;
            let shown = self::shown(masked, reference.as_ref());
            let kept = format!("{shown}  generation {generation}, kept until {until}");
            add(format!("former {field}"), format!("{kept}, waits for {waits_for}"));
        }
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

/// Returns the mask of a value, or the reference in its place.
fn shown(masked: &str, reference: Option<&ReferenceView<'_>>) -> String {
    reference.map_or_else(|| masked.to_owned(), |reference| format!("at {reference}"))
}

fn provider(view: &ConnectionView<'_>) -> String {
    match &view.provider_version {
        Some(version) => format!("{} {version}", view.provider),
        None => view.provider.to_string(),
    }
}

fn token(token: &ProviderTokenView) -> String {
    match &token.expires_at {
        _ if token.given_up => "none is asked for until settings or secrets change".to_owned(),
        Some(at) => format!("expires {at}"),
        None => "none yet for the present settings and secrets".to_owned(),
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
