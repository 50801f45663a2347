//! `principals`: all principals, with their grants and keys, in pages.

use std::collections::{BTreeMap, BTreeSet};

use ledger_domain::principal::{ApiKey, ApiKeyId, Grant, Scope, Workspaces};
use ledger_domain::{CheckedText, Micros, Principal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PagePart, Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, one};
use crate::route::{HttpRoute, Method};
use crate::time;

/// The HTTP route.
pub const PRINCIPALS: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/principals", operation_id: "listPrincipals" };

/// The query `principals`.
#[derive(Clone, Copy, Debug)]
pub struct Principals;

impl Query for Principals {
    const SPEC: QuerySpec = QuerySpec {
        name: "principals",
        summary: "Lists the principals that the caller administers",
        description: "In pages, sorted by name. Includes their grants, and their keys without the secret part. \
                      Who administers the whole ledger sees all of them; who administers \
                      workspaces, those whose every grant names only these. With `as_of`, they are \
                      shown as they were then, if they existed.",
        scopes: &[Scope::Administer],
        on_ledger: true,
        in_access_check: true,
        routes: &[PRINCIPALS],
        refusals: &[Code::CursorInvalid, Code::HistoryChanged, Code::PositionUnknown],
    };
    type Parameters = PrincipalsQuery;
    type Answer<'a> = PrincipalPage;
}

/// `principals`: the principals, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PrincipalsQuery {
    /// The moment: a time, how long ago like `36h`, or a position of the log; now when absent. When
    /// keys were last used is not told of the past. Give it with `cursor`, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Page size: 1 to 500, 50 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u32>,
    /// `next_cursor` of the previous page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What HTTP takes of it in the query string, besides size and cursor of the page.
pub const PARAMETERS: &[Parameter] =
    &[one("as_of", Form::AsOf, "The moment: a time, `36h` ago, or a position; now when absent.")];

/// Answer to `principals`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalPage {
    /// The principals of this page, sorted by name.
    pub principals: Vec<PrincipalView>,
    /// What the page is a part of.
    #[serde(flatten)]
    pub part: PagePart,
}

/// A principal as readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrincipalView {
    /// Name, which is also the id.
    pub principal: String,
    /// `user`, `service` or `gateway`.
    pub kind: String,
    /// Human-readable name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Whether its keys are accepted.
    pub enabled: bool,
    /// Its grants.
    pub grants: Vec<PermissionView>,
    /// Its keys, including recently revoked ones.
    pub keys: Vec<ApiKeyView>,
    /// Number of accepted changes.
    pub version: u64,
    /// When it was created.
    pub created_at: String,
    /// Who created it.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: String,
    /// Who changed it last.
    pub updated_by: String,
}

/// One grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PermissionView {
    /// The scopes that it grants.
    pub scopes: BTreeSet<String>,
    /// The workspaces that it applies to; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<BTreeSet<String>>,
    /// If not empty, it applies only to connections to these providers.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub providers: BTreeSet<String>,
    /// It applies only to connections with all of these labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// An API key, without its secret part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyView {
    /// Its id, the third part of the key.
    pub id: String,
    /// The beginning of the key, up to its id.
    pub prefix: String,
    /// Its purpose, in the words of its issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it was issued.
    pub issued_at: String,
    /// Who issued it.
    pub issued_by: String,
    /// When it expires; never when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Whether it is valid, but not for long: a quarter of its lifetime is left, and at most 14
    /// days.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_soon: bool,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_reason: Option<String>,
    /// When it was last used, to the minute; absent if never. After a kill of the server, up to a
    /// minute of uses may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
}

impl PermissionView {
    /// Returns the public form of a grant.
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
    /// Returns the public form of a key at `now`. The caller must add the last use, which is not in
    /// the log.
    pub fn of(id: &ApiKeyId, key: &ApiKey, now: Micros) -> Self {
        let (revoked_at, reason) = key.revoked.clone().unzip();
        Self {
            id: id.as_str().to_owned(),
            prefix: format!("sk_{}_{id}", key.environment),
            label: key.label.as_ref().map(|label| label.as_str().to_owned()),
            issued_at: time::format(key.issued_at),
            issued_by: key.issued_by.as_str().to_owned(),
            expires_at: key.expires_at.map(time::format),
            ends_soon: key.ends_soon(now),
            revoked_at: revoked_at.map(time::format),
            revoked_reason: reason.flatten().map(|reason| reason.as_str().to_owned()),
            last_used_at: None,
        }
    }
}

impl PrincipalView {
    /// Returns the public form of a principal at `now`.
    pub fn of(principal: &Principal, now: Micros) -> Self {
        Self {
            principal: principal.name.as_str().to_owned(),
            kind: principal.kind.as_str().to_owned(),
            display_name: principal.display_name.as_ref().map(|name| name.as_str().to_owned()),
            enabled: principal.enabled,
            grants: principal.grants.iter().map(PermissionView::of).collect(),
            keys: principal.keys.iter().map(|(id, key)| ApiKeyView::of(id, key, now)).collect(),
            version: principal.version.get(),
            created_at: time::format(principal.created_at),
            created_by: principal.created_by.as_str().to_owned(),
            updated_at: time::format(principal.updated_at),
            updated_by: principal.updated_by.as_str().to_owned(),
        }
    }
}
