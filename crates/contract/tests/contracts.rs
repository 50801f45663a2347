//! Tests that the files under `schemas/` match the code.

mod samples;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ledger_contract::errors::{Code, hint};
use ledger_contract::records::{
    self, Frame, Happened, Metadata, Record, Repeats, StoredFingerprint, StreamId,
};
use ledger_contract::reply::{Notification, NotificationWriter, NotifiedState};
use ledger_contract::schemas;
use ledger_contract::view::ConnectionView;
use ledger_domain::{Actor, ConnectionId, Event, Incarnation, MessageId, Position, evolve};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

#[test]
fn generated_schemas_are_fresh() {
    let stale: Vec<String> = schemas::files()
        .into_iter()
        .filter(|(path, text)| fs::read_to_string(root().join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| path)
        .collect();
    assert!(
        stale.is_empty(),
        "run `cargo run -p ledger-contract --example write-schemas`; stale: {stale:?}"
    );
}

/// Returns the names of an event type's golden pairs, by versions of metadata and data.
fn goldens(type_name: &str) -> impl Iterator<Item = String> {
    let versions = 1..=records::data_version(type_name);
    versions.flat_map(|version| {
        let all = records::first_metadata_version(type_name, version)..=records::METADATA_VERSION;
        all.map(move |metadata| match metadata {
            1 => format!("v{version}"),
            _ => format!("v{version}.record{metadata}"),
        })
    })
}

/// Golden pairs are never edited. `v1.json` is a stored record whose metadata has version 1, and
/// `v1.record2.json` one whose metadata has version 2 and so on; `*.expected.json` is its public
/// form. A missing pair of today's versions is written once and must be committed.
#[test]
fn golden_records_still_read_the_same() {
    for type_name in schemas::event_types() {
        let folder = root().join("events").join(type_name);
        let newest = goldens(type_name).last().unwrap();
        if !folder.join(format!("{newest}.json")).exists() {
            let (record, shown) = samples::golden(type_name);
            fs::write(folder.join(format!("{newest}.json")), record).unwrap();
            fs::write(folder.join(format!("{newest}.expected.json")), shown).unwrap();
            panic!("wrote the missing golden pair of {type_name}; commit it and run again");
        }
        for name in goldens(type_name) {
            let bytes = fs::read(folder.join(format!("{name}.json"))).unwrap();
            let record = records::decode(Position::new(7), &bytes).unwrap();
            assert_eq!(record.happened.type_name(), type_name);
            let again = encoded(&record);
            assert_eq!(records::decode(Position::new(7), &again).unwrap(), record, "{name}");
            if name == newest {
                assert_eq!(String::from_utf8(again), String::from_utf8(bytes.clone()));
            }
            let expected = fs::read_to_string(folder.join(format!("{name}.expected.json")));
            let expected = expected.unwrap();
            assert_eq!(records::public(&bytes, None).get(), expected, "{type_name} {name}");
            assert!(!expected.contains("\"sealed\":"), "{type_name} shows ciphertext");
            assert!(!expected.contains("digest"), "{type_name} shows the digest of a key");
            assert!(!expected.contains("fingerprint"), "{type_name} shows a fingerprint");
            let announced = records::announced(&bytes, None);
            let audited = ",\"key\":\"k3x9a2bq71ce\",\"address\":\"192.0.2.7\"";
            assert_eq!(announced, expected.replace(audited, ""), "{type_name} {name}");
        }
    }
}

/// Of every stored form of an event of a connection, who, when and what kind of change is left once
/// the connection was erased, and no value.
#[test]
fn an_emptied_record_tells_what_it_was_and_no_value() {
    let at = Position::new(7);
    for type_name in Event::TYPE_NAMES {
        for name in goldens(type_name) {
            let path = root().join("events").join(type_name).join(format!("{name}.json"));
            let bytes = fs::read(path).unwrap();
            let before = records::decode(at, &bytes).unwrap();
            let emptied = records::emptied(at, &bytes, [0xab; 32]).unwrap();
            if type_name == "connection_erased" {
                assert_eq!(emptied, None, "it says that the connection was erased");
                continue;
            }
            let emptied = emptied.unwrap();
            assert_eq!(records::emptied(at, &emptied, [0; 32]).unwrap(), None, "{name}");
            let after = records::decode(at, &emptied).unwrap();
            let frame = Frame::read(at, &emptied).unwrap();
            assert_eq!(frame.type_name, type_name);
            assert_eq!(frame.happened().unwrap(), after.happened);
            let fingerprint = after.metadata.fingerprint;
            assert_eq!(fingerprint, Some(StoredFingerprint([0; 16])), "{type_name} {name}");
            assert_eq!(Metadata { fingerprint, ..before.metadata }, after.metadata);
            let Happened::Connection(Event::Emptied(left)) = &after.happened else {
                panic!("{type_name} {name}: {:?}", after.happened);
            };
            assert_eq!((left.type_name, left.digest), (type_name, [0xab; 32]));
            let text = String::from_utf8(emptied).unwrap();
            let data = serde_json::from_slice::<Value>(&bytes).unwrap()["data"].clone();
            let (_, left) = text.split_once("\"data\":").unwrap();
            let names = ["api_key", "token", "base_url", "config.base_url", "provider", "default"];
            let is_telling = |value: &&String| value.len() > 3 && !names.contains(&value.as_str());
            for value in values(&data).iter().filter(is_telling) {
                assert!(!left.contains(value), "{type_name} {name}: {value}");
            }
        }
    }
}

/// Returns all texts in a value that are no names of members.
fn values(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members.values().flat_map(values).collect(),
        Value::Array(members) => members.iter().flat_map(values).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// Every event about a connection with the state after it, as the state would be if the connection
/// had been created before.
#[test]
fn a_written_notification_is_read_back_and_has_nothing_else() {
    let mut states = 0;
    for type_name in schemas::event_types() {
        let bytes = samples::golden(type_name).0;
        let record = records::decode(Position::new(7), &bytes).unwrap();
        let created = samples::golden("connection_created").0;
        let created = records::decode(Position::new(7), &created).unwrap();
        let id = ConnectionId::from_bytes([1; 16]);
        let before = match created.happened {
            Happened::Connection(event) => evolve(None, event, &created.metadata.facts(id)),
            _ => None,
        };
        let connection = match record.happened {
            Happened::Connection(event) => evolve(before, event, &record.metadata.facts(id)),
            _ => None,
        };
        states += usize::from(connection.is_some());
        let state = connection.as_ref().map_or(NotifiedState::None, NotifiedState::Is);
        let incarnation = Incarnation::from_bytes([2; 16]);
        let writer = NotificationWriter::new(incarnation);
        let mut written = Vec::new();
        writer.write(&mut written, Position::new(7), &bytes, None, state);
        let read: Notification<'_> = serde_json::from_slice(&written).unwrap();
        assert_eq!((read.position, read.incarnation), (7, incarnation.to_string()));
        assert_eq!(read.event.get(), records::announced(&bytes, None));
        assert!(!read.state_omitted);
        let json = |view: &ConnectionView<'_>| serde_json::to_string(view).unwrap();
        let wanted = connection.as_ref().map(ConnectionView::of);
        assert_eq!(read.connection.as_ref().map(json), wanted.as_ref().map(json), "{type_name}");

        written.clear();
        writer.write(&mut written, Position::new(7), &bytes, None, NotifiedState::Omitted);
        let read: Notification<'_> = serde_json::from_slice(&written).unwrap();
        assert!(read.state_omitted && read.connection.is_none(), "{type_name}");
        let fields: BTreeMap<String, Value> = serde_json::from_slice(&written).unwrap();
        let names = ["event", "incarnation", "position", "state_omitted"];
        assert_eq!(fields.keys().collect::<Vec<_>>(), names);
    }
    assert!(states > 10, "{states}");
}

/// Returns the bytes of a record in today's versions.
fn encoded(record: &Record) -> Vec<u8> {
    let (mut bytes, metadata) = (Vec::new(), &record.metadata);
    match &record.happened {
        Happened::Connection(event) => records::encode_event(&mut bytes, metadata, event),
        Happened::Workspace(created) => records::encode_workspace(&mut bytes, metadata, created),
        Happened::Principal(event) => records::encode_principal(&mut bytes, metadata, event),
        Happened::Revealed(revealed) => records::encode_revealed(&mut bytes, metadata, revealed),
        Happened::Consumer(event) => records::encode_consumer(&mut bytes, metadata, event),
        Happened::Handover(event) => records::encode_handover(&mut bytes, metadata, event),
        Happened::Alert(event) => records::encode_alert(&mut bytes, metadata, event),
        Happened::Policy(event) => records::encode_policy(&mut bytes, metadata, event),
        Happened::Lease(event) => records::encode_lease(&mut bytes, metadata, event),
        Happened::Ledger(event) => records::encode_ledger(&mut bytes, metadata, event),
    }
    bytes
}

#[test]
fn metadata_of_an_earlier_version_have_nothing_of_a_later_one() {
    let folder = root().join("events/marked_degraded");
    let first = fs::read_to_string(folder.join("v1.json")).unwrap();
    let record = records::decode(Position::new(7), first.as_bytes()).unwrap();
    let Record { metadata, .. } = record;
    assert_eq!((metadata.clock, metadata.epoch), (None, None));
    assert_eq!((metadata.provenance.key, metadata.provenance.address), (None, None));
    for field in ["\"epoch\":3,", "\"key\":\"k\",", "\"address\":\"192.0.2.7\","] {
        let mixed = first.replace("\"data\":", &format!("{field}\"data\":"));
        assert!(records::decode(Position::new(7), mixed.as_bytes()).is_err(), "{mixed}");
    }
    let second = fs::read_to_string(folder.join("v1.record2.json")).unwrap();
    let mixed = second.replace("\"data\":", &format!("{FINGERPRINT}\"data\":"));
    assert!(records::decode(Position::new(7), mixed.as_bytes()).is_err(), "{mixed}");
}

/// The fingerprint of the samples as it is stored.
const FINGERPRINT: &str = "\"fingerprint\":\"-_v7-_v7-_v7-_v7-_v7-w\",";

#[test]
fn a_frame_says_whether_a_command_has_a_receipt() {
    let folder = root().join("events/marked_degraded");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let newest = read("v1.record3.json");
    let fingerprint = StoredFingerprint([0xfb; 16]);
    for (record, repeats) in [
        (read("v1.json"), Repeats::Unknown),
        (read("v1.record2.json"), Repeats::Unknown),
        (newest.replace(FINGERPRINT, ""), Repeats::Never),
        (newest, Repeats::By(fingerprint)),
    ] {
        // The second form is one that the program does not write, but can read.
        for text in [record.replace("\"workspace\":", "\"workspace\": "), record] {
            let frame = records::Frame::read(Position::new(7), text.as_bytes()).unwrap();
            assert_eq!(frame.repeats, repeats, "{text}");
        }
    }
}

#[test]
fn a_record_with_another_shape_is_refused() {
    let (good, _) = samples::golden("marked_degraded");
    let good = String::from_utf8(good).unwrap();
    let bad = [
        good.replace("\"position\":7", "\"position\":8"),
        good.replace("\"schema\":1", "\"schema\":2"),
        good.replace("\"record\":3", "\"record\":4"),
        good.replace("\"record\":3", "\"record\":2"),
        good.replace("\"record\":3", "\"record\":1"),
        good.replace("\"record\":3,", ""),
        good.replace(FINGERPRINT, "\"fingerprint\":\"-_v7\","),
        good.replace(FINGERPRINT, "\"fingerprint\":\"-_v7-_v7-_v7-_v7-_v7-x\","),
        good.replace("192.0.2.7", "elsewhere"),
        good.replace("marked_degraded", "marked_purple"),
        good.replace("\"workspace\":\"default\",", ""),
        good.replace("\"data\":", "\"date\":"),
        good[..good.len() - 1].to_owned(),
    ];
    assert!(records::decode(Position::new(7), good.as_bytes()).is_ok());
    for text in bad {
        assert_ne!(text, good);
        assert!(records::decode(Position::new(7), text.as_bytes()).is_err(), "{text}");
        let in_parts = records::Frame::read(Position::new(7), text.as_bytes());
        assert!(in_parts.and_then(records::Frame::happened).is_err(), "{text}");
    }
}

/// Checks that reading a record in parts gives the same result as reading it whole.
fn expect_same_in_parts(bytes: &[u8]) {
    let position = Position::new(7);
    let whole = records::decode(position, bytes).expect("a good record");
    let head = records::Head::read(position, bytes).expect("a good record");
    let frame = records::Frame::read(position, bytes).expect("a good record");
    let Record { metadata, happened } = whole;
    let connection = match &metadata.stream {
        StreamId::Connection(id) => Some(*id),
        StreamId::Workspace(_)
        | StreamId::Principal(_)
        | StreamId::Reveals(_)
        | StreamId::Consumers(_)
        | StreamId::Policies(_)
        | StreamId::Alerts(_)
        | StreamId::Leases(_)
        | StreamId::Handovers(_)
        | StreamId::Ledger(_) => None,
    };
    assert_eq!((head.connection, head.version), (connection, metadata.version));
    let id = connection.unwrap_or(ConnectionId::from_bytes([0; 16]));
    assert_eq!(frame.facts(id, Actor::new(&*frame.actor)), metadata.facts(id));
    assert_eq!(frame.stream, metadata.stream);
    assert_eq!(frame.type_name, happened.type_name());
    assert_eq!(frame.workspace, metadata.workspace.as_str());
    let correlation = metadata.provenance.correlation_id.as_ref().map(MessageId::as_str);
    assert_eq!(frame.correlation_id.as_deref(), correlation);
    assert_eq!(frame.happened().expect("a good record"), happened);
}

#[test]
fn a_record_reads_the_same_in_parts() {
    for type_name in schemas::event_types() {
        let first = goldens(type_name).next().expect("a pair");
        let first = root().join("events").join(type_name).join(format!("{first}.json"));
        expect_same_in_parts(&fs::read(first).unwrap());
        let (golden, _) = samples::golden(type_name);
        expect_same_in_parts(&golden);
        let text = String::from_utf8(golden).unwrap();
        // Records that the program does not write, but can read.
        for other in [
            text.replace("key:admin", "key:\\u0061\\\"dmin"),
            text.replace("key:admin", "key:ädmin"),
            text.replace("\"workspace\":", "\"workspace\": "),
            text.replace("\"causation_id\":\"event-1\",", ""),
            text.replace("\"correlation_id\":\"conversation-1\",", ""),
            text.replace("\"epoch\":3,", ""),
            text.replace("\"key\":\"k3x9a2bq71ce\",", ""),
            text.replace("\"address\":\"192.0.2.7\",", ""),
            text.replace(FINGERPRINT, ""),
        ] {
            assert_ne!(other, text);
            expect_same_in_parts(other.as_bytes());
        }
    }
}

#[test]
fn every_code_has_a_hint() {
    for code in Code::ALL {
        let hint = hint(*code);
        assert!(hint.ends_with('.') && hint.len() > 20, "{code}: {hint:?}");
        assert!(code.page().contains(code.summary()), "{code}");
        assert_eq!(Code::parse(code.as_str()), Some(*code));
    }
}
