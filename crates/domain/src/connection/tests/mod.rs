//! The rules of a connection, as examples, tables and laws.

mod changes;
mod generated;
mod harness;
mod laws;
pub(crate) mod samples;
mod table;
