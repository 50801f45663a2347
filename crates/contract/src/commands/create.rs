//! `create`.

use ledger_domain::connection::{AuthMethod, Details, Environment, Kind};
use ledger_domain::limits;
use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json as literal};

use super::input::{Checked as _, Input, LineRule, ProseRule, SlugRule, WordRule, entry};
use super::parts::{
    AccessBody, Annotations, Config, IdentityBody, LabelValue, Labels, ModelPolicyBody,
    PricingBody, SecretReferenceBody, Secrets, json, secret_references, tags,
};
use super::verb::{Address, Answer, Requirement, Target, VerbDefinition, VerbSpec};
use super::{NewConnection, ParsedCommand};
use crate::errors::{Code, Problem};
use crate::route::{HttpRoute, Method};

/// `create`: creates a connection in the subject's workspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateBody {
    /// Slug, unique in the workspace; derived from the provider when absent.
    slug: Option<Input<SlugRule>>,
    /// Human-readable name.
    display_name: Option<Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>>,
    /// Free text.
    description: Option<Input<ProseRule<{ limits::DESCRIPTION_CHARS }>>>,
    /// The provider, such as `openai`.
    provider: Input<LineRule<{ limits::PROVIDER_CHARS }>>,
    /// Version of the provider's connector.
    provider_version: Option<Input<LineRule<{ limits::PROVIDER_VERSION_CHARS }>>>,
    /// `api` (default), `databasesql`, `databasenosql`, `filesystem`, `stream` or `custom`.
    kind: Option<Input<WordRule<Kind>>>,
    /// `live` (default) or `test`.
    environment: Option<Input<WordRule<Environment>>>,
    /// How it authenticates to the provider; `api_key` by default.
    auth_method: Option<Input<WordRule<AuthMethod>>>,
    /// Settings that are not secret.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    config: Config<Value>,
    /// Secret fields; sealed before anything is stored.
    #[serde(default)]
    secrets: Secrets,
    /// Fields whose values live in an external secret store.
    #[serde(default)]
    #[schemars(length(max = limits::SECRET_REFERENCES))]
    secret_references: Vec<SecretReferenceBody>,
    /// Labels for grouping and filtering, by key.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    labels: Labels<LabelValue, { limits::LABELS }>,
    /// Tags for grouping and filtering.
    #[serde(default)]
    #[schemars(length(max = limits::TAGS), extend("default" = literal!([])))]
    tags: Vec<Input<LineRule<{ limits::TAG_CHARS }>>>,
    /// Product-specific fields, under namespaced keys.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    annotations: Annotations<Value>,
    /// The user, team, organization or project that it is for.
    identity: Option<IdentityBody>,
    /// Whether gateways may use the connection once it is created; true by default.
    enabled: Option<bool>,
    /// Initial grants.
    access: Option<AccessBody>,
    /// Initial model policy; all models are allowed by default.
    models: Option<ModelPolicyBody>,
    /// Initial price factors.
    pricing: Option<PricingBody>,
}

/// Creates a connection.
#[derive(Debug)]
pub(super) enum Create {}

impl VerbDefinition for Create {
    type Body = CreateBody;

    const SPEC: VerbSpec = VerbSpec {
        name: "create",
        target: Target::NewConnection,
        route: HttpRoute {
            method: Method::Post,
            path: "/api/v1/workspaces/{workspace}/connections",
            operation_id: "createConnection",
        },
        summary: "Create a connection",
        description: "Secrets are sealed before anything is stored; answers show only their masks.",
        requires: &[Requirement::always(&[Scope::Write]), Requirement::for_sharing()],
        refusals: &[Code::SlugTaken, Code::ConnectionExists],
        answer: Answer::Created,
    };

    fn read(address: &Address, body: CreateBody) -> Result<ParsedCommand, Problem> {
        let secrets = body.secrets.check("secrets", |name, value| value.check(name))?;
        let details = Details {
            display_name: body.display_name.check("display_name")?,
            description: body.description.check("description")?,
            provider: body.provider.check("provider")?,
            provider_version: body.provider_version.check("provider_version")?,
            kind: body.kind.check("kind")?.unwrap_or(Kind::Api),
            environment: body.environment.check("environment")?.unwrap_or(Environment::Live),
            auth_method: body.auth_method.check("auth_method")?.unwrap_or(AuthMethod::ApiKey),
            config: body.config.check("config", |_, value| Ok(json(&value)))?,
            secret_references: secret_references(body.secret_references)?,
            labels: body.labels.check("labels", |key, value| value.check(&entry("labels", key)))?,
            tags: tags(body.tags)?,
            annotations: body.annotations.check("annotations", |_, value| Ok(json(&value)))?,
            identity: body.identity.map(IdentityBody::check).transpose()?,
        };
        Ok(ParsedCommand::Create(Box::new(NewConnection {
            workspace: address.workspace.clone(),
            slug: body.slug.check("slug")?,
            details,
            secrets,
            enabled: body.enabled.unwrap_or(true),
            access: body.access.map(AccessBody::check).transpose()?.unwrap_or_default(),
            models: body.models.map(ModelPolicyBody::check).transpose()?.unwrap_or_default(),
            pricing: body.pricing.map(PricingBody::check).transpose()?,
        })))
    }
}
