//! The event by which a connection is erased, and what is left of those before it.
//!
//! What is left has version 0 of the data of its event type, whatever that type is:
//!
//! ```text
//! {"fields":["details.config.base_url","secrets.api_key"],"sha256":"…","workspace":"default"}
//! ```
//!
//! The metadata stay as they were, but for the fingerprint of the command, which follows from its
//! values: it is all zeros, which no command has. The digest is that of the record as it was
//! stored, so that whoever has that can show that it stood here.

use std::fmt::Write as _;

use ledger_domain::{CheckedText as _, Emptied, Event, Line, Position, Prose, Slug, WorkspaceName};
use schemars::{JsonSchema, Schema, schema_for};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::decode::{Versioned, decode_versioned};
use super::repeats::{Repeats, StoredFingerprint};
use super::{Happened, Record, RecordError, encode_event};
use crate::shape::{Read, Written};

/// The version of the data of what is left of an event.
pub(super) const EMPTIED: u32 = 0;
/// The fingerprint of a command of which nothing is to be told any more.
const NO_FINGERPRINT: StoredFingerprint = StoredFingerprint([0; 16]);
/// Objects whose members are named one by one.
const NAMED: [&str; 4] = ["details", "config", "secrets", "generations"];
/// Digits of a digest.
const DIGEST_DIGITS: usize = 64;

#[derive(Serialize)]
struct ErasedOut<'a> {
    slug: Written<'a, Slug>,
    reason: Written<'a, Prose>,
}

#[derive(Serialize)]
struct EmptiedOut<'a> {
    fields: Vec<&'a str>,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<&'a str>,
}

/// The data of an event about erasure, to serialize. Other events are not written here.
pub(super) struct ErasureOut<'a>(pub(super) &'a Event);

impl Serialize for ErasureOut<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Event::Erased { slug, reason } => {
                ErasedOut { slug: Written(slug), reason: Written(reason) }.serialize(s)
            }
            Event::Emptied(emptied) => EmptiedOut {
                fields: emptied.fields.iter().map(Line::as_str).collect(),
                sha256: to_hex(&emptied.digest),
                workspace: emptied.workspace.as_ref().map(WorkspaceName::as_str),
            }
            .serialize(s),
            _ => Err(serde::ser::Error::custom("not an event about erasure")),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
struct ErasedIn {
    #[schemars(with = "String")]
    slug: Read<Slug>,
    #[schemars(with = "String")]
    reason: Read<Prose>,
}

/// What is left of an event of a connection that was erased.
#[derive(Deserialize, JsonSchema)]
struct EmptiedIn {
    /// The names of the fields that the event had.
    #[schemars(with = "Vec<String>")]
    fields: Vec<Read<Line>>,
    /// The SHA-256 digest of the record as it was stored, in hexadecimal digits.
    sha256: String,
    /// The home workspace, if the event created the connection.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    workspace: Option<Read<WorkspaceName>>,
}

/// Returns whether [`read`] reads the data of an event type in a version.
pub(super) fn is_known(type_name: &str, schema: u32) -> bool {
    match schema {
        EMPTIED => emptied_type(type_name).is_some(),
        1 => type_name == "connection_erased",
        _ => false,
    }
}

/// Reads the data of an event about erasure.
pub(super) fn read<'de, D: Deserializer<'de>>(
    type_name: &str,
    schema: u32,
    d: D,
) -> Result<Event, D::Error> {
    if schema != EMPTIED {
        let ErasedIn { slug, reason } = ErasedIn::deserialize(d)?;
        return Ok(Event::Erased { slug: slug.0, reason: reason.0 });
    }
    let type_name =
        emptied_type(type_name).ok_or_else(|| D::Error::custom("unknown event type"))?;
    let EmptiedIn { fields, sha256, workspace } = EmptiedIn::deserialize(d)?;
    Ok(Event::Emptied(Box::new(Emptied {
        type_name,
        workspace: workspace.map(|read| read.0),
        fields: fields.into_iter().map(|read| read.0).collect(),
        digest: from_hex(&sha256).ok_or_else(|| D::Error::custom("not a SHA-256 digest"))?,
    })))
}

/// Returns the schema of the data of such an event.
pub(super) fn schema(type_name: &str, version: u32) -> Option<Schema> {
    match version {
        EMPTIED => emptied_type(type_name).map(|_| schema_for!(EmptiedIn)),
        _ => (type_name == "connection_erased").then(|| schema_for!(ErasedIn)),
    }
}

/// Returns the stored name of a type whose events can be emptied.
fn emptied_type(type_name: &str) -> Option<&'static str> {
    let known = Event::TYPE_NAMES.into_iter().find(|known| *known == type_name);
    known.filter(|known| *known != "connection_erased")
}

/// Returns what replaces a stored record of a connection that was erased; `None` if the record is
/// to stay, because it was replaced before or because it says that the connection was erased.
/// `digest` is the SHA-256 digest of `record`.
pub fn emptied(
    position: Position,
    record: &[u8],
    digest: [u8; 32],
) -> Result<Option<Vec<u8>>, RecordError> {
    let Versioned { metadata_version, record: read } = decode_versioned(position, record)?;
    let Record { mut metadata, happened } = read;
    let event = match happened {
        Happened::Connection(Event::Erased { .. } | Event::Emptied(_)) => return Ok(None),
        Happened::Connection(event) => event,
        _ => {
            let source = serde_json::Error::custom("it is no event of a connection");
            return Err(RecordError { position, source });
        }
    };
    metadata.fingerprint = match Repeats::of(metadata_version, metadata.fingerprint) {
        Repeats::Never => None,
        Repeats::Unknown | Repeats::By(_) => Some(NO_FINGERPRINT),
    };
    let source = |source| RecordError { position, source };
    let Data { data } = serde_json::from_slice(record).map_err(source)?;
    let mut fields = Vec::new();
    add_names(&mut fields, "", &data);
    let emptied = Emptied {
        type_name: event.type_name(),
        workspace: match event {
            Event::Created(draft) => Some(draft.workspace),
            _ => None,
        },
        fields,
        digest,
    };
    let mut bytes = Vec::with_capacity(record.len());
    encode_event(&mut bytes, &metadata, &Event::Emptied(Box::new(emptied)));
    Ok(Some(bytes))
}

/// The event's data in a record.
#[derive(Deserialize)]
struct Data {
    data: Value,
}

/// Adds the names of an object's members, and of the members of those that hold fields.
fn add_names(names: &mut Vec<Line>, before: &str, value: &Value) {
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        let path = format!("{before}{name}");
        match member {
            Value::Object(_) if NAMED.contains(&name.as_str()) => {
                add_names(names, &format!("{path}."), member);
            }
            _ => names.push(Line::stored(path.into())),
        }
    }
}

fn to_hex(digest: &[u8; 32]) -> String {
    digest.iter().fold(String::with_capacity(DIGEST_DIGITS), |mut text, byte| {
        // Writing to a string cannot fail.
        let (Ok(()) | Err(_)) = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != DIGEST_DIGITS || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in digest.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(digest)
}
