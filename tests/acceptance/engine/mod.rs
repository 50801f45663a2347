//! The engine alone, without NATS.

mod access;
mod altered;
mod bounds;
mod callers;
mod delegation;
mod derived;
mod gains;
mod history;
mod keys;
mod lifetimes;
mod lists;
mod opening;
mod pages;
mod probes;
mod promises;
mod rebuild;
mod receipts;
mod records;
mod refusals;
mod repeats;
mod replay;
mod secrets;
mod selectors;
mod sharing;
mod slugs;
mod verbs;
