//! Access tokens of one identity provider (OAuth2, OpenID Connect), as credentials beside API keys,
//! and signing in there with a browser to get one.
//!
//! A token is a JWT signed by the provider. This crate verifies it with the provider's published
//! keys and derives grants from its claims. API keys, and what grants permit, belong to the engine.
//!
//! Start with [`Tokens`], then read `verify.rs` (the checks in their order) and `keys/held.rs`
//! (what happens while the provider is unreachable).
//!
//! The engine passes every credential that does not start with `sk_` to this crate. `verify.rs`
//! checks form, algorithm, key, signature and claims, in this order. `rights/` turns claims into
//! grants, and `keys/keeper.rs` is the one task that fetches the provider's keys. `sign_in/` is the
//! way of a browser to the provider and back.
//!
//! # Invariants
//!
//! - A signature counts only if a published key made it, with an algorithm that the key is meant
//!   for (test: `an_algorithm_must_fit_the_key_and_the_configuration`).
//! - A public key is never used as a shared secret (test: `a_public_key_is_no_shared_secret`).
//! - A token without a signature is never accepted
//!   (test: `no_signature_is_refused_whatever_the_header_calls_it`).
//! - An ID token is refused, whatever it is for
//!   (test: `a_token_that_is_not_marked_as_an_access_token_is_refused`).
//! - No claim gives `administer` unless the mapping says so
//!   (test: `built_in_names_stand_for_their_scopes`).
//! - A token that lasts longer than permitted is refused
//!   (test: `a_token_that_lasts_too_long_is_refused`).
//! - Keys and addresses that a token carries are ignored
//!   (test: `keys_that_a_token_brings_along_mean_nothing`).
//! - A sign-in ends where it began: with another state, nonce, client or issuer, or too late, it
//!   gives nothing (test: `a_sign_in_ends_in_the_browser_in_which_it_began_or_nowhere`).
//! - An unreachable provider stops neither API keys nor tokens that are signed with known keys
//!   (test: `new_keys_are_picked_up_and_an_issuer_that_is_away_is_survived`).

mod algorithm;
mod keys;
mod mark;
mod options;
mod rights;
mod sign_in;
mod tokens;

mod claims;
mod parts;
mod seen;
mod verify;

#[cfg(test)]
mod tests;

pub use algorithm::{Algorithm, DEFAULT_ALGORITHMS};
pub use mark::AccessMark;
pub use options::{LIFETIME_MAX, Prepared, Timings, TokenOptions};
pub use rights::{ClaimPath, Mapping, MappingForm, Rights};
pub use sign_in::{
    ATTEMPT_MAX, SignIn, SignInAnswer, SignInAttempt, SignInError, SignInOptions, SignedIn,
};
pub use tokens::Tokens;
