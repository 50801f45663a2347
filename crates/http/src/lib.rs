//! HTTP in and out: the native API, its feed of events, and the OpenAPI document of both.
//!
//! Not here: what a command means (`ledger-engine`), the shapes of bodies (`ledger-contract`), or
//! which address is listened on (the binary).
//!
//! Read first: `api/routes.rs` (the one table of routes), [`Api`], `feed` (how events reach
//! thousands of readers).

pub mod listen;
