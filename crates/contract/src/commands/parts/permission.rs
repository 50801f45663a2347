//! What a principal may do.

use std::collections::BTreeSet;

use ledger_domain::principal::{Grant, Role, Scope, Workspaces};
use ledger_domain::{InvalidField, limits};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Labels;
use super::details::LabelValue;
use crate::commands::input::{Checked as _, Input, LineRule, WordRule, WorkspaceRule, entry, list};

/// One grant of a principal: what it may do, and where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = role_or_scopes()))]
pub struct PermissionBody {
    /// A predefined set of scopes: `viewer`, `editor`, `rotator`, `gateway`, `auditor` or `admin`.
    pub role: Option<Input<WordRule<Role>>>,
    /// Individual scopes, instead of a role or in addition to it: `read`, `write`, `rotate`,
    /// `reveal`, `audit`, `administer`. `administer` over the whole ledger amounts to every right,
    /// because its holder can create principals with any grants and issue keys to them. Over a
    /// workspace it extends to the principals of that workspace, and to rights that its holder has.
    #[serde(default)]
    #[schemars(extend("default" = json!([])))]
    pub scopes: Vec<Input<WordRule<Scope>>>,
    /// Names of workspaces; all workspaces when absent.
    #[schemars(length(min = 1, max = limits::GRANT_WORKSPACES))]
    pub workspaces: Option<Vec<Input<WorkspaceRule>>>,
    /// Only connections to these providers.
    #[serde(default)]
    #[schemars(length(max = limits::GRANT_PROVIDERS), extend("default" = json!([])))]
    pub providers: Vec<Input<LineRule<{ limits::PROVIDER_CHARS }>>>,
    /// Only connections with all of these labels.
    #[serde(default)]
    #[schemars(extend("default" = json!({})))]
    pub labels: Labels<LabelValue, { limits::GRANT_LABELS }>,
}

/// Requires a role, scopes, or both.
fn role_or_scopes() -> Value {
    json!([
        { "required": ["role"], "properties": { "role": { "type": "string" } } },
        { "required": ["scopes"], "properties": { "scopes": { "minItems": 1 } } },
    ])
}

impl PermissionBody {
    /// Checks one grant and replaces its role by the role's scopes.
    ///
    /// Errors: `field_invalid`.
    pub fn check(self) -> Result<Grant, InvalidField> {
        let role = self.role.check("role")?;
        let mut scopes: BTreeSet<Scope> =
            role.map(|role| role.scopes().iter().copied().collect()).unwrap_or_default();
        scopes.extend(list("scopes", self.scopes)?);
        let workspaces = match self.workspaces {
            None => Workspaces::All,
            Some(names) => {
                Workspaces::Named(list("grants.workspaces", names)?.into_iter().collect())
            }
        };
        let labels =
            self.labels.check("labels", |key, value| value.check(&entry("labels", key)))?;
        Ok(Grant {
            scopes,
            workspaces,
            providers: list("grants.providers", self.providers)?.into_iter().collect(),
            labels,
        })
    }
}
