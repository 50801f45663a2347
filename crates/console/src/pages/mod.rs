//! The pages, one file for each.

pub(crate) mod access;
pub(crate) mod changes;
pub(crate) mod compare;
pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod create;
pub(crate) mod deeds;
pub(crate) mod edit;
pub(crate) mod events;
pub(crate) mod exposure;
pub(crate) mod fields;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod overview;
pub(crate) mod principals;
pub(crate) mod proof;
pub(crate) mod refusals;
pub(crate) mod reveal;
pub(crate) mod rotate;
pub(crate) mod sign_in;
pub(crate) mod undo;
