//! Drafts of connections and changes, built from a product's body in the ledger's types.
//!
//! Text from clients is checked here, once, by the rules of the ledger's own commands. Values that
//! the facade itself chooses have the domain's types from the start.

use std::collections::BTreeMap;

use ledger_contract::commands::input::{Checked as _, Input, SlugRule, entry, patch};
use ledger_contract::commands::{
    Annotations, Config, ConnectionRef, Description, DisplayName, GivenSecret, LabelValue, Labels,
    NewConnection, ParsedCommand, ProviderName, SecretReferenceBody, SecretValue, Secrets, Tag,
    json, secret_references, tags,
};
use ledger_domain::connection::{
    Access, AuthMethod, Details, Environment, Identity, Kind, ModelPolicy, Pricing, Revision,
};
use ledger_domain::{FieldName, InvalidField, Prose, Reference, WorkspaceName, limits};
use serde_json::Value;

type SlugInput = Input<SlugRule>;

/// A new connection.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) slug: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) provider: String,
    pub(crate) kind: Kind,
    pub(crate) environment: Environment,
    pub(crate) auth_method: AuthMethod,
    pub(crate) config: BTreeMap<String, Value>,
    pub(crate) secrets: BTreeMap<String, SecretValue>,
    /// References that secret fields hold in place of values.
    pub(crate) referring: BTreeMap<String, Reference>,
    pub(crate) secret_references: Vec<SecretReferenceBody>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) tags: Vec<String>,
    pub(crate) annotations: BTreeMap<String, Value>,
    pub(crate) identity: Option<Identity>,
    pub(crate) enabled: bool,
    pub(crate) access: Access,
    pub(crate) pricing: Option<Pricing>,
}

/// Changes to a connection; absent fields stay unchanged.
#[derive(Debug, Default)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
pub(crate) struct Changes {
    pub(crate) slug: Option<String>,
    pub(crate) display_name: Option<Option<String>>,
    pub(crate) description: Option<Option<String>>,
    pub(crate) provider: Option<String>,
    pub(crate) environment: Option<Environment>,
    pub(crate) auth_method: Option<AuthMethod>,
    pub(crate) config: BTreeMap<String, Option<Value>>,
    pub(crate) secrets: BTreeMap<String, Option<SecretValue>>,
    /// References that secret fields get in place of values.
    pub(crate) referring: BTreeMap<String, Reference>,
    pub(crate) secret_references: Option<Vec<SecretReferenceBody>>,
    pub(crate) labels: BTreeMap<String, Option<String>>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) annotations: BTreeMap<String, Option<Value>>,
}

impl Draft {
    /// Checks the draft and converts it into the command that creates the connection.
    ///
    /// Errors: the invalid field, by the ledger's name for it and without its value.
    pub(crate) fn check(self, workspace: &WorkspaceName) -> Result<ParsedCommand, InvalidField> {
        let mut secrets = Secrets::from(self.secrets)
            .check("secrets", |name, value: SecretValue| value.check(name).map(Into::into))?;
        secrets.extend(referring(self.referring)?);
        let provider = ProviderName::from(self.provider).check("provider")?;
        let details = Details {
            display_name: self.display_name.map(DisplayName::from).check("display_name")?,
            description: self.description.map(Description::from).check("description")?,
            kind: self.kind,
            environment: self.environment,
            auth_method: self.auth_method,
            config: Config::from(self.config).check("config", |_, value| Ok(json(&value)))?,
            secret_references: secret_references(self.secret_references)?,
            labels: labels(self.labels).check("labels", label)?,
            tags: tags(inputs(self.tags))?,
            annotations: Annotations::from(self.annotations)
                .check("annotations", |_, value| Ok(json(&value)))?,
            identity: self.identity,
            ..Details::of(provider)
        };
        Ok(ParsedCommand::Create(Box::new(NewConnection {
            workspace: workspace.clone(),
            slug: self.slug.map(SlugInput::from).check("slug")?,
            details,
            secrets,
            enabled: self.enabled,
            access: self.access,
            models: ModelPolicy::default(),
            pricing: self.pricing,
        })))
    }
}

impl Changes {
    /// Checks the changes and converts them into the command that updates a connection.
    ///
    /// Errors: the invalid field, by the ledger's name for it and without its value.
    pub(crate) fn check(
        self,
        target: ConnectionRef,
        detach_secrets: bool,
    ) -> Result<ParsedCommand, InvalidField> {
        let mut secrets =
            Secrets::from(self.secrets).check("secrets", |name, value: Option<SecretValue>| {
                value.map(|value| value.check(name).map(Into::into)).transpose()
            })?;
        let referring = referring(self.referring)?.into_iter();
        secrets.extend(referring.map(|(field, given)| (field, Some(given))));
        let display_name = self.display_name.map(|name| name.map(DisplayName::from));
        let description = self.description.map(|text| text.map(Description::from));
        let revision = Revision {
            slug: self.slug.map(SlugInput::from).check("slug")?,
            display_name: patch("display_name", display_name)?,
            description: patch("description", description)?,
            provider: self.provider.map(ProviderName::from).check("provider")?,
            environment: self.environment,
            auth_method: self.auth_method,
            config: Config::from(self.config)
                .check("config", |_, value| Ok(value.as_ref().map(json)))?,
            secret_references: self.secret_references.map(secret_references).transpose()?,
            labels: labels(self.labels)
                .check("labels", |key, value| value.map(|value| label(key, value)).transpose())?,
            tags: self.tags.map(inputs).map(tags).transpose()?,
            annotations: Annotations::from(self.annotations)
                .check("annotations", |_, value| Ok(value.as_ref().map(json)))?,
            ..Revision::default()
        };
        let revision = Box::new(revision);
        Ok(ParsedCommand::Update { target, revision, secrets, detach_secrets })
    }
}

fn referring(
    references: BTreeMap<String, Reference>,
) -> Result<BTreeMap<FieldName, GivenSecret>, InvalidField> {
    let field = |(name, reference): (String, Reference)| {
        Ok((FieldName::parse("secrets", &name)?, GivenSecret::Reference(reference)))
    };
    references.into_iter().map(field).collect()
}

fn labels<V>(entries: BTreeMap<String, V>) -> Labels<V, { limits::LABELS }> {
    entries.into()
}

fn label(key: &str, value: String) -> Result<Prose, InvalidField> {
    LabelValue::from(value).check(&entry("labels", key))
}

fn inputs(tags: Vec<String>) -> Vec<Tag> {
    tags.into_iter().map(Tag::from).collect()
}
