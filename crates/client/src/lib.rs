//! Client library for gateways: sends commands, queries and watches connections over NATS.
//!
//! A watcher receives the latest state of every connection, then each change exactly once and in
//! order, across reconnects and restarts of NATS. It is notified while it may be behind, and it
//! starts anew by itself if the ledger was restored, or if it was away for longer than the event
//! stream keeps events. The library depends on `ledger-contract` and on no part of the server above
//! it.
//!
//! Start with [`Client`], [`ClientOptions`] and [`Mirror`]; `examples/gateway.rs` uses all of them.
//!
//! # Invariants
//!
//! - A gateway needs no NATS permission beyond its own workspace
//!   (test: `a_gateway_has_its_workspace_and_nothing_else`).
//! - No event of one history is delivered as one of another, and none is delivered twice within one
//!   (test: `watchers_start_anew_in_another_history_and_end_equal_to_the_list`).
//! - A watcher that was away for longer than the event stream keeps events ends equal to the list
//!   (test: `a_watcher_that_slept_longer_than_the_window_ends_equal_to_the_list`).
//! - A watcher leaves no consumer on the NATS server but the one that it reads
//!   (test: `a_watcher_leaves_no_consumers_on_the_server_but_the_one_that_it_reads`).
//! - A position that the ledger does not have is answered at once
//!   (test: `a_position_ahead_or_of_another_history_is_answered_at_once`).
//! - A mirror serves the former states until the new ones are complete
//!   (test: `a_mirror_serves_what_it_had_until_the_new_states_are_complete`).
//! - No secret of a former history is taken for one of the present
//!   (test: `a_secret_of_another_history_is_fetched_again`).
//! - A consumer confirms a generation only once no request uses an earlier one
//!   (test: `a_value_is_in_use_until_its_last_holder_drops_it`), so that an overlap fails none
//!   (test: `three_gateways_change_over_without_one_failed_request`).
//! - A compromised value is dropped at once and never given out again
//!   (test: `a_compromised_value_is_dropped_at_once_and_never_given_out_again`), and a gateway that
//!   watches uses the new one
//!   (test: `a_watching_gateway_drops_a_compromised_value_and_uses_the_new_one`).
//! - Nothing is sent in the clear unless the options say so
//!   (test: `our_client_sends_nothing_in_the_clear_unless_it_is_told_to`).
//! - A reply that the ledger did not seal is not believed
//!   (test: `an_answer_that_is_not_the_ledgers_is_not_believed`).

mod options;

mod connect;

mod address;
mod command;
mod operation;
mod query;

mod watch;

mod confirm;
mod handover;
mod lease;
mod mirror;
mod reveal;
mod sealed;
mod slot;

mod error;
mod moment;

pub use command::{Accepted, CommandHeaders};
pub use confirm::Consumer;
pub use connect::Client;
pub use error::ClientError;
pub use handover::{HandOver, HandedOver};
pub use lease::Leased;
pub use mirror::{Mirror, Seen};
pub use moment::new_command_id;
pub use options::{ClientOptions, Credentials, Key};
pub use reveal::{RevealedGeneration, Secret};
pub use watch::{Notice, Restart, WatchItem, WatchScope, Watcher};

pub use ledger_contract::ResumePoint;
pub use ledger_contract::alerts::IssuedSigning;
pub use ledger_contract::handover::IssuedHandover;
pub use ledger_contract::reply::{ConnectBegun, ModelList, ModelView, ReportTaken, TestReport};
