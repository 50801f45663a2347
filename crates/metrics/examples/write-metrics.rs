//! Writes the handbook's page of metrics.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::write(root.join(ledger_metrics::handbook::PATH), ledger_metrics::handbook::text())
}
