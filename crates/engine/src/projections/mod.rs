//! What the read models hold of each event.

pub(crate) mod audit;
pub(crate) mod filters;
pub(crate) mod list;
