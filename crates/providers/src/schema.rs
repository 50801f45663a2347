//! The JSON Schema of a provider file, generated from the types that read it.
//!
//! `cargo run -p ledger-providers --example write-provider-schema` writes it; a test compares.

use schemars::schema_for;

use crate::provider::Provider;

/// Path of the schema, below `schemas/`.
pub const PATH: &str = "provider.schema.json";

/// Returns the content of the schema's file.
pub fn text() -> String {
    let schema = schema_for!(Provider).to_value();
    format!("{schema:#}\n")
}
