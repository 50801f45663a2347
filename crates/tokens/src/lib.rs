//! Access tokens of one identity provider (OAuth2, OpenID Connect), as credentials beside API keys.
//!
//! A token is a JWT that the provider signed. It is checked here against the provider's published
//! keys, and what its claims say becomes grants. Not here: API keys, which the engine looks at
//! itself, and what a caller with certain grants may do.
//!
//! Read first: [`Tokens`], then `verify.rs` (what is checked, in which order), then `keys/held.rs`
//! (what holds while the provider is away).

mod algorithm;
mod clock;
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
pub use clock::Clock;
pub use options::{Prepared, Timings, TokenOptions};
pub use rights::{ClaimPath, Mapping, MappingForm, Rights};
pub use tokens::Tokens;
