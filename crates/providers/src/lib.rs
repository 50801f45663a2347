//! The catalogue of providers: what each external service is called by each product, which fields
//! a connection to it has, and which of them are secret.
//!
//! Descriptions are data, one JSON file a provider under `schemas/providers/`, part of the binary;
//! an operator's folder adds to them or replaces them. Nothing here stores, asks or calls anything.
//!
//! Read first: [`Catalogue`], [`Provider`], [`Field`].

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
