//! Writes the generated schema of provider files under `schemas/`.

use std::path::Path;

use ledger_providers::schema;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    std::fs::write(root.join(schema::PATH), schema::text())
}
