//! Versions of records.
//!
//! A record has two: that of its metadata, the field `record`, and that of its event's data, the
//! field `schema`. Stored records are not rewritten for a new version, so every version that was
//! ever written is read, and becomes today's event.
//!
//! | Metadata | What is new |
//! |---|---|
//! | 1 | has no field `record` |
//! | 2 | `epoch`, `clock`, `key`, `address` |
//! | 3 | `fingerprint`; without it, the command has no receipt |
//!
//! | Data | Version | What is new |
//! |---|---|---|
//! | all of a connection | 0 | nothing but what is left after its erasure; see `erased_v1.rs` |
//! | `secret_rotated` | 2 | `former`; without it, the former generation is retired at once |
//! | `secret_rotated` | 3 | `compromised`, without which no value is known to others |
//! | `secret_rotated` | 3 | `reference` in place of `sealed` |
//! | `connection_created`, `connection_updated`, `connection_reverted` | 2 | the same |
//! | `destination_changed`, `destination_reverted` | 2 | the same |
//!
//! To change the data of an event type: keep the form of the old version in `event_v1.rs`, and
//! have its arm in `DataSeed` convert what it reads to today's event. Add an arm for the new
//! version, and its line to `LATER`. Golden pairs of the old version stay, and a test reads them.

/// The version of the metadata that is written.
pub const METADATA_VERSION: u32 = 3;

/// Event types whose data is written in a later version than 1.
const LATER: &[(&str, u32)] = &[
    ("connection_created", 2),
    ("connection_updated", 2),
    ("destination_changed", 2),
    ("secret_rotated", 3),
    ("connection_reverted", 2),
    ("destination_reverted", 2),
];

/// Returns the first version of an event type's data in which a secret may be a reference.
pub(super) fn first_with_references(type_name: &str) -> Option<u32> {
    match type_name {
        "connection_created"
        | "connection_updated"
        | "destination_changed"
        | "connection_reverted"
        | "destination_reverted" => Some(2),
        "secret_rotated" => Some(3),
        _ => None,
    }
}

/// Returns the version in which the data of an event type is written. All up to it are read.
pub fn data_version(type_name: &str) -> u32 {
    LATER.iter().find(|(later, _)| *later == type_name).map_or(1, |(_, version)| *version)
}

/// Returns the version of the metadata of the first records with some version of an event type's
/// data. Later types and versions have none of earlier versions.
pub fn first_metadata_version(type_name: &str, data_version: u32) -> u32 {
    match type_name {
        "token_blocked"
        | "token_unblocked"
        | "destination_changed"
        | "destination_reverted"
        | "former_retired"
        | "former_end_set"
        | "rotation_cancelled"
        | "connection_erased"
        | "secret_confirmed"
        | "consumer_removed"
        | "secret_handed_over"
        | "api_key_handed_over"
        | "handover_used"
        | "handover_ended"
        | "secret_overdue"
        | "connection_tested"
        | "provider_token_refreshed"
        | "provider_token_failed"
        | "connection_authorized"
        | "secret_policy_set"
        | "secret_policy_removed"
        | "alert_created"
        | "alert_updated"
        | "alert_secret_rotated"
        | "alert_tested"
        | "alert_replayed"
        | "alert_disabled"
        | "alert_removed"
        | "secrets_leased"
        | "secret_lease_renewed"
        | "leased_secrets_read"
        | "secret_leases_ended"
        | "workspace_leases_ended"
        | "master_key_rotated"
        | "data_keys_rewrapped"
        | "master_key_retired"
        | "ledger_sealed"
        | "ledger_unsealed" => 3,
        "connection_created" | "connection_updated" | "connection_reverted" | "secret_rotated"
            if data_version > 1 =>
        {
            3
        }
        _ => 1,
    }
}
