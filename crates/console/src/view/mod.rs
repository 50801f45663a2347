//! The parts that pages are made of.

pub(crate) mod difference;
pub(crate) mod event;
pub(crate) mod filters;
pub(crate) mod layout;
pub(crate) mod moment;
pub(crate) mod pager;
pub(crate) mod parts;
pub(crate) mod plot;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod times;
