//! HTTP in and out: the native API, its feed of events, and the OpenAPI document of both.
//!
//! Not here: what a command means (`ledger-engine`), the shapes of bodies (`ledger-contract`), or
//! connections and their limits (`ledger-http-server`).
//!
//! Read first: `api/routes` (the one table of routes), [`Api`], `feed` (how events reach
//! thousands of readers).

mod api;
mod crashed;
mod feed;
pub mod handler;
mod openapi;
mod page;

pub use api::routes;
pub use api::{Api, ApiOptions};
pub use feed::FeedLimits;
pub use openapi::document as openapi_document;
