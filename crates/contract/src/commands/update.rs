//! `update`.

use std::collections::BTreeMap;

use ledger_domain::connection::{AuthMethod, Environment, Kind, Patch, Revision};
use ledger_domain::principal::Scope;
use ledger_domain::{InvalidField, limits};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json as literal};

use super::ParsedCommand;
use super::bodies::ConnectionName;
use super::input::{
    Checked as _, Input, LineRule, ProseRule, Rule, SecretValue, SlugRule, WordRule, entry,
    nullable,
};
use super::parts::{
    Annotations, Config, IdentityBody, LabelValue, Labels, SecretReferenceBody, Secrets, json,
    secret_references, tags,
};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

type DisplayName = Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>;
type Description = Input<ProseRule<{ limits::DESCRIPTION_CHARS }>>;
type ProviderVersion = Input<LineRule<{ limits::PROVIDER_VERSION_CHARS }>>;

/// `update`: changes editable fields. Absent fields stay unchanged, and null clears a field. Maps
/// are merged key by key, and a null value removes its key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(super) struct UpdateBody {
    /// Id or slug of the connection.
    connection: ConnectionName,
    /// New slug.
    slug: Option<Input<SlugRule>>,
    /// New display name.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<DisplayName>")]
    display_name: Option<Option<DisplayName>>,
    /// New description.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<Description>")]
    description: Option<Option<Description>>,
    /// New provider.
    provider: Option<Input<LineRule<{ limits::PROVIDER_CHARS }>>>,
    /// New connector version.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<ProviderVersion>")]
    provider_version: Option<Option<ProviderVersion>>,
    /// New kind.
    kind: Option<Input<WordRule<Kind>>>,
    /// New environment.
    environment: Option<Input<WordRule<Environment>>>,
    /// New authentication method.
    auth_method: Option<Input<WordRule<AuthMethod>>>,
    /// Settings to set or remove.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    config: Config<Option<Value>>,
    /// Secret fields to set or remove.
    #[serde(default)]
    secrets: Secrets<Option<SecretValue>>,
    /// All secret references, replacing the previous ones.
    #[schemars(length(max = limits::SECRET_REFERENCES))]
    secret_references: Option<Vec<SecretReferenceBody>>,
    /// Labels to set or remove.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    labels: Labels<Option<LabelValue>, { limits::LABELS }>,
    /// All tags, replacing the previous ones.
    #[schemars(length(max = limits::TAGS))]
    tags: Option<Vec<Input<LineRule<{ limits::TAG_CHARS }>>>>,
    /// Annotations to set or remove.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    annotations: Annotations<Option<Value>>,
    /// New user, team, organization or project that it is for.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<IdentityBody>")]
    identity: Option<Option<IdentityBody>>,
}

/// Changes fields and secrets of a connection.
#[derive(Debug)]
pub(super) enum Update {}

impl VerbDefinition for Update {
    type Body = UpdateBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "update",
        target: Target::Connection,
        route: HttpRoute {
            method: Method::Patch,
            path: "/api/v1/workspaces/{workspace}/connections/{connection}",
            operation_id: "updateConnection",
        },
        summary: "Change editable fields and secrets",
        description: "The `update` command. Absent fields stay; null clears; maps are merged key \
             by key, and a null value removes its key.",
        requires: &[
            Requirement::always(&[Scope::Write]),
            Requirement::for_secrets(&[Scope::Rotate]),
        ],
        refusals: &[Code::NothingToChange, Code::SecretFieldUnknown, Code::SlugTaken],
        answer: Answer::Changed,
    };

    fn read(address: &Address, body: UpdateBody) -> Result<ParsedCommand, Problem> {
        let target = address.connection(body.connection)?;
        let secrets = body
            .secrets
            .check("secrets", |name, value| value.map(|value| value.check(name)).transpose())?;
        let revision = Revision {
            slug: body.slug.check("slug")?,
            display_name: patch("display_name", body.display_name)?,
            description: patch("description", body.description)?,
            provider: body.provider.check("provider")?,
            provider_version: patch("provider_version", body.provider_version)?,
            kind: body.kind.check("kind")?,
            environment: body.environment.check("environment")?,
            auth_method: body.auth_method.check("auth_method")?,
            config: body.config.check("config", |_, value| Ok(value.as_ref().map(json)))?,
            secrets: BTreeMap::new(),
            secret_references: body.secret_references.map(secret_references).transpose()?,
            labels: body.labels.check("labels", |key, value| value.check(&entry("labels", key)))?,
            tags: body.tags.map(tags).transpose()?,
            annotations: body
                .annotations
                .check("annotations", |_, value| Ok(value.as_ref().map(json)))?,
            identity: match body.identity {
                None => Patch::Keep,
                Some(None) => Patch::Clear,
                Some(Some(identity)) => Patch::Set(identity.check()?),
            },
        };
        Ok(ParsedCommand::Update { target, revision: Box::new(revision), secrets })
    }
}

/// Converts an absent, null or present field to a patch.
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(super) fn patch<R: Rule>(
    field: &str,
    input: Option<Option<Input<R>>>,
) -> Result<Patch<R::Value>, InvalidField> {
    Ok(match input {
        None => Patch::Keep,
        Some(None) => Patch::Clear,
        Some(Some(value)) => Patch::Set(value.check(field)?),
    })
}
