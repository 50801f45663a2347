//! The engine alone, without NATS.

mod history;
mod lists;
mod opening;
mod refusals;
mod repeats;
mod replay;
mod secrets;
mod slugs;
mod verbs;
