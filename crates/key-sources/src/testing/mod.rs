//! A key service for tests, over real HTTP on this machine.

mod engine;
mod server;

pub use server::{APP_ROLE, NAMESPACE, TOKEN, TransitServer};
