//! The engine alone, without NATS.

mod access;
mod callers;
mod history;
mod keys;
mod lists;
mod opening;
mod refusals;
mod repeats;
mod replay;
mod secrets;
mod selectors;
mod sharing;
mod slugs;
mod verbs;
