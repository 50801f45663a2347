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
//!
//! An assertion is signed with the `secret_key`. Without a `token_url`, that of `private_key_jwt`
//! is the token. Which settings each of them takes is in `plan.rs`.
//!
//! All of them take `scopes`, `extra_params` and `token_response_field` as well. The entries of a
//! map may be secrets, in fields such as `custom_headers.X-Key`.
//!
//! # Invariants
//!
//! - What is wrong with settings or keys is said without a part of them
//!   (test: `what_is_missing_or_malformed_is_named_without_a_value`,
//!   test: `a_key_that_does_not_fit_is_refused_without_a_part_of_it`).
//! - Nothing but a known code of an error is repeated of what a service says, and only some codes
//!   are final (test: `errors_are_final_only_if_asking_again_cannot_help`).
//! - An assertion lasts no longer than its settings permit
//!   (test: `an_assertion_begins_a_little_in_the_past_and_expires_as_said`).

mod answer;
mod assertion;
mod plan;
mod request;
mod settings;
mod wait;

#[cfg(test)]
mod tests;

pub use answer::{DEFAULT_LIFETIME_SECONDS, Obtained, Refusal, read_answer};
pub use plan::{Moment, Plan, Step, Unusable, asks_for_tokens};
