//! What the ledger promises, on real parts: an engine on a temporary folder, the program itself,
//! a nats-server, and a NATS client that is not ours.
//!
//! Tests of the engine need nothing but the toolchain. The others need the programs that
//! `cargo xtask test` sets up, and fail with these words when they are missing.
//!
//! # Invariants
//!
//! - A client script that skips one of its checks does not pass
//!   (test: `only_checks_and_then_done_are_taken_for_an_answer`).

// Marked as test code, so that the lints about tests hold for what the tests share too.
#[cfg(test)]
mod bucket_watcher;
#[cfg(test)]
mod bus;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod example_gateway;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod moved;
#[cfg(test)]
mod nats_jwt;
#[cfg(test)]
mod nats_server;
#[cfg(test)]
mod output;
#[cfg(test)]
mod ports;
#[cfg(test)]
mod private;
#[cfg(test)]
mod random;
#[cfg(test)]
mod service;
#[cfg(test)]
mod service_http;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod shipping;
mod sniffer;
#[cfg(test)]
mod verbs;
mod wait;

#[cfg(test)]
mod alerts;
#[cfg(test)]
mod altered;
#[cfg(test)]
mod attempts;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod changeover;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod compromised;
#[cfg(test)]
mod config;
mod console;
#[cfg(test)]
mod crash;
mod custody;
#[cfg(test)]
mod data_dirs;
#[cfg(test)]
mod declared;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod erased;
#[cfg(test)]
mod facades;
#[cfg(test)]
mod faults;
mod forwarded;
#[cfg(test)]
mod guarded;
#[cfg(test)]
mod handovers;
mod hints;
#[cfg(test)]
mod histories;
#[cfg(test)]
mod http;
#[cfg(test)]
mod key_sources;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod leaked;
#[cfg(test)]
mod leased;
mod listen;
mod load;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod many_feeds;
#[cfg(test)]
mod master_keys;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod nats;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod owner;
#[cfg(test)]
mod permissions;
#[cfg(test)]
mod portable;
#[cfg(test)]
mod program;
#[cfg(test)]
mod proofs;
mod provenance;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod readable;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod references;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod reveal;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod rotate_secret;
#[cfg(test)]
mod same_command;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod sealing;
#[cfg(test)]
mod secret_policies;
#[cfg(test)]
mod server;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod token_services;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod trials;
#[cfg(test)]
mod window;
