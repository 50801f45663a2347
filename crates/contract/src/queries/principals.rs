//! `principals`: everyone who may ask, with rights and keys.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::principal::{ApiKey, ApiKeyId, Grant, Scope, Workspaces};
use ledger_domain::{CheckedText, Principal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, Query, QuerySpec};
use crate::route::{HttpRoute, Method};
use crate::time;

/// Where HTTP answers it.
pub const PRINCIPALS: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/principals", operation_id: "listPrincipals" };

/// The query `principals`.
#[derive(Clone, Copy, Debug)]
pub struct Principals;

impl Query for Principals {
    const SPEC: QuerySpec = QuerySpec {
        name: "principals",
        summary: "Lists everyone who may ask",
        description: "With their rights and their keys; of a key everything but what opens.",
        scopes: &[Scope::Administer],
        on_ledger: true,
        in_access_check: true,
        routes: &[PRINCIPALS],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = PrincipalPage;
}

/// Answer to `principals`: everyone who may ask, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalPage {
    /// Every principal, by name.
    pub principals: Vec<PrincipalView>,
}

/// A principal as readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalView {
    /// Its name, which is its id.
    pub principal: String,
    /// `user`, `service` or `gateway`.
    pub kind: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether its keys open anything.
    pub enabled: bool,
    /// What it may do.
    pub grants: Vec<PermissionView>,
    /// Its keys, also those revoked lately.
    pub keys: Vec<ApiKeyView>,
    /// Number of accepted changes.
    pub version: u64,
    /// When it was made.
    pub created_at: String,
    /// Who made it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: String,
    /// Who changed it last.
    pub updated_by: String,
}

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionView {
    /// What it allows.
    pub scopes: BTreeSet<String>,
    /// Where; absent for every workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<BTreeSet<String>>,
    /// Only connections to these providers, when there are any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub providers: BTreeSet<String>,
    /// Only connections with all of these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// An API key, without what makes it one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyView {
    /// The key's third part.
    pub id: String,
    /// What the key begins with.
    pub prefix: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it was issued.
    pub issued_at: String,
    /// Who had it issued.
    pub issued_by: String,
    /// From when on it opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_reason: Option<String>,
    /// When it was last used, to the minute, or up to a minute earlier after the server was killed;
    /// absent when it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
}

impl PermissionView {
    /// Shows a grant.
    pub fn of(grant: &Grant) -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            scopes: grant.scopes.iter().map(|scope| text(scope.as_str())).collect(),
            workspaces: match &grant.workspaces {
                Workspaces::All => None,
                Workspaces::Named(names) => {
                    Some(names.iter().map(|name| text(name.as_str())).collect())
                }
            },
            providers: grant.providers.iter().map(|name| text(name.as_str())).collect(),
            labels: grant
                .labels
                .iter()
                .map(|(key, value)| (text(key.text()), text(value.text())))
                .collect(),
        }
    }
}

impl ApiKeyView {
    /// Shows a key. When it was last used is not in the log and has to be put in.
    pub fn of(id: &ApiKeyId, key: &ApiKey) -> Self {
        let (revoked_at, reason) = key.revoked.clone().unzip();
        Self {
            id: id.as_str().to_owned(),
            prefix: format!("sk_{}_{id}", key.environment),
            label: key.label.as_ref().map(|label| label.as_str().to_owned()),
            issued_at: time::format(key.issued_at),
            issued_by: key.issued_by.as_str().to_owned(),
            expires_at: key.expires_at.map(time::format),
            revoked_at: revoked_at.map(time::format),
            revoked_reason: reason.flatten().map(|reason| reason.as_str().to_owned()),
            last_used_at: None,
        }
    }
}

impl PrincipalView {
    /// Shows a principal.
    pub fn of(principal: &Principal) -> Self {
        Self {
            principal: principal.name.as_str().to_owned(),
            kind: principal.kind.as_str().to_owned(),
            display_name: principal.display_name.as_ref().map(|name| name.as_str().to_owned()),
            enabled: principal.enabled,
            grants: principal.grants.iter().map(PermissionView::of).collect(),
            keys: principal.keys.iter().map(|(id, key)| ApiKeyView::of(id, key)).collect(),
            version: principal.version.get(),
            created_at: time::format(principal.created_at),
            created_by: principal.created_by.as_str().to_owned(),
            updated_at: time::format(principal.updated_at),
            updated_by: principal.updated_by.as_str().to_owned(),
        }
    }
}
