//! The parts of a new connection, and changes to several of them at once.

use std::collections::{BTreeMap, BTreeSet};

use super::access::Access;
use super::models::ModelPolicy;
use super::pricing::Pricing;
use super::vocabulary::{AuthMethod, Environment, Identity, Kind};
use crate::limits;
use crate::secret::NewSecret;
use crate::text::{FieldName, InvalidField, Json, Line, Prose, Slug, WorkspaceName};

/// The provider and how a connection reaches it, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Human-readable name.
    pub display_name: Option<Line>,
    /// Free text.
    pub description: Option<Prose>,
    /// The provider, such as `openai`.
    pub provider: Line,
    /// Version of the provider's connector.
    pub provider_version: Option<Line>,
    /// Kind of service.
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
    /// The user, team, organization or project that it is for.
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
}

impl Details {
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
}

/// Checks that there are at most `most` entries.
pub(crate) fn at_most(field: &str, count: usize, most: usize) -> Result<(), InvalidField> {
    if count <= most {
        return Ok(());
    }
    Err(InvalidField::new(field, format!("must have at most {most} entries")))
}
