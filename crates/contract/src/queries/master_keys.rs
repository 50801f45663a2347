//! `master-keys`: the master keys, and what is wrapped under each.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, Query, QuerySpec};
use crate::master_keys::{MasterKeyView, RewrapStatus, SharesView};
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const MASTER_KEYS: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/master-keys", operation_id: "listMasterKeys" };

/// The query `master-keys`.
#[derive(Clone, Copy, Debug)]
pub struct MasterKeys;

impl Query for MasterKeys {
    const SPEC: QuerySpec = QuerySpec {
        name: "master-keys",
        summary: "Lists the master keys, and what is wrapped under each",
        description: "The active one first. No key is shown, only ids.",
        scopes: &[Scope::Administer],
        on_ledger: true,
        in_access_check: true,
        routes: &[MASTER_KEYS],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = MasterKeysAnswer;
}

/// Answer to `master-keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MasterKeysAnswer {
    /// Version of the ledger's own stream.
    pub version: u64,
    /// Where the server reads its master keys from; absent if it cannot read them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The keys.
    pub keys: Vec<MasterKeyView>,
    /// Whether the ledger is sealed, so that it holds none of them.
    #[serde(default)]
    pub sealed: bool,
    /// Shares that were given to unseal it, if any are held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<SharesView>,
    /// Whether something that was wrapped under a former key may still be in the files.
    pub rewrapping: bool,
    /// What wraps it anew, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrap: Option<RewrapStatus>,
}
