//! The JSON bodies of the verbs about principals and their keys.

use std::collections::BTreeMap;

use ledger_domain::limits;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::nullable;
use super::forms;

/// What a principal may do, where.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = forms::some_scope()))]
pub struct PermissionBody {
    /// A usual set of scopes: `viewer`, `editor`, `rotator`, `gateway`, `auditor` or `admin`.
    #[schemars(extend("enum" = forms::roles()))]
    pub role: Option<String>,
    /// Single scopes, in place of a role or besides it: `read`, `write`, `rotate`, `reveal`,
    /// `audit`, `administer`. The last, over the whole ledger, is every right: whoever has it makes
    /// principals with any grants and issues keys to any.
    #[serde(default)]
    #[schemars(extend("items" = forms::scopes()))]
    pub scopes: Vec<String>,
    /// Names of workspaces; every workspace when absent.
    #[schemars(
        length(min = 1, max = limits::GRANT_WORKSPACES),
        extend("items" = forms::workspace())
    )]
    pub workspaces: Option<Vec<String>>,
    /// Only connections to these providers.
    #[serde(default)]
    #[schemars(length(max = limits::GRANT_PROVIDERS), extend("items" = forms::provider()))]
    pub providers: Vec<String>,
    /// Only connections with all of these labels.
    #[serde(default)]
    #[schemars(extend(
        "maxProperties" = limits::GRANT_LABELS,
        "propertyNames" = forms::lines(limits::LABEL_KEY_CHARS),
        "additionalProperties" = forms::label()
    ))]
    pub labels: BTreeMap<String, String>,
}

/// `create-principal`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatePrincipalBody {
    /// Its name: 1 to 63 of `a-z`, `0-9` and inner hyphens.
    #[schemars(regex(pattern = forms::WORKSPACE))]
    pub principal: Option<String>,
    /// `user`, `service` or `gateway`.
    #[schemars(extend("enum" = forms::principal_kinds()))]
    pub kind: String,
    /// Name for people.
    #[schemars(length(max = limits::DISPLAY_NAME_CHARS), regex(pattern = forms::LINE))]
    pub display_name: Option<String>,
    /// What it may do; nothing when absent.
    #[serde(default)]
    #[schemars(length(max = limits::PRINCIPAL_GRANTS))]
    pub grants: Vec<PermissionBody>,
}

/// `update-principal`: what is absent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePrincipalBody {
    /// Its name.
    #[schemars(regex(pattern = forms::WORKSPACE))]
    pub principal: Option<String>,
    /// New name for people; null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schemars(with = "Option<String>")]
    #[schemars(length(max = limits::DISPLAY_NAME_CHARS), regex(pattern = forms::LINE))]
    pub display_name: Option<Option<String>>,
    /// All it may do.
    #[schemars(length(max = limits::PRINCIPAL_GRANTS))]
    pub grants: Option<Vec<PermissionBody>>,
}

/// `enable-principal` and `disable-principal`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrincipalBody {
    /// Its name.
    #[schemars(regex(pattern = forms::WORKSPACE))]
    pub principal: Option<String>,
    /// Why, at most 1,024 characters; kept when disabling.
    #[schemars(length(max = limits::REASON_CHARS), regex(pattern = forms::PROSE))]
    pub reason: Option<String>,
}

/// `issue-key`: the answer holds the key, once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueKeyBody {
    /// Whose key it is to be.
    #[schemars(regex(pattern = forms::WORKSPACE))]
    pub principal: Option<String>,
    /// `live` (default) or `test`: the second part of the key.
    #[schemars(extend("enum" = forms::environments()))]
    pub environment: Option<String>,
    /// What it is for.
    #[schemars(length(max = limits::DISPLAY_NAME_CHARS), regex(pattern = forms::LINE))]
    pub label: Option<String>,
    /// RFC 3339 time from which on it opens nothing; never when absent.
    #[schemars(extend("format" = "date-time"))]
    pub expires_at: Option<String>,
}

/// `revoke-key`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeKeyBody {
    /// Whose key it is.
    #[schemars(regex(pattern = forms::WORKSPACE))]
    pub principal: Option<String>,
    /// The key's id: its third part.
    #[schemars(regex(pattern = forms::API_KEY_ID))]
    pub key: String,
    /// Why, at most 1,024 characters.
    #[schemars(length(max = limits::REASON_CHARS), regex(pattern = forms::PROSE))]
    pub reason: Option<String>,
}

/// `revoke-key` where the path names the principal and the key: over HTTP.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyReasonBody {
    /// Why, at most 1,024 characters.
    #[schemars(length(max = limits::REASON_CHARS), regex(pattern = forms::PROSE))]
    pub reason: Option<String>,
}
