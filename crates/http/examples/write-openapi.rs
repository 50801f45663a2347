//! Writes `schemas/openapi.json`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/openapi.json");
    let text = serde_json::to_string_pretty(&ledger_http::openapi_document())?;
    std::fs::write(path, text + "\n")
}
