//! What services with an HTTP API of their own have in common.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::MasterKeyId;
use ledger_outgoing::{Answer, Client, with_causes};
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::error::Cause;

/// Sends a request with a body, and returns the answer whatever its status.
pub(super) async fn post(
    client: &Client,
    request: RequestBuilder,
    body: &Value,
) -> Result<Answer, Cause> {
    let request = request.header("Content-Type", "application/json").body(body.to_string());
    client.send(request).await.map_err(|error| Cause::away(with_causes(&error)))
}

/// Returns what a wrapped key is bound to, in base64.
pub(super) fn binding(id: MasterKeyId) -> String {
    STANDARD.encode(format!("connledger master key {id}"))
}
