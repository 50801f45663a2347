//! Fields of a provider as fields of a form, and what is filled in as values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_providers::{Field, FieldType, Given, Provider};
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::form::Form;
use crate::view::parts::{TextField, select};

/// Names of settings and secrets in a form begin so.
pub(crate) const CONFIG: &str = "config.";
pub(crate) const SECRET: &str = "secret.";

/// What is wrong with fields, by their names in the form.
pub(crate) type Wrong = BTreeMap<String, String>;

/// Words in the names of secrets that have several lines.
const LINES: [&str; 5] = ["file", "private_key", "certificate", "pem", "json"];

/// Returns the name of a field in the form.
pub(crate) fn name_of(field: &Field) -> String {
    format!("{}{}", if field.secret { SECRET } else { CONFIG }, field.name)
}

/// Returns whether a secret may have several lines, which a field of one line would lose.
pub(crate) fn has_lines(name: &str, kind: FieldType) -> bool {
    let name = name.to_ascii_lowercase();
    kind == FieldType::Object || LINES.iter().any(|word| name.contains(word))
}

/// Returns a field with its label and what the catalogue says about it.
pub(crate) fn input(field: &Field, value: &str, wrong: Option<&str>) -> Markup {
    let (name, help) = (name_of(field), field.help.as_deref());
    let is_closed = !field.values.is_empty() && !field.other_values && !field.secret;
    if is_closed || field.r#type == FieldType::Boolean {
        return chosen(field, &name, value, wrong);
    }
    let list = format!("{name}-values");
    let has_list = !field.values.is_empty() && !field.secret;
    let lines = matches!(field.r#type, FieldType::Object | FieldType::List)
        || (field.secret && has_lines(&field.name, field.r#type));
    let text = TextField {
        name: &name,
        label: field.title(),
        help,
        value,
        required: field.required,
        max: field.max_chars,
        wrong,
        lines,
        secret: field.secret,
        list: has_list.then_some(list.as_str()),
        autofocus: false,
        time: false,
    };
    html! {
        (text.render())
        @if has_list {
            datalist id=(list) { @for value in &field.values { option value=(value) {} } }
        }
        @if matches!(field.r#type, FieldType::Object | FieldType::List) && !field.secret {
            (members(field))
        }
    }
}

fn chosen(field: &Field, name: &str, value: &str, wrong: Option<&str>) -> Markup {
    let none = (String::new(), "Not set".to_owned());
    let own: Vec<_> = match field.r#type {
        FieldType::Boolean => {
            vec![("true".to_owned(), "Yes".to_owned()), ("false".to_owned(), "No".to_owned())]
        }
        _ => field.values.iter().map(|value| (value.clone(), value.clone())).collect(),
    };
    let choices: Vec<_> = std::iter::once(none).chain(own).collect();
    html! {
        (select(name, field.title(), &choices, value))
        @if let Some(help) = &field.help { p.help { (help) } }
        @if let Some(wrong) = wrong { p.complaint { (wrong) } }
    }
}

/// Says what the members of an object or of a list are.
fn members(field: &Field) -> Markup {
    let form = if field.r#type == FieldType::List { "A JSON list" } else { "A JSON object" };
    html! {
        p.help {
            (form)
            @if !field.fields.is_empty() {
                " with "
                @for (index, inner) in field.fields.iter().enumerate() {
                    @if index > 0 { ", " }
                    code { (inner.name) } @if inner.required { " (required)" }
                }
            }
            "."
        }
    }
}

/// Returns the value that a text stands for; nothing if it is empty.
///
/// Errors: what the text must be.
pub(crate) fn value(kind: FieldType, text: &str) -> Result<Option<Value>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = || serde_json::from_str::<Value>(text).ok();
    let value = match kind {
        FieldType::String => Some(Value::String(text.to_owned())),
        FieldType::Integer => parsed().filter(|value| value.is_i64() || value.is_u64()),
        FieldType::Number => parsed().filter(Value::is_number),
        FieldType::Boolean => parsed().filter(Value::is_boolean),
        FieldType::Object => parsed().filter(Value::is_object),
        FieldType::List => parsed().filter(Value::is_array),
    };
    value.map(Some).ok_or_else(|| match kind {
        FieldType::Integer => "must be a whole number".to_owned(),
        FieldType::Number => "must be a number".to_owned(),
        FieldType::Object => "must be a JSON object".to_owned(),
        FieldType::List => "must be a JSON list".to_owned(),
        _ => "must be true or false".to_owned(),
    })
}

/// Returns a value as a field of a form has it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(value).unwrap_or_default()
        }
        other => other.to_string(),
    }
}

/// Returns the type of a setting: as the catalogue has it, else text.
pub(crate) fn kind_of(provider: Option<&Provider>, name: &str) -> FieldType {
    provider.and_then(|known| known.field(name)).map_or(FieldType::String, |field| field.r#type)
}

/// Returns the values of the settings in a form. What cannot be read is noted as wrong.
pub(crate) fn config(
    form: &Form,
    provider: Option<&Provider>,
    wrong: &mut Wrong,
) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, text) in form.below(CONFIG) {
        match value(kind_of(provider, name), text) {
            Ok(Some(value)) => drop(all.insert(name.to_owned(), value)),
            Ok(None) => {}
            Err(problem) => drop(wrong.insert(format!("{CONFIG}{name}"), problem)),
        }
    }
    all
}

/// Returns the secrets in a form that are filled in.
pub(crate) fn secrets(form: &Form) -> Map<String, Value> {
    let filled = form.below(SECRET).filter(|(_, text)| !text.trim().is_empty());
    // A line break at the end is part of the form, not of a value of one line.
    let trimmed = filled.map(|(name, text)| {
        let is_one_line = !text.trim_end_matches('\n').contains('\n');
        let text = if is_one_line { text.trim() } else { text };
        (name.to_owned(), Value::String(text.to_owned()))
    });
    trimmed.collect()
}

/// Notes what the provider would reject.
pub(crate) fn check(
    provider: &Provider,
    config: &Map<String, Value>,
    secrets: &Map<String, Value>,
    wrong: &mut Wrong,
) {
    let present = |field: &Field| {
        let given = if field.secret { secrets } else { config };
        let value = field.spellings().find_map(|name| given.get(name))?;
        Some(Given::Json(Cow::Borrowed(value)))
    };
    for complaint in provider.check(None, &present) {
        let top = complaint.field.split(['[', '.']).next().unwrap_or_default();
        let name = provider.field(top).map_or_else(|| format!("{CONFIG}{top}"), name_of);
        let inside = complaint.field.strip_prefix(top).unwrap_or_default();
        let text = format!("{inside} {}", complaint.wrong);
        wrong.entry(name).or_insert_with(|| text.trim().to_owned());
    }
}

/// Returns labels of lines like `team=platform`.
pub(crate) fn labels(text: &str, wrong: &mut Wrong) -> Map<String, Value> {
    let mut all = Map::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some((key, value)) = line.split_once('=') {
            all.insert(key.trim().to_owned(), Value::String(value.trim().to_owned()));
        } else {
            let problem = "must have a line for each label, like team=platform";
            wrong.insert("labels".to_owned(), problem.to_owned());
        }
    }
    all
}

/// Returns tags that are separated by commas.
pub(crate) fn tags(text: &str) -> Vec<Value> {
    let tags = text.split(',').map(str::trim).filter(|tag| !tag.is_empty());
    tags.map(|tag| Value::String(tag.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use ledger_providers::Catalogue;
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_become_values_of_the_type_of_their_field() {
        assert_eq!(value(FieldType::String, " 5432 "), Ok(Some(json!("5432"))));
        assert_eq!(value(FieldType::Integer, "5432"), Ok(Some(json!(5432))));
        assert_eq!(value(FieldType::Boolean, "false"), Ok(Some(json!(false))));
        assert_eq!(value(FieldType::List, "[1]"), Ok(Some(json!([1]))));
        assert_eq!(value(FieldType::Object, ""), Ok(None));
        for (kind, text) in [(FieldType::Integer, "1.5"), (FieldType::Object, "[]")] {
            assert!(value(kind, text).unwrap_err().starts_with("must be "));
        }
    }

    #[test]
    fn what_a_provider_needs_is_asked_for_by_the_name_in_the_form() {
        let postgres = Catalogue::built_in().find("postgresql").expect("it is described");
        let mut wrong = Wrong::new();
        check(postgres, &Map::new(), &Map::new(), &mut wrong);
        assert!(wrong.values().all(|text| text.contains("required")), "{wrong:?}");
        let known = postgres.fields.iter().map(name_of).collect::<Vec<_>>();
        assert!(wrong.keys().all(|name| known.contains(name)), "{wrong:?}");
    }

    #[test]
    fn a_secret_of_one_line_loses_spaces_and_one_of_several_nothing() {
        let form = Form::parse(b"secret.a=+sk-1%0D%0A&secret.b=x%0Ay%0A&secret.c=++").unwrap();
        assert_eq!(Value::Object(secrets(&form)), json!({ "a": "sk-1", "b": "x\ny\n" }));
    }

    #[test]
    fn labels_and_tags_are_read_from_text() {
        let mut wrong = Wrong::new();
        let read = labels("team = platform\n\nregion=eu=1", &mut wrong);
        assert_eq!(Value::Object(read), json!({ "team": "platform", "region": "eu=1" }));
        assert!(wrong.is_empty());
        labels("team", &mut wrong);
        assert!(wrong.contains_key("labels"));
        assert_eq!(tags("a, b,,"), [json!("a"), json!("b")]);
    }
}
