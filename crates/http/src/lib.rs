//! HTTP in and out: the native API, its feed of events, and the OpenAPI document of both.
//!
//! Not here: what a command means (`ledger-engine`), the shapes of bodies (`ledger-contract`), or
//! which address is listened on (the binary).
//!
//! Read first: `api/routes` (the one table of routes), [`Api`], `feed` (how events reach
//! thousands of readers).

mod api;
mod credential;
mod feed;
pub mod handler;
pub mod listen;
mod openapi;
mod page;

pub use api::routes;
pub use api::{Api, ApiOptions};
pub use feed::FeedLimits;
pub use openapi::document as openapi_document;
