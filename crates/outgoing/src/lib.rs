//! Requests over HTTP to services that an operator named, such as an identity provider or a key
//! service, and to those that a connection names, which are reached only where the operator
//! permits.
//!
//! What speaks no HTTP is reached by the same rule, through [`resolve`] and [`dial`].
//!
//! Start with [`Client`]. What is asked, and what an answer means, belongs to the crates that use
//! it.
//!
//! # Invariants
//!
//! - Only this machine is reached without TLS, unless the operator permits it
//!   (test: `only_this_machine_needs_no_encryption`).
//! - A redirect is never followed, so what a request carries reaches only the address that was
//!   checked (test: `a_redirect_is_an_answer_like_any_other`).
//! - Only public addresses and allowed networks are reached, where a client is told so
//!   (test: `a_forbidden_network_sees_no_connection`).
//! - Through a proxy, too, nothing is sent to an address outside of them, or to a name that this
//!   machine resolves to one (test: `a_proxy_is_asked_only_for_what_may_be_reached`).
//! - An answer is read only up to a limit of size (test: `an_answer_has_a_largest_size`).
//! - An answer is waited for only so long (test: `an_answer_has_a_time_limit`).

mod address;
mod client;
mod dial;
mod networks;
mod proxy;
mod resolve;
mod tls;

#[cfg(test)]
mod tests;

pub use address::{Plain, is_encrypted, read_address};
pub use client::{Answer, Client, ClientError, ClientOptions, SendError, with_causes};
pub use dial::{DialError, dial, resolve};
pub use networks::{Network, Reach};
pub use proxy::{Proxy, ProxyError};
pub use reqwest::{Method, Url};
pub use tls::{
    Authorities, AuthorityError, Proof, TlsError, install_tls_provider, tls_config, tls_failure,
};
