//! How two states of a connection differ, side by side.

use ledger_contract::{FieldChange, time};
use maud::{Markup, html};
use serde_json::Value;
use serde_json::value::RawValue;

use super::parts::name;
use super::status::words;
use super::table::{cell, comparison, row, row_head};
use super::times::exact;

/// Fields whose members are named one by one.
const GROUPS: [&str; 4] = ["annotations", "config", "labels", "secrets"];

/// Members that tell people nothing: the event that reported a health.
const UNSAID: [&str; 1] = ["by"];

/// Returns the fields in which two states differ. The headings name the states.
pub(crate) fn table(changes: &[FieldChange], before: &str, after: &str) -> Markup {
    let rows = html! {
        @for change in changes {
            (row(None, &html! {
                (row_head(&name(&label(&change.field))))
                (cell(before, &side(change.before.as_deref(), Side::Before)))
                (cell(after, &side(change.after.as_deref(), Side::After)))
            }))
        }
    };
    comparison(&["Field", before, after], &rows)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

fn side(value: Option<&RawValue>, side: Side) -> Markup {
    let text = value.map(shown).filter(|text| !text.is_empty());
    html! {
        @match (text, side) {
            (None, _) => span.soft { "\u{2013}" span.hidden { " nothing" } },
            (Some(text), Side::Before) => del { (name(&text)) },
            (Some(text), Side::After) => ins { (name(&text)) },
        }
    }
}

/// Returns what a field is called.
pub(crate) fn label(field: &str) -> String {
    match field.split_once('.') {
        Some((group, rest)) if GROUPS.contains(&group) => format!("{}: {rest}", words(group)),
        _ => words(field),
    }
}

/// Returns whether there is nothing to read in a value.
pub(crate) fn is_empty(value: &RawValue) -> bool {
    shown(value).is_empty()
}

/// Returns a JSON value as people read it; nothing if it is empty.
pub(crate) fn shown(value: &RawValue) -> String {
    match serde_json::from_str::<Value>(value.get()) {
        Ok(value) => told(&value, "\n"),
        Err(_) => value.get().to_owned(),
    }
}

/// Returns a value in words. The members of an object are between separators.
fn told(value: &Value, between: &str) -> String {
    match value {
        Value::String(text) if time::parse("time", text).is_ok() => exact(text),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => String::new(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => {
            let is_flat = items.iter().all(|item| !item.is_object());
            let items: Vec<_> = items.iter().map(|item| told(item, ", ")).collect();
            items.join(if is_flat { ", " } else { "\n" })
        }
        Value::Object(members) => {
            let members = members.iter().filter(|(key, _)| !UNSAID.contains(&key.as_str()));
            let told = members.map(|(key, value)| (key, told(value, "; ")));
            let told = told.filter(|(_, text)| !text.is_empty());
            let told: Vec<_> = told.map(|(key, text)| format!("{}: {text}", words(key))).collect();
            told.join(between)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn both_sides_are_told_as_people_read_them_and_stay_text() {
        let change = |field: &str, before: Option<&str>, after: Option<&str>| FieldChange {
            field: field.to_owned(),
            before: before.map(raw),
            after: after.map(raw),
        };
        let changes = [
            change("config.base_url", Some("\"https://a\""), Some("\"<b>\"")),
            change("enabled", Some("true"), Some("false")),
            change("tags", Some("[]"), Some("[\"a\",\"b\"]")),
            change("health", None, Some("{\"by\":\"e\",\"reason\":null,\"state\":\"failed\"}")),
            change("dependents", None, Some("[{\"id\":\"a\",\"kind\":\"tool\"}]")),
            change("archived_at", None, Some("\"2026-11-30T23:44:01.000000Z\"")),
        ];
        let html = table(&changes, "Then", "Now").into_string();
        for part in [
            "<bdi>Config: base_url</bdi>",
            "<del><bdi>https://a</bdi></del>",
            "<ins><bdi>&lt;b&gt;</bdi></ins>",
            "<del><bdi>yes</bdi></del>",
            "<ins><bdi>a, b</bdi></ins>",
            "<ins><bdi>State: failed</bdi></ins>",
            "<ins><bdi>ID: a, Kind: tool</bdi></ins>",
            "<ins><bdi>2026-11-30 23:44:01</bdi></ins>",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("<b>"), "{html}");
        assert_eq!(label("health"), "Health");
    }
}
