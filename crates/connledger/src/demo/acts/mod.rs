//! The acts of the demo, in the order they are played.

pub(super) mod access;
pub(super) mod fleet;
pub(super) mod life;
pub(super) mod questions;
pub(super) mod recovery;
pub(super) mod refusals;
