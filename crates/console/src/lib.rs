//! The console: pages on which people see their connections and do something about them.
//!
//! The pages are HTML that the server makes. A script keeps open pages up to date and copies
//! values, and everything that can be read works without it. Not here: what a command means
//! (`ledger-engine`), the shapes of commands and queries (`ledger-contract`), sockets
//! (`ledger-http-server`).
//!
//! Read first: [`Console`], `routes.rs` (the table of pages), `console.rs` (how a request is
//! admitted), `request.rs` (what a page is made of), then `pages/overview.rs`.
//!
//! A person signs in with a credential, which becomes a [`Caller`](ledger_engine::Caller) in a
//! session; see `session/`. The credential is a key, or a token that the person gets by signing in
//! at the identity provider; see `pages/sign_in/`. Pages send queries with the rights of that
//! caller, and forms send commands, both straight to the engine. `view/` has the parts that pages
//! share, and `assets/` the style sheet and the scripts. Pages have no inline style or script,
//! which their content security policy forbids.
//!
//! # Invariants
//!
//! - A revoked key ends its sessions at the next request, and their feeds at once
//!   (test: `a_revoked_key_ends_its_session_and_its_feed`).
//! - A form from elsewhere, or of another session, does nothing
//!   (test: `a_form_from_elsewhere_or_without_its_token_does_nothing`).
//! - A session ends with the token that began it
//!   (test: `a_session_ends_with_the_token_that_began_it`).
//! - An undo does what its plan showed and nothing to what was changed since
//!   (test: `a_plan_is_applied_as_it_was_shown_and_a_change_since_is_refused`).
//! - A proof of the console holds for the key of its log alone
//!   (test: `a_proof_of_the_console_holds_for_the_key_of_the_log_and_no_other`).
//! - A form that is sent twice is one command
//!   (test: `a_form_that_is_sent_twice_is_one_command`).
//! - No text that somebody wrote becomes part of a page's structure
//!   (test: `hostile_text_stays_text_on_every_page`).
//! - A key is in no page, URL, cookie or log
//!   (test: `the_key_is_nowhere_but_in_the_form_that_sends_it`).
//! - A session ends unused after half an hour, and after eight hours in any case
//!   (test: `a_session_ends_when_it_is_unused_and_at_its_end_however_much_it_is_used`).
//! - The pages load nothing from elsewhere
//!   (test: `the_files_refer_to_nothing_elsewhere`).

mod answers;
mod console;
mod door;
mod form;
mod pages;
mod request;
mod routes;
mod session;
mod view;

pub use console::{Console, ConsoleOptions};
pub use routes::{PageRoute, routes};
