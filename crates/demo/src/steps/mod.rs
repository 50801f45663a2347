//! The steps of the demo, in order.

pub(crate) mod access;
pub(crate) mod fleet;
pub(crate) mod life;
pub(crate) mod questions;
pub(crate) mod recovery;
pub(crate) mod refusals;
