//! The native HTTP API, its feed of events, and its OpenAPI document.
//!
//! Not here: what a command means (`ledger-engine`), the shapes of bodies (`ledger-contract`), or
//! connections and their limits (`ledger-http-server`).
//!
//! Read first: `toolkit` (shared by the native API and the facades), `api/routes` (the table of
//! routes), [`Api`], `feed` (how events reach thousands of readers).
//!
//! The router, the OpenAPI document and the tests of all routes are made from one table,
//! `api/routes`. Only `api/caller.rs` authenticates, and only `toolkit/api.rs` counts refusals. A
//! feed is a position in the log: one task reads each new event once into a bounded ring that all
//! feeds share, and a reader that is behind the ring reads pages from the log.
//! `feed/visibility.rs` decides which parts of an event a reader may see.
//!
//! # Invariants
//!
//! - A feed shows nobody what queries would hide from them
//!   (test: `a_feed_shows_each_reader_only_what_it_may_see`).
//! - A feed delivers no event that came after its reader lost the right to it
//!   (test: `nobody_gets_an_event_that_came_after_they_lost_the_right`).
//! - A feed that is cut off and resumed delivers every event once and in order
//!   (test: `a_feed_killed_again_and_again_under_load_misses_and_repeats_nothing`).
//! - A reader who comes with a position of another history is told so, and gets no event
//!   (test: `a_reader_of_another_history_is_told_the_present_one`).
//! - Thousands of open feeds slow down no other client, and their memory is released
//!   (test: `thousands_of_open_feeds_slow_nobody_down_and_give_their_memory_back`).
//! - Clients that send slowly take no capacity from clients that do not
//!   (test: `slow_bodies_do_not_block_commands`).
//! - A client without a key gets only the health checks, the API description, and the page of who
//!   comes back from a provider
//!   (test: `without_a_key_every_other_route_is_refused`), and the tree over the log if the server
//!   is told so (test: `the_log_is_read_with_a_key_or_by_anybody_if_the_server_is_told_so`).
//! - Over HTTP, each role may do what the table of permissions says and nothing else
//!   (test: `everyone_over_http_may_do_what_the_table_says_and_nothing_else`).
//! - That page repeats nothing of the request
//!   (test: `what_goes_wrong_with_a_link_is_told_by_a_page`).
//! - On every route, a connection that the caller may not see looks like a missing one
//!   (test: `a_hidden_connection_looks_missing_on_every_route`).
//! - The OpenAPI document lists exactly what the router answers
//!   (test: `the_description_lists_what_the_router_answers`).
//! - An error repeats no text of the request that could be a secret
//!   (test: `no_refusal_repeats_a_secret`).
//! - A request in progress when the server stops is answered
//!   (test: `a_command_under_way_when_it_is_told_to_stop_is_answered_and_kept`).

mod api;
mod crashed;
mod feed;
mod native;
mod openapi;
mod page;
pub mod toolkit;

pub use api::caller::admit;
pub use api::headers::of_command as command_headers;
pub use api::metrics::page as metrics_page;
pub use api::options::ApiOptions;
pub use api::routes;
pub use api::state::AppState;
pub use feed::FeedLimits;
pub use ledger_http_server::credential;
pub use native::Api;
pub use openapi::document as openapi_document;
