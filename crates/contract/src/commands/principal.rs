//! Reads the bodies of the verbs about principals and their keys.

use std::collections::BTreeSet;

use ledger_domain::connection::{Environment, Patch};
use ledger_domain::principal::{
    ApiKeyId, Grant, PrincipalCommand, PrincipalDraft, PrincipalKind, PrincipalRevision, Role,
    Scope, Workspaces,
};
use ledger_domain::{InvalidField, Line, PrincipalName, WorkspaceName, limits};

use super::access_bodies::{
    CreatePrincipalBody, IssueKeyBody, PermissionBody, PrincipalBody, RevokeKeyBody,
    UpdatePrincipalBody,
};
use super::{ParsedCommand, parts};
use crate::errors::{Code, Problem, read_json};
use crate::time;

/// Reads the body of a verb about principals. `target` is the principal when a path names it;
/// otherwise the body must.
pub fn parse(
    verb: &str,
    target: Option<&PrincipalName>,
    body: &[u8],
) -> Result<ParsedCommand, Problem> {
    let (name, command) = match verb {
        "create-principal" => create(target, read_json(body)?)?,
        "update-principal" => update(target, read_json(body)?)?,
        "enable-principal" => {
            let body: PrincipalBody = read_json(body)?;
            (named(target, body.principal)?, PrincipalCommand::Enable)
        }
        "disable-principal" => {
            let PrincipalBody { principal, reason } = read_json(body)?;
            let reason = parts::reason(reason)?;
            (named(target, principal)?, PrincipalCommand::Disable { reason })
        }
        "issue-key" => return issue_key(target, read_json(body)?),
        "revoke-key" => {
            let RevokeKeyBody { principal, key, reason } = read_json(body)?;
            let (id, reason) = (ApiKeyId::parse("key", &key)?, parts::reason(reason)?);
            (named(target, principal)?, PrincipalCommand::RevokeKey { id, reason })
        }
        _ => return Err(Problem::new(Code::VerbUnknown)),
    };
    Ok(ParsedCommand::Principal { name, command: Box::new(command) })
}

/// Settles which principal is meant.
fn named(
    target: Option<&PrincipalName>,
    principal: Option<String>,
) -> Result<PrincipalName, InvalidField> {
    match (target, principal) {
        (Some(target), None) => Ok(target.clone()),
        (Some(target), Some(text)) if text == target.as_str() => Ok(target.clone()),
        (Some(_), Some(_)) => {
            let problem = "must be left out, or be the same as in the path";
            Err(InvalidField::new("principal", problem))
        }
        (None, Some(text)) => PrincipalName::parse("principal", &text),
        (None, None) => Err(InvalidField::new("principal", "must name the principal")),
    }
}

type Named = (PrincipalName, PrincipalCommand);

fn create(
    target: Option<&PrincipalName>,
    body: CreatePrincipalBody,
) -> Result<Named, InvalidField> {
    let draft = PrincipalDraft {
        kind: PrincipalKind::parse(&body.kind)?,
        display_name: display_name(body.display_name)?,
        grants: body.grants.iter().map(permission).collect::<Result<_, _>>()?,
    };
    Ok((named(target, body.principal)?, PrincipalCommand::Create(draft)))
}

fn update(
    target: Option<&PrincipalName>,
    body: UpdatePrincipalBody,
) -> Result<Named, InvalidField> {
    let revision = PrincipalRevision {
        display_name: match body.display_name {
            None => Patch::Keep,
            Some(text) => display_name(text)?.map_or(Patch::Clear, Patch::Set),
        },
        grants: body.grants.map(|grants| grants.iter().map(permission).collect()).transpose()?,
    };
    Ok((named(target, body.principal)?, PrincipalCommand::Update(revision)))
}

fn issue_key(target: Option<&PrincipalName>, body: IssueKeyBody) -> Result<ParsedCommand, Problem> {
    let environment = body.environment.as_deref().unwrap_or(Environment::Live.as_str());
    let expires_at = body.expires_at.as_deref();
    Ok(ParsedCommand::IssueKey {
        name: named(target, body.principal)?,
        environment: Environment::parse(environment)?,
        label: parts::line("label", body.label, limits::DISPLAY_NAME_CHARS)?,
        expires_at: expires_at.map(|text| time::parse("expires_at", text)).transpose()?,
    })
}

fn display_name(text: Option<String>) -> Result<Option<Line>, InvalidField> {
    parts::line("display_name", text, limits::DISPLAY_NAME_CHARS)
}

/// Checks one permission; a role stands for its scopes.
pub fn permission(body: &PermissionBody) -> Result<Grant, InvalidField> {
    let role = body.role.as_deref().map(Role::parse).transpose()?;
    let mut scopes: BTreeSet<Scope> =
        role.map(|role| role.scopes().iter().copied().collect()).unwrap_or_default();
    for text in &body.scopes {
        scopes.insert(Scope::parse(text)?);
    }
    let workspace = |name: &String| WorkspaceName::parse("grants.workspaces", name);
    let workspaces = match &body.workspaces {
        None => Workspaces::All,
        Some(names) => Workspaces::Named(names.iter().map(workspace).collect::<Result<_, _>>()?),
    };
    let provider = |name: &String| Line::parse("grants.providers", name, limits::PROVIDER_CHARS);
    let labels = body
        .labels
        .iter()
        .map(|(key, value)| Ok((parts::label_key(key)?, parts::label_value(key, value)?)));
    Ok(Grant {
        scopes,
        workspaces,
        providers: body.providers.iter().map(provider).collect::<Result<_, _>>()?,
        labels: labels.collect::<Result<_, InvalidField>>()?,
    })
}
