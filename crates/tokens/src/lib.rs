//! Access tokens of one identity provider (OAuth2, OpenID Connect), as credentials beside API keys.
//!
//! A token is a JWT that the provider signed. It is checked here against the provider's published
//! keys, and what its claims say becomes grants. Not here: API keys, which the engine looks at
//! itself, and what a caller with certain grants may do.
//!
//! Read first: [`Tokens`], then `verify.rs` (what is checked, in which order), then `keys/held.rs`
//! (what holds while the provider is away).
//!
//! The engine passes every credential that does not start with `sk_` to this crate. `verify.rs`
//! checks form, algorithm, key, signature and claims, in this order. `rights/` turns claims into
//! grants, and `keys/keeper.rs` is the one task that fetches the provider's keys.
//!
//! # Invariants
//!
//! - A signature counts only if a published key made it, with an algorithm that the key is meant
//!   for (test: `an_algorithm_must_fit_the_key_and_the_configuration`).
//! - A public key is never used as a shared secret (test: `a_public_key_is_no_shared_secret`).
//! - A token without a signature is never accepted
//!   (test: `no_signature_is_refused_whatever_the_header_calls_it`).
//! - Keys and addresses that a token carries are ignored
//!   (test: `keys_that_a_token_brings_along_mean_nothing`).
//! - An unreachable provider stops neither API keys nor tokens that are signed with known keys
//!   (test: `new_keys_are_picked_up_and_an_issuer_that_is_away_is_survived`).

mod algorithm;
mod keys;
mod options;
mod place;
mod rights;
mod tokens;

mod claims;
mod parts;
mod seen;
mod verify;

#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, DEFAULT_ALGORITHMS};
pub use options::{Prepared, Timings, TokenOptions};
pub use rights::{ClaimPath, Mapping, MappingForm, Rights};
pub use tokens::Tokens;
