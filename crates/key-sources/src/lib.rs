//! Where the master keys come from: a file, an environment variable, a credential of systemd or
//! the output of a program, each with the same text. A line of it has a key in the clear, or as a
//! key service wrapped it; then that service is asked to open it.
//!
//! And where the values are that references of secret fields lead to: [`References`] follows them.
//!
//! Start with [`MasterKeySource`], then read `services/mod.rs`. The form of the text, and the check
//! that an opened key is the one that its line names, belong to `ledger-vault`.
//!
//! This is the only crate that talks to key services and stores of secrets. A key passes through
//! buffers of the HTTP libraries there; the program's allocator wipes them when they are freed,
//! which is when the keys are read.
//!
//! # Invariants
//!
//! - Every source has the same text with the same checks
//!   (test: `every_source_has_the_same_text_and_the_same_checks`).
//! - No error has a key, a token or a ciphertext (test: `no_error_repeats_what_was_sent`).
//! - What a program prints is in no error (test: `what_a_program_prints_is_in_no_error`).
//! - A wrapped key opens only as the key that its line names
//!   (test: `a_wrapped_key_is_bound_to_its_id_and_its_key_at_the_service`).
//! - A key service is asked over TLS, except on this machine or if the operator says so
//!   (test: `a_key_service_needs_tls_except_on_this_machine`).
//! - A reference leads only to what the operator allowed
//!   (test: `what_is_allowed_is_a_name_or_the_beginning_of_one`), and no link leads out of an
//!   allowed folder
//!   (test: `a_file_is_read_within_its_folder_and_nowhere_else`).
//! - What a service said is kept only for its time and within its limits
//!   (test: `contents_go_after_their_time_whether_or_not_anybody_asks`).
//! - Only what may be over later is tried again: an absent service, not a refusal
//!   (test: `a_service_that_is_away_is_asked_again_and_a_refusal_is_final`).

mod source;
mod words;

mod program;
mod quote;

mod error;
mod reader;
mod references;
mod services;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use error::{ServiceError, SourceError};
pub use ledger_outgoing::Plain;
pub use program::ProgramError;
pub use reader::{MasterKeySource, Patience, Settings, wrap};
pub use references::{
    AllowedReference, FollowError, FollowFault, InvalidAllowance, ReferenceOptions, References,
};
pub use services::ServiceKey;
pub use source::{InvalidSource, Source};
