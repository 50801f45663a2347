//! `proof`: that an event is in the log, for somebody who trusts no server.

use ledger_domain::principal::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Query, QuerySpec};
use crate::errors::Code;
use crate::parameter::{Form, Parameter, one};
use crate::route::{HttpRoute, Method};

/// The HTTP route.
pub const PROOF: HttpRoute =
    HttpRoute { method: Method::Get, path: "/api/v1/proof", operation_id: "getProof" };

/// The query `proof`.
#[derive(Clone, Copy, Debug)]
pub struct Proof;

impl Query for Proof {
    const SPEC: QuerySpec = QuerySpec {
        name: "proof",
        summary: "Proves that an event is in the log",
        description: "The answer can be checked without the ledger, by its public key. It has the \
                      digest of the stored record, and nothing of its content.",
        scopes: &[Scope::Read],
        on_ledger: true,
        in_access_check: true,
        routes: &[PROOF],
        refusals: &[Code::EventUnknown, Code::PositionUnknown, Code::CheckpointRefused],
    };
    type Parameters = ProofQuery;
    type Answer<'a> = ProofView;
}

/// `proof`: one of both names the event.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofQuery {
    /// Its position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// What HTTP takes of it in the query string.
pub const PARAMETERS: &[Parameter] = &[
    one("position", Form::Number(1, u64::MAX), "The position of the event."),
    one("event", Form::MessageId, "The id of the event, in place of its position."),
];

/// Answer to `proof`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofView {
    /// The version of this form.
    pub connledger_proof: u32,
    /// The position of the event.
    pub position: u64,
    /// The entry of the event in the log: its position and the SHA-256 digest of its record as it
    /// was first stored.
    pub entry: String,
    /// The proof in the form `c2sp.org/tlog-proof@v1`, with the checkpoint and its signatures.
    pub proof: String,
}
