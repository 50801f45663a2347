//! Use cases: executes commands, projects events, answers queries and replays the log.
//!
//! One writer thread decides commands in order, and one committer thread makes them durable in
//! groups. Callers do everything that can precede the decision (reading, authorizing, sealing) in
//! parallel. Transports and table formats belong to other crates.
//!
//! Start with [`Engine`], then read `writer/decider.rs` and `writer/committer.rs` (the life of a
//! command) and `projections` (the contents of the read models).
//!
//! `execute.rs` prepares a command, `outbox.rs` turns the log into notifications, and `replay/`
//! rebuilds read models beside the live ones: `replay/bulk/` with many threads, then
//! `replay/fold.rs` event by event. Only `ports.rs` reads the clock or the random number generator.
//! `policies/` has the rules for new secrets, and records which have become too old. `agenda/` has
//! the threads that look when something ends.
//! `alerts/` finds the events that are told outside, and keeps how far that is.
//! `references/` checks and follows the references that secret fields hold in place of values.
//! `overlaps/` retires former generations of secrets when their end has come.
//! `listings/` asks providers for the models of connections, and keeps the answers for a while.
//! `journal/` keeps what was refused and read, beside the log.
//! `master_keys/` has the master keys in use, and wraps anew what is under former ones. `seal.rs`
//! drops them and takes them back.
//! `portable/` writes a ledger as lines that do not depend on the database, and makes one of them.
//! `admission.rs` has the limits on what is in progress, for all doors, and `readers/` decides
//! where queries run.
//!
//! # Invariants
//!
//! - Replayed read models equal the live ones, whatever the number of threads and passes
//!   (test: `replay_equals_live_after_any_life`).
//! - No file has anything that an erased connection said
//!   (test: `nothing_that_an_erased_connection_said_is_in_any_file`), whenever it was interrupted
//!   (test: `a_kill_at_any_moment_loses_nothing_and_the_next_start_goes_on`). No secret of it is
//!   given out after the answer (test: `whoever_comes_after_the_answer_gets_nothing`).
//! - A connection that a caller may not see is answered like one that does not exist
//!   (test: `what_is_hidden_and_what_is_missing_are_answered_alike`).
//! - Neither deadlines nor response times distinguish the two
//!   (test: `neither_deadlines_nor_a_full_queue_tell_what_is_hidden_from_what_is_missing`).
//! - Neither do the ids of earlier commands
//!   (test: `ids_of_commands_to_what_is_hidden_tell_nothing_of_it`).
//! - A command is decided with the rights that its caller has when it is decided
//!   (test: `who_was_let_in_before_a_loss_may_do_nothing_after_it`), also if its body was still
//!   arriving when they were lost
//!   (test: `what_is_half_sent_when_its_caller_loses_the_right_is_refused`).
//! - No event of a key comes after the event that revoked it
//!   (test: `no_event_of_a_key_comes_after_its_revocation`).
//! - No caller moves a connection into or out of the reach of their own rights
//!   (test: `nobody_moves_a_connection_out_of_or_into_their_reach`).
//! - A caller who holds only `write` gives no other workspace access
//!   (test: `who_may_only_write_lets_nobody_else_in`).
//! - No caller gains a right to a connection by sharing it
//!   (test: `nobody_shares_a_connection_with_a_workspace_where_they_may_do_more`).
//! - A key ends unless somebody asked for one that does not
//!   (test: `a_key_ends_by_default_and_is_warned_of_before`), and before the ceiling
//!   (test: `no_key_is_issued_beyond_the_ceiling_and_earlier_ones_keep_their_end`).
//! - A blocked token opens nothing, and no feed that it opened goes on
//!   (test: `a_feed_ends_when_its_token_or_the_subject_is_blocked`).
//! - A former curve key opens requests until its overlap ends, and no longer
//!   (test: `the_former_curve_key_opens_requests_until_the_overlap_ends`).
//! - No former generation is revealed from its deadline on, whether or not its retirement is
//!   recorded (test: `a_former_generation_is_refused_from_its_deadline_on_and_retired_once`).
//! - Callers at once ask a provider for its models once
//!   (test: `many_callers_at_once_are_one_request`), and what it said to other secrets or settings
//!   is not given out (test: `a_new_secret_or_setting_is_asked_for_anew`).
//! - What a provider lists is told to those who may use or change the connection
//!   (test: `who_may_only_read_and_whom_nobody_describes_get_the_catalogue`).
//! - A secret is recorded as overdue once for each generation, and revealed as before
//!   (test: `a_secret_is_recorded_as_overdue_once_and_revealed_as_before`).
//! - A new value meets the policies of its field, at whatever door it comes in
//!   (test: `a_new_value_meets_the_policies_at_every_door`).
//! - It is retired when the last consumer has confirmed, and no sooner
//!   (test: `the_former_generation_is_revealed_until_the_third_consumer_confirms`).
//! - Of the uses of a handover one wins (test: `of_two_uses_at_the_same_time_exactly_one_wins`),
//!   also across a power cut (test: `what_is_durable_of_a_use_is_the_use`), and its token opens
//!   nothing else (test: `a_token_is_good_for_nothing_else_and_a_guess_is_one`).
//! - A key that is handed over is nowhere but with who received it
//!   (test: `a_key_is_received_once_and_is_nowhere_before`), and is revoked if nobody did
//!   (test: `a_key_that_nobody_received_in_time_is_revoked`).
//! - No reference is followed that the operator does not permit at that moment
//!   (test: `what_is_not_allowed_is_refused_when_it_is_set_and_when_it_is_followed`).
//! - Who may not reveal sets no reference (test: `who_may_not_reveal_sets_no_reference`), and gets
//!   nothing by one from a connection that they may not reveal
//!   (test: `a_connection_that_somebody_may_not_reveal_is_out_of_reach_of_their_references`).
//! - What a reference leads to is in no record
//!   (test: `variables_and_files_are_found_when_a_secret_is_revealed_and_stored_nowhere`).
//! - What a provider answers to a test is repeated without anything of the secrets that were sent
//!   (test: `a_secret_is_not_repeated_in_any_form`).
//! - Of all who ask for a token at once, one asks the token service
//!   (test: `all_who_ask_at_once_wait_for_one_answer`). No grant is lost, and no refresh token used
//!   twice (test: `no_grant_is_lost_and_no_refresh_token_used_twice`). Who comes too late takes the
//!   newer token (test: `a_loser_takes_the_token_of_the_winner_and_is_not_given_up`).
//! - What a person permits is stored once, by one event, in the name of who began the attempt
//!   (test: `a_link_is_good_once_and_its_tokens_are_one_event_of_who_began`), also after a restart
//!   (test: `a_link_outlives_a_restart_and_not_ten_minutes`), and never after what the person saw
//!   was changed (test: `what_is_changed_while_a_person_signs_in_ends_the_attempt`).
//! - A token that has expired is not given out
//!   (test: `an_old_token_is_given_out_while_it_is_valid_and_none_that_is_not`).
//! - Who shares a connection may reveal it (test: `who_shares_a_connection_may_reveal_it`).
//! - A workspace sees of a shared connection what it takes to use it
//!   (test: `a_workspace_sees_of_a_shared_connection_what_it_takes_to_use_it`).
//! - Who administers a workspace gives no right that they lack
//!   (test: `nobody_gives_a_right_that_they_lack`), takes none by the key of another
//!   (test: `nobody_takes_a_right_by_the_key_of_another`), and sees no principals of others
//!   (test: `principals_of_others_look_missing`).
//! - No caller gains a right to a connection by relabeling it
//!   (test: `nobody_labels_a_connection_into_their_reach`).
//! - A connection never grows beyond its limit, and can be switched off and marked at it
//!   (test: `a_connection_grows_to_its_limit_and_still_can_be_marked_disabled_and_made_smaller`).
//! - A state that is too large to be published does not stop other events
//!   (test: `a_state_that_is_too_large_already_is_published_without_it_and_may_only_shrink`).
//! - An earlier state is the same with and without snapshots
//!   (test: `the_state_at_each_version_is_the_same_with_and_without_snapshots`).
//! - A command has a receipt only if its id is the caller's
//!   (test: `only_a_command_with_an_id_of_the_callers_has_a_receipt`).
//! - No page goes on in another history than the one in which the page before it was
//!   (test: `cursors_of_another_history_are_refused_and_receipts_name_the_present_one`).
//! - A lost receipt comes back with the fingerprint that the record has
//!   (test: `lost_receipts_come_back_with_their_fingerprints`), which no reader sees
//!   (test: `no_form_of_an_event_has_the_fingerprint_of_its_command`).
//! - Every refusal that matters is counted once in the audit journal, in few rows, however many
//!   there are (test: `a_flood_of_refusals_is_counted_exactly_in_few_entries`).
//! - The journal keeps to its size and age (test: `the_journal_keeps_to_its_size_and_age`).
//! - It never holds a credential
//!   (test: `attempts_with_wrong_keys_are_told_from_every_door_and_the_keys_are_not`).
//! - A comparison names an entry of it that is missing or altered
//!   (test: `a_missing_or_altered_entry_is_named_by_a_comparison`).
//! - A refusal that cannot be recorded stands
//!   (test: `what_cannot_be_stored_is_refused_all_the_same_and_counted_in_memory`).
//! - While read models are rebuilt, commands go on, and lists are refused or complete
//!   (test: `commands_go_on_while_lists_and_audit_are_rebuilt`).
//! - Queries that read many rows run on threads of lower priority, and others do not
//!   (test: `scans_run_at_low_priority_and_lookups_do_not`).
//! - No more of them run at once than the limit says
//!   (test: `at_most_as_many_scans_run_at_once_as_there_are_threads`).
//! - They run in the order of their arrival (test: `scans_run_in_the_order_of_arrival`).
//! - One caller cannot take all places of the others
//!   (test: `a_caller_has_a_share_of_the_scans_and_leaves_places_to_others`).
//! - A row that was edited without the master key is named by a comparison and by whoever reads it,
//!   and a start that reads it is refused
//!   (test: `every_altered_row_is_named_by_a_comparison_and_refused_by_a_start_that_reads_it`).
//! - An edited directory does not pass as one whose rows have no MACs yet
//!   (test: `an_edit_is_not_blessed_by_claiming_an_earlier_format_or_another_key`).
//! - Nothing is published from an altered record on
//!   (test: `nothing_is_published_from_an_altered_record_on`).
//! - Bitmaps and orders decide about no right
//!   (test: `an_edited_bitmap_shows_nobody_what_is_not_theirs`).
//! - Who may not reveal a secret does not have it sent elsewhere
//!   (test: `who_may_only_write_sends_no_secret_elsewhere`).
//! - No changed setting holds a secret in the clear
//!   (test: `a_setting_that_holds_a_secret_is_refused_with_its_place_and_nothing_is_stored`).
//! - What is hidden is shown in no earlier event or state to those who may not reveal
//!   (test: `what_was_moved_to_the_secrets_is_hidden_wherever_it_stood`).
//! - No two commands pass where a quota has room for one
//!   (test: `of_two_at_once_one_takes_the_last_place_of_a_quota`), and after a restart as much is
//!   used as before it (test: `what_is_used_is_known_after_a_restart`).
//! - Whoever has a share uses up no quota of the owner
//!   (test: `a_workspace_with_a_share_uses_up_its_own_reveals`).
//! - Events are found by what the clock said, also if it was ahead for a moment
//!   (test: `events_after_a_clock_that_was_ahead_are_found_by_their_own_time`).
//! - A ledger that was made of another one's lines answers as that one did
//!   (test: `a_ledger_made_of_an_export_answers_as_the_first_did`), and is another history of it
//!   (test: `a_restored_ledger_is_a_new_history_that_knows_the_former`).
//! - A line that was changed, moved or doubled, or is missing, is named, and nothing that counts as
//!   a ledger is left (test: `whatever_is_done_to_an_export_is_named_and_leaves_no_ledger`).
//! - Restored up to a position or a time, a ledger is as it was then
//!   (test: `restored_up_to_a_position_or_a_time_a_ledger_is_as_it_was_then`).
//! - With another master key, or into a folder that is not empty, nothing is written
//!   (test: `nothing_is_written_with_another_key_into_a_full_folder_or_for_an_unknown_target`).
//! - After a rotation nothing is stored under a former master key
//!   (test: `commands_of_before_a_rotation_leave_nothing_under_the_former_key`), and what was is
//!   gone from the files before that is recorded
//!   (test: `everything_moves_to_the_new_key_and_the_former_can_go`).
//! - Master keys that are not whole, or lack one that is needed, change nothing
//!   (test: `what_is_not_whole_changes_nothing_and_is_named`).
//! - A sealed ledger has no master key and no data key in memory
//!   (test: `neither_the_master_key_nor_a_secret_is_in_the_memory_of_a_sealed_server`), and a
//!   restart keeps it sealed
//!   (test: `a_sealed_ledger_opens_sealed_and_unseals_with_its_keys_only`).
//! - No secret leaves after the ledger was sealed
//!   (test: `no_secret_leaves_and_none_is_stored_after_the_seal_was_answered`).
//! - No answer, not even a refusal, depends on a write that failed
//!   (test: `no_answer_rests_on_a_write_that_failed`).
//! - What the writer of a shared log decided, a follower has byte for byte
//!   (test: `a_follower_has_what_the_writer_decided_byte_for_byte`).
//! - The tree over the log follows from the log alone, whatever was erased and whenever a process
//!   ended (test: `the_tree_is_that_of_the_records_whatever_was_erased_and_killed`), and no
//!   checkpoint contradicts one that was seen before
//!   (test: `a_log_that_contradicts_a_checkpoint_signs_no_other`).
//! - A group that a shared log did not take leaves nothing, and one that it took is found again
//!   (test: `a_group_that_was_not_appended_leaves_nothing_and_one_that_was_is_found_again`).

mod curve_keys;
mod derived;
mod errors;
mod founding;
mod models;
mod nats_login;
mod ports;

mod access;
mod admission;
mod agenda;
mod alerts;
mod backups;
mod destination;
mod engine;
mod erasure;
mod execute;
mod executed;
mod exposure;
mod fence;
mod fingerprint;
mod handovers;
mod history;
mod http_status;
mod identity;
mod inspect;
mod journal;
mod keeper;
mod leases;
mod listings;
mod master_keys;
mod metrics;
mod operations;
mod outbox;
mod overlaps;
mod own_work;
mod policies;
mod portable;
mod projections;
mod provider_tokens;
mod queries;
mod quotas;
mod readers;
mod redaction;
mod references;
mod refusals;
mod replay;
mod replication;
mod request;
mod reveal;
mod seal;
mod secrets;
mod shares;
mod tail;
mod times;
mod transparency;
mod trials;
mod writer;

pub use access::{Caller, Claim, LiveCaller, VerifyToken};
pub use admission::{AdmissionLimits, MESSAGE_BYTES_MAX};
pub use alerts::{
    AlertCounts, AlertReader, AlertScan, AlertState, AlertStore, AlertWrites, AllAlerts,
    ReplayedLetters,
};
pub use backups::Backups;
pub use curve_keys::OpenedRequest;
pub use engine::{Engine, EngineOptions};
pub use errors::{
    AuthenticateError, ConnectionUnknown, DeadlineExpired, ExecuteError, Fault, Forbidden,
    LiveCallerError, MasterKeysError, OpenError, PortableError, QueryError, ReferenceError,
    ReplayError, RestoreError, SealedError, Unavailable, log_fault,
};
pub use execute::CommandRequest;
pub use executed::Executed;
pub use fence::Fence;
pub use fingerprint::{BodyDigest, Received};
pub use http_status::HttpStatusSource;
pub use identity::{Identity, Origin};
pub use inspect::Inspected;
pub use journal::{Attempt, JournalOptions};
pub use leases::{SecretsAnswer, SecretsInFlight};
pub use listings::{ModelsRefusal, NotListed};
pub use operations::Operation;
pub use outbox::{Outbox, OutboxItem};
pub use policies::Violated;
pub use portable::{
    ErasedConnection, EventsWritten, PORTABLE_VERSION, Portable, PortableKeys, Restoration,
    RestoreOptions, RestoreStage, Restored, StateWritten, Taken, Until, WholeWritten,
};
pub use ports::{Clock, IdSource, Ports, Randomness};
pub use provider_tokens::{
    CallbackAnswer, ConnectImpossible, ConnectedByPerson, NotConnected, RefreshImpossible,
    TokenRefusal,
};
pub use queries::{
    Keep, ListAsOf, ListOptions, ListResult, QueryAnswer, Reader, VersionLine, Versions,
};
pub use quotas::{Quota, QuotaExceeded, Quotas};
pub use readers::{Effort, lower_priority};
pub use references::{FollowReference, Followed, ReferenceFault, ReferenceProblem};
pub use replay::ReplayLimits;
pub use replication::{
    Anew, Appended, FollowedGroup, GroupLog, HANDOVER_NAMES, LogOf, NotShareable, StreamPlace,
    ValueBeside,
};
pub use request::RequestContext;
pub use reveal::{RevealRequest, Revealed};
pub use shares::{NoPlace, Place, Shares};
pub use transparency::{
    CheckpointRefused, LogFault, ProofOf, Recount, RecountReport, Recounted, SeenAt,
};
pub use trials::{
    LoggingIn, Scheduled, SendTest, Sending, SentLogin, SentTest, TestImpossible, TestSchedule,
    TestScheduleRule,
};

pub use ledger_store::{Poison, ROOM_NEEDED_BYTES, Room, open_files_max};
