//! The native HTTP API, on a socket, asked by a client that is not ours.

mod connections;
pub(crate) mod door;
mod endings;
mod events;
pub(crate) mod feed;
mod half_sent;
mod lists;
pub(crate) mod matrix;
mod operations;
mod refusals;
mod silence;
mod tricks;
