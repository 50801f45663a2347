//! What a connection is, what principals are, and which changes are legal.
//!
//! Pure rules without serde, async, clock, randomness, I/O or plaintext secrets. Not here: the
//! stored form of events (`ledger-contract`), their storage (`ledger-store`), and the execution of
//! commands (`ledger-engine`).
//!
//! Read first: [`Connection`] (the state), [`Command`] and [`Event`], then [`decide`] and
//! [`evolve`].
//!
//! The table of legal transitions is in the documentation of `connection/decide.rs`. Limits are in
//! `limits.rs`, alphabets in `text.rs`. Secrets occur here only as [`Sealed`].
//!
//! # Invariants
//!
//! - No master key is retired before everything is wrapped under another one
//!   (test: `a_key_is_rotated_rewrapped_and_retired_in_this_order_only`).
//! - Every command has a defined answer in every state of a connection
//!   (test: `every_command_has_its_answer_in_every_state`).
//! - A former generation is given out until its end and not after it, at most one of a field at a
//!   time (test: `a_former_generation_is_given_out_until_its_end_and_no_longer`).
//! - A handover is used once (test: `a_handover_is_used_once_and_tells_later_when`).
//! - A value that is compromised does not come back
//!   (test: `a_compromised_value_does_not_come_back_under_any_generation`).
//! - A lease on secrets is its holder's, and ends within a day
//!   (test: `a_lease_is_its_holders_and_ends_within_a_day`).
//! - A replaced signing secret signs until its overlap ends, and no longer
//!   (test: `a_former_signing_secret_signs_until_its_overlap_ends`).
//! - The crate names no wire format, async task, clock or source of randomness
//!   (test: `the_domain_names_no_wire_format_task_clock_or_chance`).

pub mod ids;
pub mod limits;
pub mod text;

pub mod alerts;
pub mod connection;
pub mod consumers;
pub mod generations;
pub mod handover;
pub mod leases;
pub mod ledger;
pub mod policies;
pub mod principal;
pub mod reference;
pub mod reveal;
pub mod secret;
pub mod workspace;

pub use alerts::{
    Alert, AlertChange, AlertCommand, AlertEvent, AlertFacts, AlertHappened, AlertReceiver,
    AlertRevision, AlertSelection, AlertSettings, Alerts, FormerSigning, SignatureScheme, Signing,
    decide_alert,
};
pub use connection::{ACCESS_TOKEN, ProviderToken, REFRESH_TOKEN, RefreshOutcome};
pub use connection::{
    Command, Connection, Emptied, Event, EventFacts, Lifecycle, Rejection, advance, check_expected,
    decide, evolve,
};
pub use consumers::{
    Confirmation, Consumer, ConsumerCommand, ConsumerEvent, Consumers, confirmed_fields,
    decide_consumer,
};
pub use generations::Generations;
pub use handover::{
    Ended, GivenOut, HandOver, HandOverKey, HandedOver, Handover, HandoverCommand, HandoverContent,
    HandoverEnd, HandoverEvent, HandoverId, HandoverSource, KeyHandedOver, decide_hand_over,
    decide_hand_over_key, decide_handover,
};
pub use ids::{
    Actor, ConnectionId, EventId, Expected, Generation, Incarnation, LeaseId, LedgerId,
    MasterKeyId, MessageId, Micros, Position, Version,
};
pub use leases::{
    EndWorkspaceLeases, EndedLeases, LeaseCommand, LeaseEnd, LeaseEvent, LeaseFacts, LeasedReads,
    ReadCount, SecretLease, SecretLeases, TakeLease,
};
pub use ledger::{Ledger, LedgerCommand, LedgerEvent, decide_ledger};
pub use policies::{
    AgeState, MaxAge, Overdue, Policies, PolicyCommand, PolicyEvent, PolicySubject, Rules,
    SecretAge, SecretAges, SecretPolicy, SetPolicy, decide_policy,
};
pub use principal::{
    Principal, PrincipalCommand, PrincipalEvent, PrincipalFacts, decide_principal, evolve_principal,
};
pub use reference::{Reference, ReferenceFormat, ReferenceKind};
pub use reveal::{RevealSecret, SecretRevealed, WantedGeneration, decide_reveal};
pub use secret::{Former, FormerEnd, Held, Hint, NewSecret, Sealed, Secret};
pub use text::{
    AlertName, CheckedText, ConsumerName, FieldName, InvalidField, Json, Line, MailAddress,
    PrincipalName, Prose, Slug, WorkspaceName,
};
pub use workspace::{Workspace, WorkspaceCreated};
