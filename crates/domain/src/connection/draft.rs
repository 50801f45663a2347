//! The parts of a new connection, and changes to several of them at once.
//!
//! All that the domain knows of a field of [`Details`] is here: what it is, how it is changed, and
//! when a change of it is none. Its limit is in [`limits`].

use std::collections::{BTreeMap, BTreeSet};

use super::Connection;
use super::access::Access;
use super::models::ModelPolicy;
use super::pricing::Pricing;
use super::vocabulary::{AuthMethod, Environment, Identity, Kind};
use crate::limits;
use crate::secret::{NewSecret, Secret};
use crate::text::{FieldName, InvalidField, Json, Line, Prose, Slug, WorkspaceName};

/// The provider and how a connection reaches it, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Display name.
    pub display_name: Option<Line>,
    /// Free text.
    pub description: Option<Prose>,
    /// The provider, such as `openai`.
    pub provider: Line,
    /// Version of the provider's connector.
    pub provider_version: Option<Line>,
    /// The kind of service.
    pub kind: Kind,
    /// Whether the credential is for test or live use.
    pub environment: Environment,
    /// How it authenticates to the provider.
    pub auth_method: AuthMethod,
    /// Settings that are not secret.
    pub config: BTreeMap<FieldName, Json>,
    /// Fields whose values live in an external secret store.
    pub secret_references: Vec<SecretReference>,
    /// Labels for grouping and filtering, by key.
    pub labels: BTreeMap<Line, Prose>,
    /// Tags for grouping and filtering, in the caller's order and without duplicates.
    pub tags: Vec<Line>,
    /// Product-specific fields, under namespaced keys.
    pub annotations: BTreeMap<Line, Json>,
    /// The owner.
    pub identity: Option<Identity>,
}

/// A field whose value lives in an external secret store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretReference {
    /// The field that gets the value.
    pub target: Line,
    /// Id, path or slug of the value in the external store.
    pub reference: Line,
    /// Which part of the external value to use, if it has several.
    pub key: Option<Line>,
    /// Format of the external value: `json` or `string`.
    pub format: Option<Line>,
}

/// Everything needed to create a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Home workspace.
    pub workspace: WorkspaceName,
    /// Slug.
    pub slug: Slug,
    /// The provider, and how to reach it.
    pub details: Details,
    /// Initial values of its secret fields, sealed.
    pub secrets: BTreeMap<FieldName, NewSecret>,
    /// Whether gateways may use the connection once it is created.
    pub enabled: bool,
    /// Initial grants.
    pub access: Access,
    /// Initial model policy.
    pub models: ModelPolicy,
    /// Initial price factors.
    pub pricing: Option<Pricing>,
}

/// A change to one optional field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Leaves the field unchanged.
    #[default]
    Keep,
    /// Clears the field.
    Clear,
    /// Sets the field to this value.
    Set(T),
}

impl<T: Clone + PartialEq> Patch<T> {
    /// Returns `Keep` in place of a patch that would not change `current`.
    #[must_use]
    pub(crate) fn against(self, current: Option<&T>) -> Self {
        match (&self, current) {
            (Self::Clear, None) => Self::Keep,
            (Self::Set(new), Some(old)) if new == old => Self::Keep,
            _ => self,
        }
    }

    /// Applies the patch.
    pub(crate) fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }
}

/// Changes to many fields at once. Maps are merged key by key; `None` removes a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// New slug.
    pub slug: Option<Slug>,
    /// New display name.
    pub display_name: Patch<Line>,
    /// New description.
    pub description: Patch<Prose>,
    /// New provider.
    pub provider: Option<Line>,
    /// New connector version.
    pub provider_version: Patch<Line>,
    /// New kind of service.
    pub kind: Option<Kind>,
    /// New environment.
    pub environment: Option<Environment>,
    /// New authentication method.
    pub auth_method: Option<AuthMethod>,
    /// Settings to set or remove.
    pub config: BTreeMap<FieldName, Option<Json>>,
    /// Secret fields to set or remove.
    pub secrets: BTreeMap<FieldName, Option<NewSecret>>,
    /// All references, if they change.
    pub secret_references: Option<Vec<SecretReference>>,
    /// Labels to set or remove.
    pub labels: BTreeMap<Line, Option<Prose>>,
    /// All tags, if they change.
    pub tags: Option<Vec<Line>>,
    /// Annotations to set or remove.
    pub annotations: BTreeMap<Line, Option<Json>>,
    /// New user, team, organization or project that it is for.
    pub identity: Patch<Identity>,
    /// Settings whose earlier values are hidden from now on.
    pub redact: BTreeSet<FieldName>,
    /// Of an event: the fields by which secrets that stay attached are sent elsewhere.
    pub destination: Vec<Line>,
    /// Of an event: whether the health becomes unknown, because a secret has a new value.
    pub health_unknown: bool,
}

impl Details {
    /// Makes the details of a connection to a provider, with nothing else said of it: an API that
    /// takes an API key.
    pub fn of(provider: Line) -> Self {
        Self {
            display_name: None,
            description: None,
            provider,
            provider_version: None,
            kind: Kind::Api,
            environment: Environment::Live,
            auth_method: AuthMethod::ApiKey,
            config: BTreeMap::new(),
            secret_references: Vec::new(),
            labels: BTreeMap::new(),
            tags: Vec::new(),
            annotations: BTreeMap::new(),
            identity: None,
        }
    }

    /// Checks the limits that apply to a connection as a whole.
    pub(super) fn check(&self) -> Result<(), InvalidField> {
        at_most("config", self.config.len(), limits::CONFIG_FIELDS)?;
        at_most("labels", self.labels.len(), limits::LABELS)?;
        at_most("tags", self.tags.len(), limits::TAGS)?;
        at_most("annotations", self.annotations.len(), limits::ANNOTATIONS)?;
        at_most("secret_references", self.secret_references.len(), limits::SECRET_REFERENCES)?;
        let targets: BTreeSet<&Line> =
            self.secret_references.iter().map(|reference| &reference.target).collect();
        if targets.len() < self.secret_references.len() {
            return Err(InvalidField::new("secret_references", "must name each target only once"));
        }
        Ok(())
    }

    /// Returns these details with the changes of a revision.
    pub(super) fn revised(&self, revision: &Revision) -> Self {
        let mut details = self.clone();
        details.revise(revision);
        details
    }

    /// Applies the changes of a revision.
    pub(super) fn revise(&mut self, revision: &Revision) {
        revision.display_name.clone().apply(&mut self.display_name);
        revision.description.clone().apply(&mut self.description);
        replace(&mut self.provider, revision.provider.as_ref());
        revision.provider_version.clone().apply(&mut self.provider_version);
        replace(&mut self.kind, revision.kind.as_ref());
        replace(&mut self.environment, revision.environment.as_ref());
        replace(&mut self.auth_method, revision.auth_method.as_ref());
        merge(&mut self.config, &revision.config);
        replace(&mut self.secret_references, revision.secret_references.as_ref());
        merge(&mut self.labels, &revision.labels);
        replace(&mut self.tags, revision.tags.as_ref());
        merge(&mut self.annotations, &revision.annotations);
        revision.identity.clone().apply(&mut self.identity);
    }
}

impl Revision {
    /// Returns the revision without the parts that would not change `state`.
    pub(super) fn reduced(self, state: &Connection) -> Self {
        let details = &state.details;
        Self {
            slug: self.slug.filter(|slug: &Slug| *slug != state.slug),
            display_name: self.display_name.against(details.display_name.as_ref()),
            description: self.description.against(details.description.as_ref()),
            provider: self.provider.filter(|new| *new != details.provider),
            provider_version: self.provider_version.against(details.provider_version.as_ref()),
            kind: self.kind.filter(|new| *new != details.kind),
            environment: self.environment.filter(|new| *new != details.environment),
            auth_method: self.auth_method.filter(|new| *new != details.auth_method),
            config: differing(self.config, &details.config),
            secrets: {
                let mut secrets = self.secrets;
                secrets.retain(|field, new| is_other(state.secrets.get(field), new.as_ref()));
                secrets
            },
            secret_references: self
                .secret_references
                .filter(|new| *new != details.secret_references),
            labels: differing(self.labels, &details.labels),
            tags: self.tags.filter(|new| *new != details.tags),
            annotations: differing(self.annotations, &details.annotations),
            identity: self.identity.against(details.identity.as_ref()),
            redact: self.redact,
            destination: self.destination,
            health_unknown: self.health_unknown,
        }
    }
}

/// Returns whether a secret field changes. A value that is already stored keeps its ciphertext.
pub(super) fn is_other(old: Option<&Secret>, new: Option<&NewSecret>) -> bool {
    old.map(|old| &old.held) != new.map(|new| &new.held)
}

fn replace<T: Clone>(field: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        field.clone_from(new);
    }
}

fn merge<K: Ord + Clone, V: Clone>(map: &mut BTreeMap<K, V>, changes: &BTreeMap<K, Option<V>>) {
    for (key, change) in changes {
        match change {
            Some(value) => {
                map.insert(key.clone(), value.clone());
            }
            None => {
                map.remove(key);
            }
        }
    }
}

/// Returns the entries of a merge that would change `current`.
fn differing<K: Ord, V: PartialEq>(
    mut merge: BTreeMap<K, Option<V>>,
    current: &BTreeMap<K, V>,
) -> BTreeMap<K, Option<V>> {
    merge.retain(|key, new| current.get(key) != new.as_ref());
    merge
}

/// Checks that there are at most `most` entries.
pub(crate) fn at_most(field: &str, count: usize, most: usize) -> Result<(), InvalidField> {
    if count <= most {
        return Ok(());
    }
    Err(InvalidField::new(field, format!("must have at most {most} entries")))
}
