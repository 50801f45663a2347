//! Messages of the log stream, which the nodes of a cluster share.
//!
//! ```text
//! subject <prefix>.log, header Ledger-Mac: the code of the body at its sequence, base64
//! {"version":1,"term":{"epoch":7,"node":"eu-1","position":41,"event":"…"}}
//! {"version":1,"group":{"first":42,"part":1,"parts":1,"records":[…],"receipts":[…],…}}
//! ```
//!
//! A *term* begins when a node becomes the writer. A *group* has what was decided together: the
//! stored bytes of its records, and what does not follow from them. A group that exceeds the
//! server's payload has several parts, which are consecutive messages; it counts once its last part
//! is stored. Values under keys are in the bucket of the log and not in the message, so that they
//! can be destroyed.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::alerts::{AlertProgress, DeadLetter, HeldEvent};

/// The only version so far.
pub const VERSION: u32 = 1;

/// One message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogMessage<'a> {
    /// The version of its form.
    pub version: u32,
    /// The beginning of a term.
    #[serde(default)]
    pub term: Option<Term>,
    /// A part of a group.
    #[serde(default, borrow)]
    pub group: Option<GroupPart<'a>>,
}

/// The beginning of a term.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Its number, which is higher than that of every term before.
    pub epoch: u64,
    /// The name of the writer.
    pub node: String,
    /// The last position of the log.
    pub position: u64,
    /// The id of the event there, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

/// A part of a group.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupPart<'a> {
    /// The position of the first record of this part.
    pub first: u64,
    /// The number of this part, from 1 on.
    pub part: u32,
    /// The number of parts.
    pub parts: u32,
    /// The stored bytes of its records.
    #[serde(borrow)]
    pub records: Vec<&'a RawValue>,
    /// What the last part has besides.
    #[serde(default)]
    pub beside: Beside,
}

/// What a group has besides records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// The receipts of its commands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<StoredReceipt>,
    /// The rows of handovers, one for each record about a handover, in order and without what is
    /// sealed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handovers: Vec<Box<str>>,
    /// The keys in the bucket of the log under which there are values of this group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Box<str>>,
    /// How far the messages of alerts are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<AlertRows>,
}

/// How far the messages of an alert are, as far as that has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertRows {
    /// The position that the alert is known by.
    pub alert: u64,
    /// Up to where its events were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<AlertProgress>,
    /// Events that wait, by position; none for those that do not wait any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<(u64, Option<HeldEvent>)>,
    /// Dead letters, by position; none for those that are no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub letters: Vec<(u64, Option<DeadLetter>)>,
}

/// The receipt of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredReceipt {
    /// The workspace to which the command was sent.
    pub workspace: Box<str>,
    /// Its id.
    pub command: Box<str>,
    /// The connection, if it was about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Box<str>>,
    /// The version of the stream after it.
    pub version: u64,
    /// The position of its event.
    pub position: u64,
    /// When it was recorded, in microseconds since 1970.
    pub recorded_at: i64,
    /// The fingerprint.
    pub fingerprint: [u8; 16],
}

/// Returns the body of the beginning of a term.
pub fn encode_term(term: &Term) -> Vec<u8> {
    #[derive(Serialize)]
    struct Message<'a> {
        version: u32,
        term: &'a Term,
    }
    serde_json::to_vec(&Message { version: VERSION, term }).expect("a term has a JSON form")
}

/// Returns the bodies of the parts of a group, none of which exceeds `bytes_max`, unless a single
/// record or what is beside them does.
pub fn encode_group(
    first: u64,
    records: &[&[u8]],
    beside: &Beside,
    bytes_max: usize,
) -> Vec<Vec<u8>> {
    let beside = serde_json::to_vec(beside).expect("what is beside records has a JSON form");
    let pieces = pieces(records, beside.len(), bytes_max);
    let parts = pieces.len();
    let mut position = first;
    let mut bodies = Vec::with_capacity(parts);
    for (index, piece) in pieces.into_iter().enumerate() {
        let part = index + 1;
        let mut body = format!(
            "{{\"version\":{VERSION},\"group\":{{\"first\":{position},\"part\":{part},\
             \"parts\":{parts},\"records\":["
        )
        .into_bytes();
        for (number, record) in piece.iter().enumerate() {
            if number > 0 {
                body.push(b',');
            }
            body.extend_from_slice(record);
        }
        body.push(b']');
        if part == parts {
            body.extend_from_slice(b",\"beside\":");
            body.extend_from_slice(&beside);
        }
        body.extend_from_slice(b"}}");
        position += piece.len() as u64;
        bodies.push(body);
    }
    bodies
}

/// Room for what a body has around its records.
const FRAME_BYTES: usize = 256;

/// Divides records among parts. The last part has room for what is beside them.
fn pieces<'a, 'r>(
    records: &'a [&'r [u8]],
    beside_bytes: usize,
    bytes_max: usize,
) -> Vec<&'a [&'r [u8]]> {
    let room = bytes_max.saturating_sub(FRAME_BYTES);
    let (mut pieces, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, record) in records.iter().enumerate() {
        let size = record.len() + 1;
        if index > start && bytes + size > room {
            pieces.push(records.get(start..index).unwrap_or_default());
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    let rest = records.get(start..).unwrap_or_default();
    if bytes + beside_bytes > room && !rest.is_empty() {
        pieces.push(rest);
        pieces.push(&[]);
    } else {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside() -> Beside {
        let receipt = StoredReceipt {
            workspace: "default".into(),
            command: "c-1".into(),
            connection: None,
            version: 3,
            position: 42,
            recorded_at: 1_700_000_000_000_000,
            fingerprint: [7; 16],
        };
        Beside {
            receipts: vec![receipt],
            handovers: vec!["{}".into()],
            values: vec!["data-key.x".into()],
            alerts: Vec::new(),
        }
    }

    /// Reads the parts again, and returns their records with their positions.
    fn read(bodies: &[Vec<u8>]) -> Vec<(u64, String)> {
        let mut records = Vec::new();
        for (index, body) in bodies.iter().enumerate() {
            let message: LogMessage<'_> = serde_json::from_slice(body).unwrap();
            let group = message.group.unwrap();
            assert_eq!((message.version, group.part as usize), (VERSION, index + 1));
            assert_eq!(group.parts as usize, bodies.len());
            let is_last = index + 1 == bodies.len();
            assert_eq!(group.beside, if is_last { beside() } else { Beside::default() });
            let positions = group.first..;
            let of_part = group.records.iter().map(|record| record.get().to_owned());
            records.extend(positions.zip(of_part));
        }
        records
    }

    #[test]
    fn records_survive_byte_for_byte_in_parts_that_fit() {
        let texts: Vec<String> =
            (0..20).map(|number| format!("{{\"n\": {number}, \"t\":\"é\\u0000 \"}}")).collect();
        let records: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
        for bytes_max in [FRAME_BYTES + 40, 600, 1_000, 1 << 20] {
            let bodies = encode_group(42, &records, &beside(), bytes_max);
            let expected: Vec<(u64, String)> = (42..).zip(texts.iter().cloned()).collect();
            assert_eq!(read(&bodies), expected, "{bytes_max}");
            if bytes_max >= 600 {
                assert!(bodies.iter().all(|body| body.len() <= bytes_max), "{bytes_max}");
            }
        }
        assert_eq!(encode_group(42, &records, &beside(), 1 << 20).len(), 1);
    }

    #[test]
    fn a_term_survives() {
        let term = Term { epoch: 7, node: "eu-1".to_owned(), position: 41, event: None };
        let body = encode_term(&term);
        let message: LogMessage<'_> = serde_json::from_slice(&body).unwrap();
        assert_eq!(message.term, Some(term));
        assert!(message.group.is_none());
        assert!(serde_json::from_slice::<LogMessage<'_>>(b"{\"version\":1,\"else\":1}").is_err());
    }
}
