//! Versions of records.
//!
//! A record has two: that of its metadata, the field `record`, and that of its event's data, the
//! field `schema`. Stored records are never rewritten, so every version that was ever written is
//! read, and becomes today's event.
//!
//! | Metadata | What is new |
//! |---|---|
//! | 1 | has no field `record` |
//! | 2 | `epoch`, `clock`, `key`, `address` |
//! | 3 | `fingerprint`; without it, the command has no receipt |
//!
//! | Data | Version | What is new |
//! |---|---|---|
//! | `secret_rotated` | 2 | `former`; without it, the former generation is retired at once |
//!
//! To change the data of an event type: keep the form of the old version in `event_v1.rs`, and
//! have its arm in `DataSeed` convert what it reads to today's event. Add an arm for the new
//! version, and its line to `LATER`. Golden pairs of the old version stay, and a test reads them.

/// The version of the metadata that is written.
pub const METADATA_VERSION: u32 = 3;

/// Event types whose data is written in a later version than 1.
const LATER: &[(&str, u32)] = &[("secret_rotated", 2)];

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
        | "secret_confirmed"
        | "consumer_removed"
        | "master_key_rotated"
        | "data_keys_rewrapped"
        | "master_key_retired" => 3,
        "secret_rotated" if data_version > 1 => 3,
        _ => 1,
    }
}
