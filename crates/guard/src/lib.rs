//! Rates and lockouts: who may have a request looked at, before anything costly is done for it.
//!
//! A door tells the guard what it sees of a request at no cost: where it comes from, and a mark by
//! which its sender is recognized. After the credential was checked, it tells the verdict. What
//! sources and marks are is the door's choice (`ledger-http-server`, `ledger-bus`); so is the check
//! of credentials.
//!
//! Read first: [`Guard`] in `guard.rs`.
//!
//! # Invariants
//!
//! - A sender who was accepted before is not refused because of what others send
//!   (test: `whoever_was_accepted_passes_while_strangers_are_refused`).
//! - Wrong keys never lock out a key that the same source has used before
//!   (test: `guesses_are_locked_out_and_previously_accepted_keys_are_not`), and no key at all of a
//!   relay where one was accepted
//!   (test: `wrong_keys_of_one_user_of_a_relay_shut_out_none_of_the_others`).
//! - What a recognized sender sends counts against the one who was accepted, before it is looked at
//!   (test: `a_recognized_sender_pays_before_its_request_is_looked_at`), and no longer once its key
//!   has been refused for a while (test:
//!   `a_place_for_answers_is_recognized_until_five_minutes_after_the_last_accepted_key`).
//! - Memory does not grow with the number of sources
//!   (test: `used_entries_stay_and_the_rest_is_dropped`), and a million known ones take little
//!   (test: `a_million_known_senders_take_little_memory`).

mod clock;
mod generations;
mod guard;
mod known;
mod limited;
mod lockout;
mod mark;
mod rates;
mod verdict;

pub use clock::Clock;
pub use guard::{Guard, Visit};
pub use limited::{Limited, LimitedCounters, LimitedCounts};
pub use mark::{Digest, Mark};
pub use rates::Rates;
pub use verdict::{Identity, Verdict};
