//! Drafts of connections and changes, built from a product's body in the ledger's types.
//!
//! Text from clients is checked here, once, by the rules of the ledger's own commands. Values that
//! the facade itself chooses have the domain's types from the start.

use std::collections::BTreeMap;

use ledger_contract::commands::input::{
    FieldNameRule, LineRule, MapInput, ProseRule, Rule, SlugRule, entry,
};
use ledger_contract::commands::{
    ConnectionRef, NewConnection, ParsedCommand, SecretReferenceBody, SecretValue,
};
use ledger_domain::connection::{
    Access, AuthMethod, Details, Environment, Identity, Kind, ModelPolicy, Patch, Pricing,
    Revision, SecretReference,
};
use ledger_domain::{InvalidField, Json, Line, Prose, WorkspaceName, limits};
use serde_json::Value;

type DisplayName = LineRule<{ limits::DISPLAY_NAME_CHARS }>;
type Description = ProseRule<{ limits::DESCRIPTION_CHARS }>;
type Provider = LineRule<{ limits::PROVIDER_CHARS }>;
type LabelKey = LineRule<{ limits::LABEL_KEY_CHARS }>;
type LabelValue = ProseRule<{ limits::LABEL_VALUE_CHARS }>;
type AnnotationKey = LineRule<{ limits::ANNOTATION_KEY_CHARS }>;
type Tag = LineRule<{ limits::TAG_CHARS }>;

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
        let secrets = fields("secrets", self.secrets, |name, value| value.check(name))?;
        let display_name = optional::<DisplayName>("display_name", self.display_name)?;
        let description = optional::<Description>("description", self.description)?;
        let provider = Provider::check("provider", self.provider)?;
        let details = Details {
            display_name,
            description,
            kind: self.kind,
            environment: self.environment,
            auth_method: self.auth_method,
            config: fields("config", self.config, |_, value| Ok(json(&value)))?,
            secret_references: references(self.secret_references)?,
            labels: labels(self.labels, label)?,
            tags: tags(self.tags)?,
            annotations: annotations(self.annotations, |value| json(&value))?,
            identity: self.identity,
            ..Details::of(provider)
        };
        Ok(ParsedCommand::Create(Box::new(NewConnection {
            workspace: workspace.clone(),
            slug: optional::<SlugRule>("slug", self.slug)?,
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
    pub(crate) fn check(self, target: ConnectionRef) -> Result<ParsedCommand, InvalidField> {
        let secrets = fields("secrets", self.secrets, |name, value: Option<SecretValue>| {
            value.map(|value| value.check(name)).transpose()
        })?;
        let revision = Revision {
            slug: optional::<SlugRule>("slug", self.slug)?,
            display_name: patch::<DisplayName>("display_name", self.display_name)?,
            description: patch::<Description>("description", self.description)?,
            provider: optional::<Provider>("provider", self.provider)?,
            environment: self.environment,
            auth_method: self.auth_method,
            config: fields("config", self.config, |_, value: Option<Value>| {
                Ok(value.as_ref().map(json))
            })?,
            secret_references: self.secret_references.map(references).transpose()?,
            labels: labels(self.labels, |key, value: Option<String>| {
                value.map(|value| label(key, value)).transpose()
            })?,
            tags: self.tags.map(tags).transpose()?,
            annotations: annotations(self.annotations, |value: Option<Value>| {
                value.as_ref().map(json)
            })?,
            ..Revision::default()
        };
        Ok(ParsedCommand::Update { target, revision: Box::new(revision), secrets })
    }
}

/// Converts a value into the canonical text form: compact, with sorted keys.
pub(crate) fn json(value: &Value) -> Json {
    Json::from_canonical(value.to_string())
}

fn optional<R: Rule<Raw = String>>(
    field: &str,
    text: Option<String>,
) -> Result<Option<R::Value>, InvalidField> {
    text.map(|text| R::check(field, text)).transpose()
}

#[expect(clippy::option_option, reason = "absent, null and a value are three things in JSON")]
fn patch<R: Rule<Raw = String>>(
    field: &str,
    text: Option<Option<String>>,
) -> Result<Patch<R::Value>, InvalidField> {
    Ok(match text {
        None => Patch::Keep,
        Some(None) => Patch::Clear,
        Some(Some(text)) => Patch::Set(R::check(field, text)?),
    })
}

fn fields<V, W>(
    field: &str,
    entries: BTreeMap<String, V>,
    value: impl Fn(&str, V) -> Result<W, InvalidField>,
) -> Result<BTreeMap<ledger_domain::FieldName, W>, InvalidField> {
    MapInput::<FieldNameRule, V, { usize::MAX }>::from(entries).check(field, value)
}

fn labels<V, W>(
    entries: BTreeMap<String, V>,
    value: impl Fn(&str, V) -> Result<W, InvalidField>,
) -> Result<BTreeMap<Line, W>, InvalidField> {
    MapInput::<LabelKey, V, { usize::MAX }>::from(entries).check("labels", value)
}

fn label(key: &str, value: String) -> Result<Prose, InvalidField> {
    LabelValue::check(&entry("labels", key), value)
}

fn annotations<V, W>(
    entries: BTreeMap<String, V>,
    value: impl Fn(V) -> W,
) -> Result<BTreeMap<Line, W>, InvalidField> {
    let entries = MapInput::<AnnotationKey, V, { usize::MAX }>::from(entries);
    entries.check("annotations", |_, entry| Ok(value(entry)))
}

/// Checks tags and removes duplicates, keeping the first of each.
fn tags(texts: Vec<String>) -> Result<Vec<Line>, InvalidField> {
    let mut tags: Vec<Line> = Vec::new();
    for text in texts {
        let tag = Tag::check("tags", text)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

fn references(bodies: Vec<SecretReferenceBody>) -> Result<Vec<SecretReference>, InvalidField> {
    bodies.into_iter().map(SecretReferenceBody::check).collect()
}
