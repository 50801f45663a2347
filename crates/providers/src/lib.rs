//! The catalogue of providers: what each external service is called by each product, which fields
//! a connection to it has, and which of them are secret.
//!
//! Descriptions are data, one JSON file a provider under `schemas/providers/`, part of the binary;
//! an operator's folder adds to them or replaces them. Nothing here stores, asks or calls anything.
//!
//! Read first: [`Catalogue`], [`Provider`], [`Field`].
//!
//! `check.rs` tells what a connection lacks, in a product's words. `catalogue/built_in.rs` lists
//! the built-in descriptions, and `rules/` holds what a description must satisfy beyond its form.
//!
//! # Invariants
//!
//! - The built-in descriptions follow the same rules as an operator's
//!   (test: `every_built_in_description_follows_the_rules`).
//! - Within a provider, one spelling means one field
//!   (test: `in_every_built_in_description_a_spelling_means_one_field`).
//! - The descriptions agree with what Portkey documents about its configurations
//!   (test: `the_ten_configuration_schemas_of_portkey_are_as_documented`).
//! - The descriptions agree with the settings that Umbraco's providers take
//!   (test: `the_five_providers_of_umbraco_are_as_documented`).
//! - A complaint about a field never repeats the field's value
//!   (test: `a_complaint_never_repeats_a_value`).
//! - The JSON Schema of descriptions is generated from the types that read them
//!   (test: `the_schema_of_providers_is_fresh`).

pub mod limits;
mod words;

mod endpoint;
mod field;
mod pattern;
mod provider;
mod secrecy;

mod check;
mod rules;
mod shape;
mod template;

mod catalogue;
pub mod schema;

pub use catalogue::{Catalogue, CatalogueError, FileFault, Origin, read_file};
pub use check::{Complaint, Given, Wrong};
pub use endpoint::Endpoint;
pub use field::{Condition, Field};
pub use pattern::Pattern;
pub use provider::{KnownModel, Models, Provider};
pub use rules::Fault;
pub use secrecy::looks_secret;
pub use words::{Capability, Facade, FieldType, Method};
