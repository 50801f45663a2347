//! A connection to create.

use std::collections::BTreeMap;

use ledger_domain::connection::{Access, Details, ModelPolicy, Pricing};
use ledger_domain::{FieldName, Slug, WorkspaceName};

use super::GivenSecret;

/// A connection to create, with its secrets still in plaintext.
#[derive(Debug)]
pub struct NewConnection {
    /// Home workspace.
    pub workspace: WorkspaceName,
    /// Slug; derived from the provider and the id when absent.
    pub slug: Option<Slug>,
    /// The provider, and how to reach it.
    pub details: Details,
    /// Initial values of its secret fields.
    pub secrets: BTreeMap<FieldName, GivenSecret>,
    /// Whether gateways may use the connection once it is created.
    pub enabled: bool,
    /// Initial grants.
    pub access: Access,
    /// Initial model policy.
    pub models: ModelPolicy,
    /// Initial price factors.
    pub pricing: Option<Pricing>,
}
