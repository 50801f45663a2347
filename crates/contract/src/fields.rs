//! The fields of a connection as callers know them: in the bodies of `create` and `update`, in the
//! view, and among the filters of `list`. How they are stored is in `records/parts_v1.rs`.

use std::collections::BTreeMap;

use ledger_domain::connection::{
    AuthMethod, Details, Environment, HealthState, IdentityKind, Kind, Patch, Revision,
};
use ledger_domain::{
    AgeState, Connection, FieldName, InvalidField, Lifecycle, SecretAges, WorkspaceName, limits,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json as literal};

use crate::commands::bodies::ConnectionName;
use crate::commands::input::{
    Checked as _, FieldNameRule, Input, LineRule, ProseRule, ProviderRule, SecretInput, SlugRule,
    WordRule, entry, list, nullable, patch,
};
use crate::commands::parts::{
    AccessBody, Annotations, Config, IdentityBody, LabelValue, Labels, ModelPolicyBody,
    PricingBody, SecretReferenceBody, Secrets, Tag, json, secret_references, tags,
};
use crate::commands::{GivenSecret, NewConnection};
use crate::parameter::{Form, Parameter, many, one, words_of};
use crate::time;
use crate::view::{
    self, AccessView, DependentView, HealthView, IdentityView, ModelPolicyView, PricingView,
    ProviderTokenView, SecretReferenceView, SecretView, Text, TextMap,
};

/// `create`: creates a connection in the subject's workspace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBody {
    /// Slug, unique in the workspace; derived from the provider when absent.
    slug: Option<Input<SlugRule>>,
    /// Display name.
    display_name: Option<DisplayName>,
    /// Free text.
    description: Option<Description>,
    /// The provider, such as `openai`.
    provider: ProviderName,
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
    /// Fields filled from an external secret store.
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
    tags: Vec<Tag>,
    /// Product-specific fields, under namespaced keys.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    annotations: Annotations<Value>,
    /// The owner.
    identity: Option<IdentityBody>,
    /// Whether gateways may use the connection once it is created; true by default.
    enabled: Option<bool>,
    /// Initial grants.
    access: Option<AccessBody>,
    /// Initial model policy; all models are allowed by default.
    models: Option<ModelPolicyBody>,
    /// Initial price factors.
    pricing: Option<PricingBody>,
    /// Tests the credentials before anything is stored, and creates nothing unless the provider
    /// accepts them; false by default.
    #[serde(default)]
    pub(crate) check: bool,
}

impl CreateBody {
    /// Reads the body.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn read(self, workspace: WorkspaceName) -> Result<NewConnection, InvalidField> {
        let secrets = self.secrets.check("secrets", |name, value| value.check(name))?;
        let details = Details {
            display_name: self.display_name.check("display_name")?,
            description: self.description.check("description")?,
            provider: self.provider.check("provider")?,
            provider_version: self.provider_version.check("provider_version")?,
            kind: self.kind.check("kind")?.unwrap_or(Kind::Api),
            environment: self.environment.check("environment")?.unwrap_or(Environment::Live),
            auth_method: self.auth_method.check("auth_method")?.unwrap_or(AuthMethod::ApiKey),
            config: self.config.check("config", |_, value| Ok(json(&value)))?,
            secret_references: secret_references(self.secret_references)?,
            labels: self.labels.check("labels", |key, value| value.check(&entry("labels", key)))?,
            tags: tags(self.tags)?,
            annotations: self.annotations.check("annotations", |_, value| Ok(json(&value)))?,
            identity: self.identity.map(IdentityBody::check).transpose()?,
        };
        Ok(NewConnection {
            workspace,
            slug: self.slug.check("slug")?,
            details,
            secrets,
            enabled: self.enabled.unwrap_or(true),
            access: self.access.map(AccessBody::check).transpose()?.unwrap_or_default(),
            models: self.models.map(ModelPolicyBody::check).transpose()?.unwrap_or_default(),
            pricing: self.pricing.map(PricingBody::check).transpose()?,
        })
    }
}

/// A display name.
pub type DisplayName = Input<LineRule<{ limits::DISPLAY_NAME_CHARS }>>;
/// A description of a connection, in free text.
pub type Description = Input<ProseRule<{ limits::DESCRIPTION_CHARS }>>;
/// The name of a provider.
pub type ProviderName = Input<ProviderRule>;
type ProviderVersion = Input<LineRule<{ limits::PROVIDER_VERSION_CHARS }>>;

/// `update`: changes editable fields. Absent fields stay unchanged, and null clears a field. Maps
/// are merged key by key, and a null value removes its key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(crate) struct UpdateBody {
    /// Id or slug of the connection.
    pub(crate) connection: ConnectionName,
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
    provider: Option<ProviderName>,
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
    secrets: Secrets<Option<SecretInput>>,
    /// All secret references, replacing the previous ones.
    #[schemars(length(max = limits::SECRET_REFERENCES))]
    secret_references: Option<Vec<SecretReferenceBody>>,
    /// Labels to set or remove.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    labels: Labels<Option<LabelValue>, { limits::LABELS }>,
    /// All tags; they replace the present ones.
    #[schemars(length(max = limits::TAGS))]
    tags: Option<Vec<Tag>>,
    /// Annotations to set or remove.
    #[serde(default)]
    #[schemars(extend("default" = literal!({})))]
    annotations: Annotations<Option<Value>>,
    /// New user, team, organization or project that it is for.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<IdentityBody>")]
    identity: Option<Option<IdentityBody>>,
    /// Settings whose earlier values are hidden from now on from all who may not reveal, because a
    /// secret stood there in the clear. What is removed under `config` in the form of a secret, or
    /// set under `secrets` for the first time, is hidden without being named.
    #[serde(default)]
    #[schemars(length(max = limits::CONFIG_FIELDS))]
    redact: Vec<Input<FieldNameRule>>,
    /// If the change sends secrets elsewhere, as a new base URL or user does, remove the secrets
    /// and secret references that it would send there; false by default.
    #[serde(default)]
    pub(crate) detach_secrets: bool,
}

impl UpdateBody {
    /// Checks the changes, and the secret fields apart from them.
    ///
    /// Errors: `field_invalid`.
    pub(crate) fn check(self) -> Result<Change, InvalidField> {
        let secrets = self
            .secrets
            .check("secrets", |name, value| value.map(|value| value.check(name)).transpose())?;
        let revision = Revision {
            slug: self.slug.check("slug")?,
            display_name: patch("display_name", self.display_name)?,
            description: patch("description", self.description)?,
            provider: self.provider.check("provider")?,
            provider_version: patch("provider_version", self.provider_version)?,
            kind: self.kind.check("kind")?,
            environment: self.environment.check("environment")?,
            auth_method: self.auth_method.check("auth_method")?,
            config: self.config.check("config", |_, value| Ok(value.as_ref().map(json)))?,
            secret_references: self.secret_references.map(secret_references).transpose()?,
            labels: self.labels.check("labels", |key, value| value.check(&entry("labels", key)))?,
            tags: self.tags.map(tags).transpose()?,
            annotations: self
                .annotations
                .check("annotations", |_, value| Ok(value.as_ref().map(json)))?,
            identity: match self.identity {
                None => Patch::Keep,
                Some(None) => Patch::Clear,
                Some(Some(identity)) => Patch::Set(identity.check()?),
            },
            redact: list("redact", self.redact)?.into_iter().collect(),
            ..Revision::default()
        };
        Ok((revision, secrets))
    }
}

/// What an update changes; secret fields are apart, still in plaintext.
type Change = (Revision, BTreeMap<FieldName, Option<GivenSecret>>);

/// A connection as readers see it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionView<'a> {
    /// Stable id.
    pub id: String,
    /// Home workspace.
    pub workspace: Text<'a>,
    /// Slug.
    pub slug: Text<'a>,
    /// Display name.
    pub display_name: Option<Text<'a>>,
    /// Free text.
    pub description: Option<Text<'a>>,
    /// The provider, such as `openai`.
    pub provider: Text<'a>,
    /// Version of the provider's connector.
    pub provider_version: Option<Text<'a>>,
    /// The kind of service.
    pub kind: Text<'a>,
    /// `test` or `live`.
    pub environment: Text<'a>,
    /// How it authenticates to the provider.
    pub auth_method: Text<'a>,
    /// Settings that are not secret.
    pub config: TextMap<'a, Box<RawValue>>,
    /// Secret fields, masked.
    pub secrets: TextMap<'a, SecretView<'a>>,
    /// Fields filled from an external secret store.
    pub secret_references: Vec<SecretReferenceView<'a>>,
    /// Labels for grouping and filtering, by key.
    pub labels: TextMap<'a, Text<'a>>,
    /// Tags for grouping and filtering.
    pub tags: Vec<Text<'a>>,
    /// Product-specific fields, under namespaced keys; empty to workspaces with which it is shared.
    pub annotations: TextMap<'a, Box<RawValue>>,
    /// The owner.
    pub identity: Option<IdentityView<'a>>,
    /// `active`, `archived` or `erased`. Of an erased one, only what names it and who changed it
    /// when is left.
    pub lifecycle: Text<'a>,
    /// When it was archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<String>,
    /// When it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<String>,
    /// Whether gateways may use it.
    pub enabled: bool,
    /// Last reported health.
    pub health: HealthView<'a>,
    /// The token that the ledger got for it; absent if it never tried to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_token: Option<ProviderTokenView>,
    /// Which other workspaces may use it. These see only their own grants.
    pub access: AccessView<'a>,
    /// Which models may be used.
    pub models: ModelPolicyView<'a>,
    /// Multipliers of the provider's prices.
    pub pricing: Option<PricingView<'a>>,
    /// What depends on the connection; empty to workspaces with which it is shared.
    pub dependents: Vec<DependentView<'a>>,
    /// The connection's version.
    pub version: u64,
    /// Log position of the last change.
    pub position: u64,
    /// Time of creation.
    pub created_at: String,
    /// The creator; `undisclosed` to workspaces with which the connection is shared.
    pub created_by: Text<'a>,
    /// Time of the last change.
    pub updated_at: String,
    /// The author of the last change; `undisclosed` as above.
    pub updated_by: Text<'a>,
}

impl<'a> ConnectionView<'a> {
    /// Returns it with the ages of its secrets.
    #[must_use]
    pub fn with_ages(mut self, ages: &SecretAges) -> Self {
        for (field, age) in ages {
            if let Some(secret) = self.secrets.get_mut(field.as_str()) {
                secret.rotate_by = Some(time::format(age.rotate_by));
                secret.age = Some(age.state.as_str().into());
            }
        }
        self
    }

    /// Returns a connection with all fields.
    pub fn of(connection: &'a Connection) -> Self {
        let details = &connection.details;
        Self {
            id: connection.id.to_string(),
            workspace: view::text(&connection.workspace),
            slug: view::text(&connection.slug),
            display_name: view::optional(details.display_name.as_ref()),
            description: view::optional(details.description.as_ref()),
            provider: view::text(&details.provider),
            provider_version: view::optional(details.provider_version.as_ref()),
            kind: details.kind.as_str().into(),
            environment: details.environment.as_str().into(),
            auth_method: details.auth_method.as_str().into(),
            config: view::map(&details.config, view::raw),
            secrets: connection
                .secrets
                .iter()
                .map(|(field, secret)| (view::text(field), view::secret(connection, field, secret)))
                .collect(),
            secret_references: details
                .secret_references
                .iter()
                .map(view::secret_reference)
                .collect(),
            labels: view::map(&details.labels, view::text),
            tags: details.tags.iter().map(view::text).collect(),
            annotations: view::map(&details.annotations, view::raw),
            identity: details.identity.as_ref().map(view::identity),
            lifecycle: connection.lifecycle.as_str().into(),
            archived_at: match connection.lifecycle {
                Lifecycle::Active | Lifecycle::Erased { .. } => None,
                Lifecycle::Archived { at } => Some(time::format(at)),
            },
            erased_at: match connection.lifecycle {
                Lifecycle::Active | Lifecycle::Archived { .. } => None,
                Lifecycle::Erased { at } => Some(time::format(at)),
            },
            enabled: connection.enabled,
            health: view::health(&connection.health),
            provider_token: connection.provider_token.as_ref().map(view::provider_token),
            access: view::access(&connection.access),
            models: view::models(&connection.models),
            pricing: connection.pricing.as_ref().map(view::pricing),
            dependents: connection.dependents.iter().map(view::dependent).collect(),
            version: connection.version.get(),
            position: connection.position.get(),
            created_at: time::format(connection.created_at),
            created_by: view::text(&connection.created_by),
            updated_at: time::format(connection.updated_at),
            updated_by: view::text(&connection.updated_by),
        }
    }
}

/// `list`: connections in the subject's workspace that match all filters, or in every workspace if
/// it is `_all`. A filter with several values matches any of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ListQuery {
    /// The provider, such as `openai`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provider: Vec<String>,
    /// `test` or `live`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Whether gateways may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// `active` (default), `archived`, `erased` or `any`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<String>,
    /// `operational`, `degraded`, `failed` or `unknown`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<String>,
    /// The kind of service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kind: Vec<String>,
    /// How it authenticates to the provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth_method: Vec<String>,
    /// Tags; a connection must have all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag: Vec<String>,
    /// Labels, as `key=value` or only `key`; a connection must have all of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub label: Vec<String>,
    /// `user`, `team`, `organization` or `project`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_type: Option<String>,
    /// The caller's own id for the party that the connection is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// Connections with a secret whose current value was set before this time, or this span of
    /// time ago, like `90d`; to the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_older_than: Option<String>,
    /// Connections of which no secret was revealed on the UTC day of this time, or of so long ago,
    /// or later. One that was created since then is not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unused_since: Option<String>,
    /// `fresh`, `due` or `overdue`: a connection matches if any of its secrets whose age a policy
    /// limits does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secret_age: Vec<String>,
    /// Text contained in the name or slug, ignoring case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// `created` (default), `updated` or `name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,
    /// Reverses the order.
    pub descending: bool,
    /// The moment of the list: a time, how long ago like `36h`, or a position of the log; now when
    /// absent. Takes the right to audit as well, and cannot be combined with `sort`, `page` and
    /// filters by the age and use of secrets. Give it with `cursor`, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Page number from 1; cannot be combined with `cursor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Page size: 1 to 500, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides size and cursor of the page.
pub const LIST_PARAMETERS: &[Parameter] = &[
    many("provider", Form::Text(limits::PROVIDER_CHARS), "The external service; any of these."),
    one(
        "environment",
        Form::Word(|| words_of(Environment::ALL, Environment::as_str)),
        "The realm.",
    ),
    one("enabled", Form::Switch, "Whether gateways may use it."),
    one(
        "lifecycle",
        Form::Word(|| vec!["active", "archived", "erased", "any"]),
        "`active` by default.",
    ),
    many("health", Form::Word(|| words_of(HealthState::ALL, HealthState::as_str)), "Any of these."),
    many(
        "kind",
        Form::Word(|| words_of(Kind::ALL, Kind::as_str)),
        "Sort of service; any of these.",
    ),
    many(
        "auth_method",
        Form::Word(|| words_of(AuthMethod::ALL, AuthMethod::as_str)),
        "The authentication method; repeat to match any of several.",
    ),
    many("tag", Form::Text(limits::TAG_CHARS), "A tag; if repeated, all must be present."),
    many(
        "label",
        Form::Text(limits::LABEL_KEY_CHARS + 1 + limits::LABEL_VALUE_CHARS),
        "A label, `key=value` or `key` alone; if repeated, all must be present.",
    ),
    one(
        "identity_type",
        Form::Word(|| words_of(IdentityKind::ALL, IdentityKind::as_str)),
        "Sort of party it is for.",
    ),
    one("identity", Form::Text(limits::IDENTITY_CHARS), "The caller's id of that party."),
    one(
        "secret_older_than",
        Form::Moment,
        "Has a secret whose current value was set before this time, or so long ago: `90d`.",
    ),
    one(
        "unused_since",
        Form::Moment,
        "No secret was revealed on the UTC day of this time, or of so long ago, or later.",
    ),
    many(
        "secret_age",
        Form::Word(|| words_of(AgeState::ALL, AgeState::as_str)),
        "How old a secret is by its policy; any of these.",
    ),
    one(
        "text",
        Form::Text(limits::DISPLAY_NAME_CHARS),
        "Text in the display name or slug; case is ignored.",
    ),
    one("sort", Form::Word(|| vec!["created", "updated", "name"]), "`created` by default."),
    one("descending", Form::Switch, "Reverses the order."),
    one("as_of", Form::AsOf, "The moment: a time, `36h` ago, or a position; now when absent."),
    one("page", Form::Number(1, u32::MAX as u64), "Page number; not together with `cursor`."),
];
