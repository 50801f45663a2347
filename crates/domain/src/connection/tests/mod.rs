//! Tests of a connection's rules, as examples, a table and properties.

mod changes;
mod generated;
mod harness;
mod laws;
mod provider_token;
mod references;
mod rotation;
pub(crate) mod samples;
mod secrets;
mod table;
