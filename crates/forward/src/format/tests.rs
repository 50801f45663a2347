//! Every form of the same events.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;

fn source() -> Source {
    Source { ledger: "018f3c1e-7d1a-7e39-8c0f-5d1b2a3c4d5e".to_owned(), version: "0.1.0" }
}

fn sample(stream: &str, type_name: &str, actor: &str, reason: &str) -> Box<RawValue> {
    let event = json!({
        "position": 1042, "stream": stream, "version": 3, "event_id": "e-1", "type": type_name,
        "schema": 1, "recorded_at": "2026-11-21T01:02:03.456789Z", "workspace": "default",
        "actor": actor, "via": "http", "command_id": "c-1", "correlation_id": "deploy-42",
        "key": "k3x9a2bq71ce", "address": "192.0.2.7", "data": { "reason": reason },
    });
    RawValue::from_string(event.to_string()).expect("JSON")
}

fn parsed(format: Format, raw: &RawValue) -> Value {
    let event = Event::read(raw).expect("an event");
    serde_json::from_slice(&format.line(&event, &source()).expect("written")).expect("JSON")
}

#[test]
fn a_line_of_each_form_has_who_what_when_and_why() {
    let raw = sample("connection/018f", "marked_failed", "user:ada", "line 1\nline 2");
    assert_eq!(parsed(Format::Ndjson, &raw)["position"], 1042);
    let cloud = parsed(Format::CloudEvents, &raw);
    assert_eq!((&cloud["specversion"], &cloud["id"]), (&json!("1.0"), &json!("e-1")));
    assert_eq!(cloud["data"]["actor"], "user:ada");
    let ocsf = parsed(Format::Ocsf, &raw);
    assert_eq!((&ocsf["class_uid"], &ocsf["type_uid"]), (&json!(6003), &json!(600_303)));
    assert_eq!(ocsf["time"], json!(1_795_222_923_456_i64));
    assert_eq!(ocsf["src_endpoint"], json!({ "ip": "192.0.2.7" }));
    assert_eq!(ocsf["message"], "marked_failed by user:ada: line 1\nline 2");
    let otlp = parsed(Format::Otlp, &raw);
    let record = &otlp["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
    assert_eq!(record["timeUnixNano"], "1795222923456789000");
    let people =
        parsed(Format::Ocsf, &sample("principal/eu-1", "api_key_revoked", "user:ada", "x"));
    assert_eq!((&people["class_uid"], &people["activity_id"]), (&json!(3004), &json!(4)));
    assert_eq!(people["entity"]["name"], "eu-1");
}

#[test]
fn no_cell_begins_a_formula() {
    let raw = sample("connection/018f", "marked_failed", "=1+1", "@SUM(A1), \"x\"\nsecond line");
    let event = Event::read(&raw).expect("an event");
    let all = [Format::Csv.beginning(), Format::Csv.lines(&[event], &source()).expect("rows")];
    let all = all.concat();
    let mut reader = csv::Reader::from_reader(all.as_slice());
    let headings = reader.headers().expect("headings").clone();
    let row = reader.records().next().expect("a row").expect("well formed");
    let cell = |name: &str| {
        let column = headings.iter().position(|heading| heading == name).expect("a column");
        row[column].to_owned()
    };
    assert_eq!(cell("position"), "1042");
    assert_eq!(cell("actor"), "'=1+1");
    assert_eq!(cell("reason"), "'@SUM(A1), \"x\" second line");
    assert_eq!(all.split(|byte| *byte == b'\n').count(), 3, "a row is a line, with an end");
    let data: Value = serde_json::from_str(&cell("data")).expect("JSON");
    assert_eq!(data["reason"], "@SUM(A1), \"x\"\nsecond line");
}

#[test]
fn an_event_of_another_program_is_no_event() {
    let raw = RawValue::from_string("{\"position\":1}".to_owned()).expect("JSON");
    assert!(Event::read(&raw).is_err());
    assert!("xml".parse::<Format>().is_err());
}
