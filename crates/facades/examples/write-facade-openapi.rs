//! Writes `schemas/facades/<product>.json`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/facades");
    for (facade, document) in ledger_facades::openapi_documents() {
        let text = serde_json::to_string_pretty(&document)?;
        std::fs::write(folder.join(format!("{}.json", facade.as_str())), text + "\n")?;
    }
    Ok(())
}
