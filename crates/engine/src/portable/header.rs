//! The first line: what the lines are, of which ledger, and everything that is stored once.

use std::fmt::Display;
use std::str::FromStr;

use base64::engine::general_purpose::STANDARD;
use ledger_contract::records::METADATA_VERSION;
use ledger_contract::time;
use ledger_domain::{ConnectionId, Incarnation, LedgerId, Micros, Position};
use ledger_store::tables::{founding, meta};
use ledger_store::{Batch, Store};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Portable;
use crate::alerts::{put_sent_up_to, sent_up_to};
use crate::errors::{Fault, RestoreError};
use crate::identity::Identity;
use crate::times;

/// The version of the portable form that this program writes, and the newest that it reads.
pub const PORTABLE_VERSION: u32 = 3;

/// The first line of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    portable_ledger: u32,
    /// The version of the program that wrote it.
    program: String,
    /// The newest version of records.
    records: u32,
    #[serde(with = "as_text")]
    pub(super) ledger: LedgerId,
    #[serde(with = "as_text")]
    pub(super) incarnation: Incarnation,
    pub(super) epoch: u64,
    /// The position of the last event.
    position: u64,
    /// The times of the first and the last event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<Times>,
    pub(super) founding: Founding,
    settings: Settings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    #[serde(with = "as_time")]
    first: Micros,
    #[serde(with = "as_time")]
    last: Micros,
}

/// What the ledger was made with; see [`founding`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Founding {
    #[serde(with = "as_base64")]
    pub(super) key_check: Vec<u8>,
    #[serde(with = "as_base64")]
    pub(super) fingerprint_key: Vec<u8>,
    #[serde(with = "as_base64")]
    pub(super) mac_key: Vec<u8>,
}

/// What the ledger remembers beside the log, and cannot derive from it; see [`meta`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    requires_sealed: bool,
    journal_removed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    curve_key: Option<Wrapped>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former_curve_key: Option<FormerCurveKey>,
    /// Logins of the managed NATS server, so that clients of the ledger find it after a restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nats_login: Option<Wrapped>,
    /// Ids of connections that are still to be erased again. Since version 2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    erase_again: Vec<Marked>,
    /// After which event the messages of each alert are sent again. Since version 3.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alerts: Vec<SentAlert>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Wrapped(#[serde(with = "as_base64")] Vec<u8>);

/// A connection that is to be erased again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Marked(#[serde(with = "as_text")] ConnectionId);

/// How far the messages of an alert are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SentAlert {
    /// The position of the event by which the alert was created.
    alert: u64,
    /// The position after which messages are sent again.
    after: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FormerCurveKey {
    #[serde(with = "as_time")]
    until: Micros,
    wrapped: Wrapped,
}

/// The history from which the ledger was restored, and the last position that both have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Origin {
    #[serde(with = "as_text")]
    incarnation: Incarnation,
    position: u64,
}

/// The members by which any version of the header is recognized.
#[derive(Deserialize)]
struct Versions {
    portable_ledger: u32,
    #[serde(default)]
    records: u32,
}

impl Header {
    /// Describes a ledger.
    pub(super) fn of(portable: &Portable) -> Result<Self, Fault> {
        loop {
            let header = Self::read_from(portable)?;
            // A rotation of the master key replaces this and other secrets in one batch.
            let key_check = founding::get(&portable.store, founding::KEY_CHECK)?;
            if key_check.as_ref() == Some(&header.founding.key_check) {
                return Ok(header);
            }
        }
    }

    fn read_from(portable: &Portable) -> Result<Self, Fault> {
        let Portable { store, identity, position, .. } = portable;
        let required = |name: &'static str| {
            let value = founding::get(store, name)?;
            value.ok_or_else(|| Fault::Damaged(format!("the ledger has no {name}")))
        };
        let former = meta::former_curve_key(store)?;
        let former_curve_key =
            former.map(|(until, wrapped)| FormerCurveKey { until, wrapped: Wrapped(wrapped) });
        let origin = meta::origin(store)?;
        Ok(Self {
            portable_ledger: PORTABLE_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            records: METADATA_VERSION,
            ledger: identity.ledger,
            incarnation: identity.incarnation,
            epoch: identity.epoch,
            position: position.get(),
            times: Times::of(store, *position)?,
            founding: Founding {
                key_check: required(founding::KEY_CHECK)?,
                fingerprint_key: required(founding::FINGERPRINT_KEY)?,
                mac_key: required(founding::MAC_KEY)?,
            },
            settings: Settings {
                requires_sealed: meta::requires_sealed(store)?,
                journal_removed: meta::journal_removed(store)?,
                curve_key: meta::curve_key(store)?.map(Wrapped),
                former_curve_key,
                nats_login: meta::nats_login(store)?.map(Wrapped),
                erase_again: meta::erase_again(store)?.into_iter().map(Marked).collect(),
                alerts: sent_up_to(store, *position)?.into_iter().map(SentAlert::of).collect(),
            },
            origin: origin.map(|(incarnation, last)| Origin { incarnation, position: last.get() }),
        })
    }

    /// Reads the first line. Whether it is authentic is for the caller to check, who gets the keys
    /// from it.
    pub(super) fn read(line: &[u8]) -> Result<Self, RestoreError> {
        let foreign = |_| RestoreError::Foreign { line: 1 };
        let versions: Versions = serde_json::from_slice(line).map_err(foreign)?;
        for (what, found, known) in [
            ("the portable form", versions.portable_ledger, PORTABLE_VERSION),
            ("the form of the records", versions.records, METADATA_VERSION),
        ] {
            if found > known {
                return Err(RestoreError::Newer { what, found, known });
            }
        }
        let mut members: serde_json::Value = serde_json::from_slice(line).map_err(foreign)?;
        if let Some(members) = members.as_object_mut() {
            members.remove("mac");
        }
        serde_json::from_value(members).map_err(foreign)
    }

    pub(super) fn identity(&self) -> Identity {
        let Self { ledger, incarnation, epoch, .. } = *self;
        Identity { ledger, incarnation, epoch }
    }

    pub(super) fn position(&self) -> Position {
        Position::new(self.position)
    }

    /// Returns the times of the first and the last event, if there is one.
    pub(super) fn times(&self) -> Option<(Micros, Micros)> {
        self.times.map(|times| (times.first, times.last))
    }

    /// Adds the settings to `batch`.
    pub(super) fn put_settings(&self, batch: &mut Batch, store: &Store) {
        let settings = &self.settings;
        meta::put_requires_sealed(batch, store, settings.requires_sealed);
        meta::put_journal_removed(batch, store, settings.journal_removed);
        if let Some(Wrapped(wrapped)) = &settings.curve_key {
            meta::put_curve_key(batch, store, wrapped);
        }
        if let Some(FormerCurveKey { until, wrapped }) = &settings.former_curve_key {
            meta::put_former_curve_key(batch, store, *until, &wrapped.0);
        }
        if let Some(Wrapped(sealed)) = &settings.nats_login {
            meta::put_nats_login(batch, store, sealed);
        }
        for Marked(id) in &settings.erase_again {
            meta::put_erase_again(batch, store, *id);
        }
        for SentAlert { alert, after } in &settings.alerts {
            put_sent_up_to(batch, store, Position::new(*alert), Position::new(*after));
        }
    }
}

impl SentAlert {
    fn of((alert, after): (Position, Position)) -> Self {
        Self { alert: alert.get(), after: after.get() }
    }
}

impl Times {
    fn of(store: &Store, position: Position) -> Result<Option<Self>, Fault> {
        if position == Position::ZERO {
            return Ok(None);
        }
        let first = times::recorded_at(store, Position::new(1))?;
        Ok(Some(Self { first, last: times::recorded_at(store, position)? }))
    }
}

/// Ids as text.
mod as_text {
    use super::{Deserialize, Deserializer, Display, FromStr, Serializer, de};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Times as text.
mod as_time {
    use super::{Deserialize, Deserializer, Micros, Serializer, de, time};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(super) fn serialize<S: Serializer>(
        value: &Micros,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time::format(*value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Micros, D::Error> {
        let text = String::deserialize(deserializer)?;
        time::parse("time", &text).map_err(de::Error::custom)
    }
}

/// Bytes as base64.
mod as_base64 {
    use super::{Deserialize, Deserializer, STANDARD, Serializer, de};
    use base64::Engine as _;

    pub(super) fn serialize<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&STANDARD.encode(value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            portable_ledger: PORTABLE_VERSION,
            program: "0.1.0".to_owned(),
            records: METADATA_VERSION,
            ledger: LedgerId::from_bytes([1; 16]),
            incarnation: Incarnation::from_bytes([2; 16]),
            epoch: 3,
            position: 9,
            times: Some(Times { first: Micros::new(1), last: Micros::new(2) }),
            founding: Founding {
                key_check: vec![1, 2],
                fingerprint_key: vec![],
                mac_key: vec![255; 7],
            },
            settings: Settings {
                requires_sealed: true,
                journal_removed: 40,
                curve_key: Some(Wrapped(vec![4; 5])),
                former_curve_key: Some(FormerCurveKey {
                    until: Micros::new(5),
                    wrapped: Wrapped(vec![]),
                }),
                nats_login: Some(Wrapped(vec![8])),
                erase_again: vec![Marked(ConnectionId::from_bytes([9; 16]))],
                alerts: vec![SentAlert { alert: 3, after: 8 }],
            },
            origin: Some(Origin { incarnation: Incarnation::from_bytes([6; 16]), position: 7 }),
        }
    }

    #[test]
    fn a_header_is_read_as_it_was_written_with_and_without_what_may_be_absent() {
        let mut header = header();
        for _ in 0..2 {
            let mut text = serde_json::to_value(&header).unwrap();
            text["mac"] = "anything".into();
            assert_eq!(Header::read(text.to_string().as_bytes()).unwrap(), header);
            (header.times, header.origin) = (None, None);
            (header.settings.curve_key, header.settings.former_curve_key) = (None, None);
            header.settings.nats_login = None;
        }
    }

    /// An earlier program takes a header with an unknown member for no header at all. Whoever adds
    /// one raises [`PORTABLE_VERSION`].
    #[test]
    fn the_members_of_a_header_belong_to_its_version() {
        let text = serde_json::to_value(header()).unwrap();
        let names = |part: &serde_json::Value| {
            let mut names: Vec<_> = part.as_object().unwrap().keys().cloned().collect();
            names.sort_unstable();
            names.join(" ")
        };
        assert_eq!(PORTABLE_VERSION, 3);
        assert_eq!(
            names(&text),
            "epoch founding incarnation ledger origin portable_ledger position program records \
             settings times"
        );
        assert_eq!(names(&text["founding"]), "fingerprint_key key_check mac_key");
        assert_eq!(
            names(&text["settings"]),
            "alerts curve_key erase_again former_curve_key journal_removed nats_login requires_sealed"
        );
    }

    #[test]
    fn a_newer_form_is_refused_with_both_numbers_whatever_else_it_has() {
        for (newer, words) in [
            (r#"{"portable_ledger":7,"all":"new"}"#, "the portable form has version 7"),
            (r#"{"portable_ledger":2,"records":99}"#, "the form of the records has version 99"),
        ] {
            let refused = Header::read(newer.as_bytes()).unwrap_err();
            assert!(matches!(refused, RestoreError::Newer { .. }), "{newer}");
            assert!(refused.to_string().contains(words), "{refused}");
        }
    }

    #[test]
    fn what_is_no_header_is_foreign() {
        let unknown = {
            let mut text = serde_json::to_value(header()).unwrap();
            text["more"] = 1.into();
            text.to_string()
        };
        for foreign in ["", "{", "[]", "{}", r#"{"slug":"main"}"#, &unknown] {
            let refused = Header::read(foreign.as_bytes()).unwrap_err();
            assert!(matches!(refused, RestoreError::Foreign { line: 1 }), "{foreign}");
        }
    }
}
