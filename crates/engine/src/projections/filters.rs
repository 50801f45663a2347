//! What lists can be filtered by: the terms under which a connection is found, and those that a
//! query asks for.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use ledger_contract::queries::ListQuery;
use ledger_domain::connection::{AuthMethod, Environment, HealthState, IdentityKind, Kind};
use ledger_domain::{CheckedText, Connection, InvalidField, WorkspaceName, limits};
use ledger_store::Term;

use super::secret_ages;
use crate::quotas::day_of;

/// A field by which lists can be filtered. The numbers are part of stored keys: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    Workspace = 1,
    Provider = 2,
    Environment = 3,
    Enabled = 4,
    Lifecycle = 5,
    Health = 6,
    Kind = 7,
    Tag = 8,
    Label = 9,
    LabelKey = 10,
    IdentityKind = 11,
    Identity = 12,
    AuthMethod = 13,
    /// The binary digits of when the oldest secret was set; see `secret_ages.rs`.
    SecretSet = 14,
    /// The days on which secrets were used; see `uses.rs`.
    Used = 15,
}

impl Field {
    /// Returns the term of a value of this field.
    pub(crate) fn term(self, value: &str) -> Term {
        Term::new(self as u8, value)
    }
}

/// Returns the term of a label.
pub(crate) fn label(key: &str, value: &str) -> Term {
    Field::Label.term(&label_value(key, value))
}

/// Joins a label's key and value. U+0002 cannot occur in either.
fn label_value(key: &str, value: &str) -> String {
    format!("{key}\u{2}{value}")
}

/// Returns the term of a provider, whose case does not matter.
pub(crate) fn provider(name: &str) -> Term {
    Field::Provider.term(&folded_provider(name))
}

fn folded_provider(name: &str) -> String {
    name.to_lowercase()
}

/// Returns the indexed word for a boolean.
const fn switch(on: bool) -> &'static str {
    if on { "true" } else { "false" }
}

/// Calls `take` with every value by which a connection can be found.
pub(super) fn each_value(connection: &Connection, mut take: impl FnMut(Field, &str)) {
    let details = &connection.details;
    take(Field::Workspace, connection.workspace.as_str());
    take(Field::Provider, &folded_provider(details.provider.as_str()));
    take(Field::Environment, details.environment.as_str());
    take(Field::Enabled, switch(connection.enabled));
    take(Field::Lifecycle, connection.lifecycle.as_str());
    take(Field::Health, connection.health.state.as_str());
    take(Field::Kind, details.kind.as_str());
    take(Field::AuthMethod, details.auth_method.as_str());
    for tag in &details.tags {
        take(Field::Tag, tag.as_str());
    }
    for (key, value) in &details.labels {
        take(Field::Label, &label_value(key.text(), value.text()));
        take(Field::LabelKey, key.text());
    }
    secret_ages::each_name(connection, |name| take(Field::SecretSet, name));
    take(Field::Used, &day_of(connection.created_at).to_string());
    if let Some(identity) = &details.identity {
        take(Field::IdentityKind, identity.kind.as_str());
        take(Field::Identity, identity.value.as_str());
    }
}

/// Returns every term by which a connection can be found.
pub(super) fn terms(connection: &Connection) -> Vec<Term> {
    let mut terms = Vec::with_capacity(32);
    each_value(connection, |field, value| terms.push(field.term(value)));
    terms
}

/// Returns whether a connection has a term of every group.
pub(crate) fn is_in(connection: &Connection, groups: &[Vec<Term>]) -> bool {
    let terms = terms(connection);
    groups.iter().all(|group| group.iter().any(|term| terms.contains(term)))
}

/// Returns the groups of terms of the connections of a workspace that are not archived.
pub(crate) fn active_in(workspace: &WorkspaceName) -> [Vec<Term>; 2] {
    [vec![Field::Workspace.term(workspace.as_str())], active()]
}

/// Returns the term of connections that are not archived.
pub(crate) fn active() -> Vec<Term> {
    vec![Field::Lifecycle.term("active")]
}

/// Converts filters to groups of terms. A connection must match one term of every group.
pub(crate) fn groups(query: &ListQuery) -> Result<Vec<Vec<Term>>, InvalidField> {
    let mut groups = Vec::new();
    let lifecycle = match query.lifecycle.as_deref() {
        None => Some("active"),
        Some("any") => None,
        Some(word @ ("active" | "archived" | "erased")) => Some(word),
        Some(_) => {
            let problem = "must be active, archived, erased or any";
            return Err(InvalidField::new("lifecycle", problem));
        }
    };
    groups.extend(lifecycle.map(|word| vec![Field::Lifecycle.term(word)]));
    if !query.provider.is_empty() {
        let names = query.provider.iter().flat_map(|name| forms(name));
        groups.push(names.map(|name| provider(&name)).collect());
    }
    if let Some(text) = &query.environment {
        groups.push(vec![Field::Environment.term(Environment::parse(text)?.as_str())]);
    }
    groups.extend(query.enabled.map(|on| vec![Field::Enabled.term(switch(on))]));
    words(&mut groups, &query.health, Field::Health, |text| {
        HealthState::parse(text).map(HealthState::as_str)
    })?;
    words(&mut groups, &query.kind, Field::Kind, |text| Kind::parse(text).map(Kind::as_str))?;
    words(&mut groups, &query.auth_method, Field::AuthMethod, |text| {
        AuthMethod::parse(text).map(AuthMethod::as_str)
    })?;
    groups.extend(query.tag.iter().map(|tag| any_form(Field::Tag, tag)));
    groups.extend(query.label.iter().map(|text| labels(text)));
    if let Some(text) = &query.identity_type {
        groups.push(vec![Field::IdentityKind.term(IdentityKind::parse(text)?.as_str())]);
    }
    groups.extend(query.identity.iter().map(|value| any_form(Field::Identity, value)));
    Ok(groups)
}

/// Returns the terms of all labels that a text may mean: of a key alone, and of a key and a value
/// on either side of each `=`, because keys and values may have some of their own.
fn labels(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for text in forms(text) {
        terms.push(Field::LabelKey.term(&text));
        let pairs = text.match_indices('=').map(|(at, sign)| {
            (text.get(..at).unwrap_or_default(), text.get(at + sign.len()..).unwrap_or_default())
        });
        let pairs = pairs.take_while(|(key, _)| key.chars().count() <= limits::LABEL_KEY_CHARS);
        terms.extend(pairs.map(|(key, value)| label(key, value)));
    }
    terms
}

fn any_form(field: Field, text: &str) -> Vec<Term> {
    forms(text).iter().map(|text| field.term(text)).collect()
}

/// Returns a text as it is, and with its letters composed and decomposed where that differs: texts
/// are stored as they came, and people cannot see the difference.
pub(crate) fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    if !text.is_ascii() {
        forms.push(ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned());
        forms.push(DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned());
        forms.sort_unstable();
        forms.dedup();
    }
    forms
}

fn words(
    groups: &mut Vec<Vec<Term>>,
    texts: &[String],
    field: Field,
    check: impl Fn(&str) -> Result<&'static str, InvalidField>,
) -> Result<(), InvalidField> {
    if texts.is_empty() {
        return Ok(());
    }
    let term = |text: &String| check(text).map(|word| field.term(word));
    groups.push(texts.iter().map(term).collect::<Result<_, _>>()?);
    Ok(())
}
