//! OAuth 2 towards token services: what a connection asks for a token, and what the answer means.
//!
//! [`Plan`] is read from the settings of a connection. With its secrets, it becomes a request or a
//! token that is signed here; [`read_answer`] reads what came back. Nothing here sends, waits or
//! stores.
//!
//! | Method | Grant |
//! |---|---|
//! | `oauth2_client_credentials` | `client_credentials` with the `client_secret` |
//! | `oauth2_jwt` | `jwt-bearer` with an assertion, or as `jwt_usage` says |
//! | `private_key_jwt` | `client_credentials` with an assertion that authenticates the client |
//! | `refresh_token` | `refresh_token`, with the `client_secret` if there is one |
//! | `integration_oauth2_auth_code`, `integration_oauth2_custom_app` | the same |
//!
//! For the last three, a person can permit it first: [`Authorization`] makes the link and the
//! requests of `authorization_code` with PKCE, and of `device_code`.
//!
//! An assertion is signed with the `secret_key`. Without a `token_url`, that of `private_key_jwt`
//! is the token. Which settings each of them takes is in `plan.rs`.
//!
//! All of them take `scopes`, `extra_params` and `token_response_field` as well. The entries of a
//! map may be secrets, in fields such as `custom_headers.X-Key`.
//!
//! `probe.rs` does the same for the request of a test that takes a token, and signs those for AWS.
//!
//! # Invariants
//!
//! - What is wrong with settings or keys is said without a part of them
//!   (test: `what_is_missing_or_malformed_is_named_without_a_value`,
//!   test: `a_key_that_does_not_fit_is_refused_without_a_part_of_it`).
//! - Nothing but a known code of an error is repeated of what a service says, and only some codes
//!   are final (test: `errors_are_final_only_if_asking_again_cannot_help`).
//! - No setting changes what comes back with a browser, or where
//!   (test: `a_link_says_who_asks_for_what_and_no_setting_changes_where_it_leads`).
//! - An assertion lasts no longer than its settings permit
//!   (test: `an_assertion_begins_a_little_in_the_past_and_expires_as_said`).
//! - A request of a test is signed as AWS verifies it, and an assertion as Google does
//!   (test: `a_request_is_signed_for_aws_as_its_own_library_verifies`,
//!   test: `a_token_of_a_service_account_or_an_application_is_asked_for_first`).

mod answer;
mod assertion;
mod authorization;
mod device;
mod plan;
mod probe;
mod request;
mod settings;
mod wait;

#[cfg(test)]
mod tests;

pub use answer::{Answer, DEFAULT_LIFETIME_SECONDS, Grant, Obtained, Refusal, read_answer};
pub use authorization::{Authorization, Code, Link, challenge, is_authorized_by_a_person};
pub use device::{DeviceCode, read_device_answer};
pub use plan::{Moment, Plan, Step, Unusable, asks_for_tokens};
pub use probe::{Proof, prove, with_token};
