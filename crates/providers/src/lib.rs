//! The catalogue of providers: their names at each product, the fields of connections to them, and
//! which of those are secret.
//!
//! Descriptions are data: one JSON file for each provider under `schemas/providers/`, compiled into
//! the binary. An operator's folder adds or replaces descriptions. This crate sends no requests and
//! stores nothing.
//!
//! Read first: [`Catalogue`], [`Provider`], [`Field`].
//!
//! `exposure.rs` finds secrets in the clear and `destination.rs` what decides where they are sent.
//! `trial.rs` and `draft.rs` make a request for a connection and say what its answer means,
//! `login/` does the former for databases, and `listing.rs` finds the models in an answer.
//! `check.rs` finds what is wrong with a connection, in a product's words. `catalogue/built_in.rs`
//! lists the built-in descriptions, and `rules/` contains the rules for descriptions beyond their
//! JSON form.
//!
//! # Invariants
//!
//! - The built-in descriptions follow the same rules as an operator's
//!   (test: `every_built_in_description_follows_the_rules`).
//! - Within a provider, one spelling means one field
//!   (test: `in_every_built_in_description_a_spelling_means_one_field`).
//! - The descriptions match the configurations that Portkey documents (test:
//!   `the_ten_configuration_schemas_of_portkey_are_as_documented`).
//! - The descriptions match the settings of Umbraco's providers (test:
//!   `the_five_providers_of_umbraco_are_as_documented`).
//! - An error about a field never repeats the field's value (test:
//!   `an_error_never_repeats_a_value`).
//! - A probe takes a secret, or its answer would prove nothing
//!   (test: `each_fault_is_found_at_its_place`).
//! - No setting moves a request to another host than the description and the destinations of the
//!   connection say (test: `a_setting_cannot_move_a_request_elsewhere`).
//! - No option in a database's URL leads to a socket, a file or another host
//!   (test: `a_url_leads_to_no_socket_file_or_other_host`).
//! - What is no list of models is refused, and no item of one takes more than its limit
//!   (test: `what_is_no_list_is_refused_and_bad_items_are_left_out`).
//! - The JSON Schema of descriptions is generated from the types that read them
//!   (test: `the_schema_of_providers_is_fresh`).

pub mod limits;
mod naming;
mod words;

mod auth;
mod endpoint;
mod field;
mod login;
mod pattern;
mod provider;
mod secrecy;

mod check;
mod destination;
mod draft;
mod exposure;
mod listing;
mod rules;
mod shape;
mod template;
mod trial;

mod catalogue;
pub mod schema;

pub use auth::{Auth, AuthFields, AwsKeys};
pub use catalogue::{Catalogue, CatalogueError, FileFault, Origin, read_file};
pub use check::{Complaint, Given, Wrong};
pub use endpoint::{Basic, KindRule, Listing, OutcomeRule, Pages, Probe};
pub use exposure::{Exposed, Why};
pub use field::{Condition, Field};
pub use listing::{ListedModel, Page, PageError};
pub use login::{Login, LoginFields, LoginHost, Security};
pub use pattern::Pattern;
pub use provider::{KnownModel, Models, Provider};
pub use rules::Fault;
pub use secrecy::looks_secret;
pub use trial::{Request, TestRequest, Trial, Untestable, Values, as_text};
pub use words::{Capability, Facade, FieldType, Method, Protocol};
