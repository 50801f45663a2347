//! Converts filters to index terms.

use ledger_contract::errors::Problem;
use ledger_contract::queries::ListQuery;
use ledger_domain::connection::{AuthMethod, Environment, HealthState, IdentityKind, Kind};
use ledger_domain::{InvalidField, WorkspaceName};
use ledger_store::Term;

use crate::projections::list::{self, Field};

/// Converts filters to groups of terms. A connection must match one term of every group.
pub(super) fn groups(
    workspace: Option<&WorkspaceName>,
    query: &ListQuery,
) -> Result<Vec<Vec<Term>>, Problem> {
    let mut groups = Vec::new();
    if let Some(workspace) = workspace {
        groups.push(vec![Field::Workspace.term(workspace.as_str())]);
    }
    let lifecycle = match query.lifecycle.as_deref() {
        None => Some("active"),
        Some("any") => None,
        Some(word @ ("active" | "archived")) => Some(word),
        Some(_) => {
            let problem = "must be active, archived or any";
            return Err(InvalidField::new("lifecycle", problem).into());
        }
    };
    groups.extend(lifecycle.map(|word| vec![Field::Lifecycle.term(word)]));
    if !query.provider.is_empty() {
        groups.push(query.provider.iter().map(|name| list::provider(name)).collect());
    }
    if let Some(text) = &query.environment {
        groups.push(vec![Field::Environment.term(Environment::parse(text)?.as_str())]);
    }
    groups.extend(query.enabled.map(|on| vec![Field::Enabled.term(list::switch(on))]));
    words(&mut groups, &query.health, Field::Health, |text| {
        HealthState::parse(text).map(HealthState::as_str)
    })?;
    words(&mut groups, &query.kind, Field::Kind, |text| Kind::parse(text).map(Kind::as_str))?;
    words(&mut groups, &query.auth_method, Field::AuthMethod, |text| {
        AuthMethod::parse(text).map(AuthMethod::as_str)
    })?;
    groups.extend(query.tag.iter().map(|tag| vec![Field::Tag.term(tag)]));
    groups.extend(query.label.iter().map(|text| match text.split_once('=') {
        Some((key, value)) => vec![list::label(key, value)],
        None => vec![Field::LabelKey.term(text)],
    }));
    if let Some(text) = &query.identity_type {
        groups.push(vec![Field::IdentityKind.term(IdentityKind::parse(text)?.as_str())]);
    }
    groups.extend(query.identity.iter().map(|value| vec![Field::Identity.term(value)]));
    Ok(groups)
}

fn words(
    groups: &mut Vec<Vec<Term>>,
    texts: &[String],
    field: Field,
    check: impl Fn(&str) -> Result<&'static str, InvalidField>,
) -> Result<(), Problem> {
    if texts.is_empty() {
        return Ok(());
    }
    let term = |text: &String| check(text).map(|word| field.term(word));
    groups.push(texts.iter().map(term).collect::<Result<_, _>>()?);
    Ok(())
}
