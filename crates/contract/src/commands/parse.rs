//! Reads a verb's body into a [`ParsedCommand`].

use std::collections::BTreeMap;

use ledger_domain::connection::{
    AuthMethod, Dependent, DependentKey, Details, Environment, Kind, Patch, Revision,
};
use ledger_domain::{
    Command, FieldName, InvalidField, Line, Prose, Slug, Version, WorkspaceCreated, WorkspaceName,
    limits,
};

use super::bodies::{
    ArchiveBody, CreateBody, CreateWorkspaceBody, GrantBody, LinkDependentBody, ReasonBody,
    RestoreBody, RevertBody, RevokeBody, RotateSecretBody, SetModelPolicyBody, SetPricingBody,
    TargetBody, UnlinkDependentBody, UpdateBody,
};
use super::parts;
use super::{
    ConnectionRef, PRINCIPAL_VERBS, ParsedCommand, ParsedDraft, REVEAL, RevealSecretBody, principal,
};
use crate::errors::{Code, Problem, read_json};

/// Reads the body of `verb`. `target` is the connection when something outside the body (a path)
/// names it; otherwise the body must.
pub fn parse(
    verb: &str,
    workspace: &WorkspaceName,
    target: Option<ConnectionRef>,
    body: &[u8],
) -> Result<ParsedCommand, Problem> {
    match verb {
        "create" => checked_create(workspace, read_json(body)?),
        "create-workspace" => create_workspace(workspace, read_json(body)?),
        REVEAL => reveal(target, read_json(body)?),
        "update" => {
            let body: UpdateBody = read_json(body)?;
            let target = named(target, body.connection.clone())?;
            checked_update(target, body)
        }
        "rotate-secret" => rotate_secret(target, read_json(body)?),
        "revert" => {
            let RevertBody { connection, to_version } = read_json(body)?;
            let target = named(target, connection)?;
            Ok(ParsedCommand::Revert { target, to: Version::new(to_version) })
        }
        _ if PRINCIPAL_VERBS.contains(&verb) => principal::parse(verb, None, body),
        _ => {
            let (target, command) = plain(verb, target, body)?;
            Ok(ParsedCommand::Plain { target, command: Box::new(command) })
        }
    }
}

/// Settles which connection is meant.
fn named(
    target: Option<ConnectionRef>,
    connection: Option<String>,
) -> Result<ConnectionRef, Problem> {
    match (target, connection) {
        (Some(target), None) => Ok(target),
        (Some(target), Some(text)) => {
            if ConnectionRef::parse("connection", &text)?.is_same_name(&target) {
                return Ok(target);
            }
            let problem = "must be left out, or be the same as in the path";
            Err(InvalidField::new("connection", problem).into())
        }
        (None, Some(text)) => Ok(ConnectionRef::parse("connection", &text)?),
        (None, None) => {
            let problem = "must name the connection by id or slug";
            Err(InvalidField::new("connection", problem).into())
        }
    }
}

/// Reads the verbs that carry no secret and need nothing but their body.
fn plain(
    verb: &str,
    target: Option<ConnectionRef>,
    body: &[u8],
) -> Result<(ConnectionRef, Command), Problem> {
    Ok(match verb {
        "enable" => (named(target, read_json::<TargetBody>(body)?.connection)?, Command::Enable),
        "disable" => with_reason(target, body, |reason| Command::Disable { reason })?,
        "mark-degraded" => with_reason(target, body, |reason| Command::MarkDegraded { reason })?,
        "mark-failed" => with_reason(target, body, |reason| Command::MarkFailed { reason })?,
        "mark-operational" => {
            with_reason(target, body, |reason| Command::MarkOperational { reason })?
        }
        "archive" => {
            let ArchiveBody { connection, reason, force } = read_json(body)?;
            let reason = parts::reason(reason)?;
            (named(target, connection)?, Command::Archive { reason, force })
        }
        "restore" => {
            let RestoreBody { connection, slug } = read_json(body)?;
            let slug = slug.map(|slug| Slug::parse("slug", &slug)).transpose()?;
            (named(target, connection)?, Command::Restore { slug })
        }
        "grant-workspace" | "set-limits" => {
            let GrantBody { connection, grant_to, limits } = read_json(body)?;
            let (scope, limits) = (parts::grant_scope(&grant_to)?, parts::limits(limits)?);
            let command = match verb {
                "set-limits" => Command::SetLimits { scope, limits },
                _ => Command::GrantWorkspace { scope, limits },
            };
            (named(target, connection)?, command)
        }
        "revoke-workspace" => {
            let RevokeBody { connection, grant_to } = read_json(body)?;
            let scope = parts::grant_scope(&grant_to)?;
            (named(target, connection)?, Command::RevokeWorkspace { scope })
        }
        _ => return policies(verb, target, body),
    })
}

/// Reads the verbs about models, prices and dependents.
fn policies(
    verb: &str,
    target: Option<ConnectionRef>,
    body: &[u8],
) -> Result<(ConnectionRef, Command), Problem> {
    Ok(match verb {
        "set-model-policy" => {
            let SetModelPolicyBody { connection, policy } = read_json(body)?;
            let command = Command::SetModelPolicy(parts::model_policy(policy)?);
            (named(target, connection)?, command)
        }
        "set-pricing" => {
            let SetPricingBody { connection, pricing } = read_json(body)?;
            let command = Command::SetPricing(pricing.map(parts::pricing).transpose()?);
            (named(target, connection)?, command)
        }
        "link-dependent" => link_dependent(target, read_json(body)?)?,
        "unlink-dependent" => {
            let UnlinkDependentBody { connection, kind, id } = read_json(body)?;
            let command = Command::UnlinkDependent { key: dependent_key(&kind, &id)? };
            (named(target, connection)?, command)
        }
        _ => {
            let known = super::VERBS.join(", ");
            return Err(Problem::because(
                Code::VerbUnknown,
                format!("there is no such command; known are {known}"),
            ));
        }
    })
}

fn with_reason(
    target: Option<ConnectionRef>,
    body: &[u8],
    command: impl FnOnce(Option<Prose>) -> Command,
) -> Result<(ConnectionRef, Command), Problem> {
    let ReasonBody { connection, reason } = read_json(body)?;
    Ok((named(target, connection)?, command(parts::reason(reason)?)))
}

fn dependent_key(kind: &str, id: &str) -> Result<DependentKey, InvalidField> {
    Ok(DependentKey {
        kind: Line::parse("kind", kind, limits::DEPENDENT_CHARS)?,
        id: Line::parse("id", id, limits::DEPENDENT_CHARS)?,
    })
}

fn link_dependent(
    target: Option<ConnectionRef>,
    body: LinkDependentBody,
) -> Result<(ConnectionRef, Command), Problem> {
    let attributes = parts::map(
        body.attributes,
        |name| Line::parse("attributes", name, limits::DEPENDENT_CHARS),
        |_, value| Ok(parts::json(&value)),
    )?;
    let name = parts::line("name", body.name, limits::DEPENDENT_CHARS)?;
    let key = dependent_key(&body.kind, &body.id)?;
    let dependent = Dependent { name, attributes };
    Ok((named(target, body.connection)?, Command::LinkDependent { key, dependent }))
}

fn create_workspace(
    workspace: &WorkspaceName,
    body: CreateWorkspaceBody,
) -> Result<ParsedCommand, Problem> {
    let display_name = parts::line("display_name", body.display_name, limits::DISPLAY_NAME_CHARS)?;
    Ok(ParsedCommand::CreateWorkspace(WorkspaceCreated { name: workspace.clone(), display_name }))
}

/// Checks the body of `create`, however it was made.
///
/// Errors: `field_invalid`.
pub fn checked_create(
    workspace: &WorkspaceName,
    body: CreateBody,
) -> Result<ParsedCommand, Problem> {
    let secrets = parts::map(body.secrets, parts::secret_key, |name, value| {
        parts::secret(&parts::secret_key(name)?, value)
    })?;
    let details = Details {
        display_name: parts::line("display_name", body.display_name, limits::DISPLAY_NAME_CHARS)?,
        description: description(body.description)?,
        provider: Line::parse("provider", &body.provider, limits::PROVIDER_CHARS)?,
        provider_version: provider_version(body.provider_version)?,
        kind: body.kind.map_or(Ok(Kind::Api), |text| Kind::parse(&text))?,
        environment: body
            .environment
            .map_or(Ok(Environment::Live), |text| Environment::parse(&text))?,
        auth_method: body
            .auth_method
            .map_or(Ok(AuthMethod::ApiKey), |text| AuthMethod::parse(&text))?,
        config: parts::map(body.config, parts::config_key, |_, value| Ok(parts::json(&value)))?,
        secret_references: parts::secret_references(body.secret_references)?,
        labels: parts::map(body.labels, parts::label_key, |name, value| {
            parts::label_value(name, &value)
        })?,
        tags: parts::tags(body.tags)?,
        annotations: parts::map(body.annotations, parts::annotation_key, |_, value| {
            Ok(parts::json(&value))
        })?,
        identity: body.identity.as_ref().map(parts::identity).transpose()?,
    };
    Ok(ParsedCommand::Create(Box::new(ParsedDraft {
        workspace: workspace.clone(),
        slug: body.slug.map(|slug| Slug::parse("slug", &slug)).transpose()?,
        details,
        secrets,
        enabled: body.enabled.unwrap_or(true),
        access: body.access.map(parts::access).transpose()?.unwrap_or_default(),
        models: body.models.map(parts::model_policy).transpose()?.unwrap_or_default(),
        pricing: body.pricing.map(parts::pricing).transpose()?,
    })))
}

fn description(text: Option<String>) -> Result<Option<Prose>, InvalidField> {
    let check = |text: String| Prose::parse("description", &text, limits::DESCRIPTION_CHARS);
    text.map(check).transpose()
}

fn provider_version(text: Option<String>) -> Result<Option<Line>, InvalidField> {
    parts::line("provider_version", text, limits::PROVIDER_VERSION_CHARS)
}

/// Turns an absent, null or given field into a patch.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
fn patch<T, U>(
    field: Option<Option<T>>,
    check: impl FnOnce(T) -> Result<U, InvalidField>,
) -> Result<Patch<U>, InvalidField> {
    Ok(match field {
        None => Patch::Keep,
        Some(None) => Patch::Clear,
        Some(Some(value)) => Patch::Set(check(value)?),
    })
}

/// Checks the body of `update`, however it was made. What it calls its connection is not looked at.
///
/// Errors: `field_invalid`.
pub fn checked_update(target: ConnectionRef, body: UpdateBody) -> Result<ParsedCommand, Problem> {
    let secrets = parts::map(body.secrets, parts::secret_key, |name, value| {
        let field = parts::secret_key(name)?;
        value.map(|value| parts::secret(&field, value)).transpose()
    })?;
    let line = |field: &'static str, max: usize| move |text: String| Line::parse(field, &text, max);
    let revision = Revision {
        slug: body.slug.map(|slug| Slug::parse("slug", &slug)).transpose()?,
        display_name: patch(body.display_name, line("display_name", limits::DISPLAY_NAME_CHARS))?,
        description: patch(body.description, |text| {
            Prose::parse("description", &text, limits::DESCRIPTION_CHARS)
        })?,
        provider: parts::line("provider", body.provider, limits::PROVIDER_CHARS)?,
        provider_version: patch(
            body.provider_version,
            line("provider_version", limits::PROVIDER_VERSION_CHARS),
        )?,
        kind: body.kind.map(|text| Kind::parse(&text)).transpose()?,
        environment: body.environment.map(|text| Environment::parse(&text)).transpose()?,
        auth_method: body.auth_method.map(|text| AuthMethod::parse(&text)).transpose()?,
        config: parts::map(body.config, parts::config_key, |_, value| {
            Ok(value.as_ref().map(parts::json))
        })?,
        secrets: BTreeMap::new(),
        secret_references: body.secret_references.map(parts::secret_references).transpose()?,
        labels: parts::map(body.labels, parts::label_key, |name, value| {
            value.map(|value| parts::label_value(name, &value)).transpose()
        })?,
        tags: body.tags.map(parts::tags).transpose()?,
        annotations: parts::map(body.annotations, parts::annotation_key, |_, value| {
            Ok(value.as_ref().map(parts::json))
        })?,
        identity: patch(body.identity, |body| parts::identity(&body))?,
    };
    Ok(ParsedCommand::Update { target, revision: Box::new(revision), secrets })
}

fn reveal(target: Option<ConnectionRef>, body: RevealSecretBody) -> Result<ParsedCommand, Problem> {
    let field = |name: &String| FieldName::parse("fields", name);
    let fields = body.fields.iter().map(field).collect::<Result<_, _>>()?;
    if body.reason.trim().is_empty() {
        return Err(InvalidField::new("reason", "must say why").into());
    }
    let reason = Prose::parse("reason", &body.reason, limits::REASON_CHARS)?;
    let target = named(target, body.connection)?;
    Ok(ParsedCommand::Reveal { target, fields, reason, from: None })
}

fn rotate_secret(
    target: Option<ConnectionRef>,
    body: RotateSecretBody,
) -> Result<ParsedCommand, Problem> {
    let target = named(target, body.connection)?;
    let secrets = parts::map(body.secrets, parts::secret_key, |name, value| {
        parts::secret(&parts::secret_key(name)?, value)
    })?;
    Ok(ParsedCommand::RotateSecret { target, secrets })
}
