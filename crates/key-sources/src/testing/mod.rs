//! A key service for tests, over real HTTP on this machine.

mod engine;
mod google;
mod kv;
mod server;

pub use google::{GOOGLE_KEY, GOOGLE_TOKEN, GoogleServer};
pub use server::{APP_ROLE, NAMESPACE, TOKEN, TransitServer};
