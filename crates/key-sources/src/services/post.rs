//! What services with an HTTP API of their own have in common.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ledger_domain::MasterKeyId;
use ledger_outgoing::{Answer, Client};
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
    client.send(request).await.map_err(|error| Cause::away(told(&error)))
}

/// Returns what a wrapped key is bound to, in base64.
pub(super) fn binding(id: MasterKeyId) -> String {
    STANDARD.encode(format!("connledger master key {id}"))
}

/// Returns an error and its causes on one line.
pub(super) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
