//! The rules of a connection, as examples, tables and laws.

mod changes;
mod generated;
mod harness;
mod laws;
mod samples;
mod table;
