//! `blocked-tokens`: the tokens of the identity provider that are refused.

use ledger_domain::Principal;
use ledger_domain::principal::{Scope, TokenBlock, TokenRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NoParameters, Query, QuerySpec};
use crate::route::{HttpRoute, Method};
use crate::time;

/// The HTTP route.
pub const BLOCKED_TOKENS: HttpRoute = HttpRoute {
    method: Method::Get,
    path: "/api/v1/blocked-tokens",
    operation_id: "listBlockedTokens",
};

/// The query `blocked-tokens`.
#[derive(Clone, Copy, Debug)]
pub struct BlockedTokens;

impl Query for BlockedTokens {
    const SPEC: QuerySpec = QuerySpec {
        name: "blocked-tokens",
        summary: "Lists the blocked tokens of the identity provider",
        description: "Subjects first. There are at most 1,000.",
        scopes: &[Scope::Administer],
        on_ledger: true,
        in_access_check: true,
        routes: &[BLOCKED_TOKENS],
        refusals: &[],
    };
    type Parameters = NoParameters;
    type Answer<'a> = BlockedTokensAnswer;
}

/// Answer to `blocked-tokens`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockedTokensAnswer {
    /// What is blocked.
    pub blocked: Vec<BlockedTokenView>,
}

/// Blocked tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockedTokenView {
    /// The claim `sub`, if all tokens of a subject are blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The claim `jti`, if one token is blocked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// Since when they are blocked.
    pub since: String,
    /// Who blocked them.
    pub by: String,
}

impl BlockedTokensAnswer {
    /// Returns what is blocked, by the state of the stream of the blocks.
    pub fn of(tokens: Option<&Principal>) -> Self {
        let view = |(token, block): (&TokenRef, &TokenBlock)| BlockedTokenView {
            subject: token.subject().map(|subject| subject.as_str().to_owned()),
            token_id: token.id().map(|id| id.as_str().to_owned()),
            since: time::format(block.since),
            by: block.by.as_str().to_owned(),
        };
        Self { blocked: tokens.into_iter().flat_map(|tokens| &tokens.blocks).map(view).collect() }
    }
}
