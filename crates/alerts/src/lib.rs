//! Delivers alerts: tells receivers outside of the events that an alert is about, by requests that
//! are signed as the Standard Webhooks convention has it, or by mail.
//!
//! Which events those are, and what of their delivery is stored, belongs to `ledger-engine`. One
//! worker for each alert reads the log after the last event that it looked at, so an event is never
//! lost: what a crash interrupts is sent again, under the same id.
//!
//! Start with [`Delivery`]. Then read `cursor.rs` for how far a delivery is, `worker/mod.rs` for
//! what happens to an event, `pace.rs` for when it is sent again, and `receiver.rs` for what an
//! answer means. `mail/mod.rs` has what differs for mail.
//!
//! # Invariants
//!
//! - Each event arrives at least once, and those of a connection in their order, however often the
//!   receiver and the server are killed
//!   (test: `each_event_arrives_in_the_order_of_its_connection_whatever_is_killed`).
//! - A redirect is not followed, and nothing is sent to a network that is not permitted
//!   (test: `what_a_receiver_does_is_taken_for_what_it_is`).
//! - An event that is not taken delays the later ones of its connection and no others
//!   (test: `an_event_that_is_refused_delays_only_its_connection`).
//! - Only the owner of the ledger's name sends (test: `only_the_owner_of_the_ledger_sends`).
//! - Of an erased connection or a removed alert nothing is sent any more
//!   (test: `nothing_is_sent_of_a_removed_alert_or_an_erased_connection`).
//! - An outage of a receiver costs no event
//!   (test: `a_receiver_that_was_away_gets_all_that_waited_and_nothing_is_given_up`).
//! - Nothing that a receiver says is stored or logged
//!   (test: `nothing_that_a_receiver_says_is_kept`).
//! - Mail goes only over TLS, to a relay whose certificate has its name
//!   (test: `a_relay_with_the_certificate_of_another_name_gets_nothing`).
//! - Many events at once become few mails, and each is told
//!   (test: `mail_tells_each_event_in_order_whatever_is_killed_and_a_storm_is_few_mails`).

mod cursor;
mod delivery;
mod letters;
mod mail;
mod message;
mod pace;
mod receiver;
mod worker;

#[cfg(test)]
mod tests;

pub use delivery::{Delivery, DeliveryOptions};
pub use mail::{Relay, RelayError, RelayOptions, RelayUrl};
pub use pace::Pace;
