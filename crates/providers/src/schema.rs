//! The JSON Schema of a provider's file, made from the types that read it.
//!
//! `cargo run -p ledger-providers --example write-provider-schema` writes it; a test compares.

use schemars::schema_for;

use crate::provider::Provider;

/// Where the schema is, below `schemas/`.
pub const PATH: &str = "provider.schema.json";

/// Returns the text of the schema's file.
pub fn text() -> String {
    let schema = schema_for!(Provider).to_value();
    format!("{schema:#}\n")
}
