//! HTTP in and out: the native API, its feed of events, and the OpenAPI document of both.
//!
//! Not here: what a command means (`ledger-engine`), the shapes of bodies (`ledger-contract`), or
//! which address is listened on (the binary).
//!
//! Read first: `toolkit` (what every API here is built with), `api/routes` (the one table of
//! routes), [`Api`], `feed` (how events reach thousands of readers).

mod api;
mod credential;
mod feed;
pub mod listen;
mod openapi;
mod page;
pub mod toolkit;

pub use api::caller::admit;
pub use api::desk::Desk;
pub use api::headers::of_command as command_headers;
pub use api::routes;
pub use api::{Api, ApiOptions};
pub use credential::credential;
pub use feed::FeedLimits;
pub use openapi::document as openapi_document;
