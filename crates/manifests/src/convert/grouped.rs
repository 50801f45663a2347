//! Variables that belong together, such as `OPENAI_API_KEY` and `OPENAI_BASE_URL`.

use std::collections::BTreeMap;

use ledger_providers::{Catalogue, Provider};
use serde_json::Value;

use super::draft::{Draft, field_name};
use crate::place::Place;

/// Ends of names that say what a variable is, longer ones first, and the field that it is.
const ENDS: [(&str, &str); 53] = [
    ("API_BASE_URL", "base_url"),
    ("SERVICE_ACCOUNT_JSON", "service_account_json"),
    ("SECRET_ACCESS_KEY", "secret_access_key"),
    ("CONNECTION_STRING", "connection_string"),
    ("ACCESS_KEY_ID", "access_key_id"),
    ("SIGNING_SECRET", "signing_secret"),
    ("WEBHOOK_SECRET", "webhook_secret"),
    ("SESSION_TOKEN", "session_token"),
    ("REFRESH_TOKEN", "refresh_token"),
    ("CLIENT_SECRET", "client_secret"),
    ("RESOURCE_NAME", "resource_name"),
    ("ACCESS_TOKEN", "access_token"),
    ("ORGANIZATION", "organization"),
    ("DATABASE_URL", "connection_string"),
    ("WEBHOOK_URL", "webhook_url"),
    ("PRIVATE_KEY", "private_key"),
    ("API_VERSION", "api_version"),
    ("AUTH_TOKEN", "auth_token"),
    ("API_SECRET", "api_secret"),
    ("SECRET_KEY", "secret_key"),
    ("PROJECT_ID", "project_id"),
    ("ACCOUNT_ID", "account_id"),
    ("BOT_TOKEN", "bot_token"),
    ("API_TOKEN", "api_token"),
    ("CLIENT_ID", "client_id"),
    ("TENANT_ID", "tenant_id"),
    ("API_BASE", "base_url"),
    ("BASE_URL", "base_url"),
    ("ENDPOINT", "endpoint"),
    ("USERNAME", "username"),
    ("PASSWORD", "password"),
    ("DATABASE", "database"),
    ("SSL_MODE", "ssl_mode"),
    ("SSLMODE", "ssl_mode"),
    ("API_KEY", "api_key"),
    ("API_URL", "base_url"),
    ("ORG_ID", "organization"),
    ("DBNAME", "database"),
    ("REGION", "region"),
    ("SECRET", "secret"),
    ("TOKEN", "token"),
    ("APIKEY", "api_key"),
    ("HOST", "host"),
    ("PORT", "port"),
    ("USER", "username"),
    ("PASS", "password"),
    ("KEY", "api_key"),
    ("PAT", "token"),
    ("DSN", "dsn"),
    ("URL", "url"),
    ("URI", "uri"),
    ("DB", "database"),
    ("ID", "id"),
];

/// Databases by the schemes of their addresses.
const SCHEMES: [(&str, &str); 8] = [
    ("postgres", "postgresql"),
    ("postgresql", "postgresql"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("mongodb", "mongodb"),
    ("mongodb+srv", "mongodb"),
    ("redis", "redis"),
    ("rediss", "redis"),
];

/// A variable, with its place.
pub(super) struct Variable {
    pub(super) place: Place,
    pub(super) name: String,
    pub(super) value: String,
}

/// Returns what a name begins with, and the field that its end says, if it says one.
fn split(name: &str) -> Option<(&str, &'static str)> {
    ENDS.iter().find_map(|(end, field)| {
        let start = name.strip_suffix(end)?.strip_suffix('_')?;
        (!start.is_empty()).then_some((start, *field))
    })
}

/// Returns the database that an address with its scheme leads to.
fn database(value: &str) -> Option<&'static str> {
    let (scheme, _) = value.split_once("://")?;
    SCHEMES.iter().find(|(known, _)| *known == scheme).map(|(_, provider)| *provider)
}

/// Returns whether all names say what they are.
pub(super) fn are_telling<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    let is_variable = |name: &str| {
        name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    names.all(|name| is_variable(name) && split(name).is_some())
}

/// Makes a connection of each group of variables that has a secret. Returns the names of others,
/// too.
pub(super) fn connections(
    variables: Vec<Variable>,
    catalogue: &Catalogue,
) -> (Vec<Draft>, Vec<String>) {
    let mut others = Vec::new();
    let mut order: Vec<String> = Vec::new();
    let mut groups: BTreeMap<String, Vec<(&'static str, Variable)>> = BTreeMap::new();
    for variable in variables {
        let Some((start, field)) = split(&variable.name) else {
            others.push(variable.name);
            continue;
        };
        let start = start.to_owned();
        if !groups.contains_key(&start) {
            order.push(start.clone());
        }
        groups.entry(start).or_default().push((field, variable));
    }
    let mut drafts = Vec::new();
    for start in order {
        let group = groups.remove(&start).unwrap_or_default();
        let names: Vec<String> = group.iter().map(|(_, variable)| variable.name.clone()).collect();
        match connection(&start, group, catalogue) {
            Some(draft) => drafts.push(draft),
            None => others.extend(names),
        }
    }
    (drafts, others)
}

/// Makes a connection of a group, if it has a secret.
fn connection(
    start: &str,
    group: Vec<(&'static str, Variable)>,
    catalogue: &Catalogue,
) -> Option<Draft> {
    let name = start.to_ascii_lowercase().replace('_', "-");
    let address = group.iter().find_map(|(_, variable)| database(&variable.value));
    let provider = address.unwrap_or(&name);
    let known = catalogue.find(provider).or_else(|| catalogue.find(&name.replace('-', "")));
    let provider = known.map_or(provider, |known| known.id.as_str());
    let place = group.first()?.1.place.clone();
    let mut draft = Draft::new(place, &name, provider);
    for (field, variable) in group {
        put(&mut draft, known, catalogue.of(provider), field, variable.value);
    }
    draft.complete(known);
    let has_secret = !draft.secrets.is_empty() || !draft.missing.is_empty();
    has_secret.then_some(draft)
}

fn put(draft: &mut Draft, known: Option<&Provider>, rules: &Provider, field: &str, value: String) {
    if value.is_empty() {
        return;
    }
    let field = if database(&value).is_some() { "connection_string" } else { field };
    let name = field_name(known, field);
    draft.field(rules, &name, Value::String(value));
}
