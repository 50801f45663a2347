//! Tests that the generated schema is up to date.

use std::path::Path;

use ledger_providers::schema;

#[test]
fn the_schema_of_providers_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(schema::PATH);
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == schema::text(),
        "run `cargo run -p ledger-providers --example write-provider-schema`"
    );
}
