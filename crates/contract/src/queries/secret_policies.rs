//! `secret-policies`: the policies of the secret fields of a workspace.

use ledger_domain::principal::Scope;
use ledger_domain::{CheckedText as _, Policies, PolicySubject, SetPolicy, WorkspaceName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, Query, QuerySpec};
use crate::route::{HttpRoute, Method};
use crate::time;

/// The HTTP route.
pub const SECRET_POLICIES: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/workspaces/{workspace}/secret-policies",
    operation_id: "listSecretPolicies",
};

/// The query `secret-policies`.
#[derive(Clone, Copy, Debug)]
pub struct SecretPolicies;

impl Query for SecretPolicies {
    const SPEC: QuerySpec = QuerySpec {
        name: "secret-policies",
        summary: "Lists the policies of secrets that hold in a workspace",
        description: "Those of the whole ledger first, then those of the workspace. `_all` shows the former \
                      alone. There are at most 64 of each.",
        scopes: &[Scope::Read],
        on_ledger: false,
        in_access_check: true,
        routes: &[SECRET_POLICIES],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = SecretPoliciesAnswer;
}

/// Answer to `secret-policies`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretPoliciesAnswer {
    /// The policies.
    pub policies: Vec<SecretPolicyView>,
    /// Version of the policies of the workspace, or of the ledger if no workspace is named.
    pub version: u64,
}

/// A policy of secret fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretPolicyView {
    /// The workspace in which it holds; absent if it holds in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// Which secret fields it is about.
    pub about: PolicySubjectView,
    /// After how many days a value is overdue for rotation; 0 if it never is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_days: Option<u32>,
    /// How many days before that it is due; a tenth of the age when absent, and at most 14.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn_days: Option<u32>,
    /// The fewest characters of a new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_length: Option<u32>,
    /// The regular expression that a new value must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Whether the field takes only a reference to where its value is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_required: Option<bool>,
    /// Who set it.
    pub set_by: String,
    /// When.
    pub set_at: String,
}

/// Which secret fields a policy is about. What is absent stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySubjectView {
    /// Id of one connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// The connections of one provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// One secret field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl SecretPolicyView {
    /// Returns the policies of one workspace, or of the whole ledger if none is named.
    pub fn all_of<'a>(
        workspace: Option<&'a WorkspaceName>,
        policies: &'a Policies,
    ) -> impl Iterator<Item = Self> + 'a {
        let view = move |(subject, set): (&PolicySubject, &SetPolicy)| Self {
            workspace: workspace.map(|name| name.as_str().to_owned()),
            about: PolicySubjectView {
                connection: subject.connection.map(|id| id.to_string()),
                provider: subject.provider.as_ref().map(|name| name.text().to_owned()),
                field: subject.field.as_ref().map(|name| name.text().to_owned()),
            },
            max_age_days: set.policy.max_age_days,
            warn_days: set.policy.warn_days,
            min_length: set.policy.min_chars,
            pattern: set.policy.pattern.as_ref().map(|pattern| pattern.text().to_owned()),
            reference_required: set.policy.reference_required,
            set_by: set.by.as_str().to_owned(),
            set_at: time::format(set.at),
        };
        policies.all.iter().map(view)
    }
}
