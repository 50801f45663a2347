//! How each event changes the read models.

pub(crate) mod audit;
pub(crate) mod claims;
pub(crate) mod filters;
pub(crate) mod list;
pub(crate) mod secret_ages;
pub(crate) mod uses;
