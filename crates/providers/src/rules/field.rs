//! The rules for fields: unambiguous spellings and consistent members.

use std::collections::BTreeMap;

use super::{Faults, text};
use crate::check::{is_a, text_faults};
use crate::field::{Condition, Field};
use crate::limits;
use crate::words::FieldType;

/// Checks fields of one level.
pub(super) fn check_beside(list: &str, fields: &[Field], faults: &mut Faults) {
    let mut taken = BTreeMap::new();
    for (index, field) in fields.iter().enumerate() {
        let place = format!("{list}[{index}]");
        for (part, spelling) in spellings(field) {
            let at = format!("{place}.{part}");
            faults.add_if(&at, text::field_name(spelling));
            let other = taken.insert(spelling.to_ascii_lowercase(), (index, at.clone()));
            if let Some((_, other)) = other.filter(|(owner, _)| *owner != index) {
                let problem = format!("is also {other}; a spelling must mean one field");
                faults.add(at, problem);
            }
        }
        check_one(&place, field, faults);
        if let Some(condition) = &field.required_when {
            check_condition(&format!("{place}.required_when"), condition, field, fields, faults);
        }
    }
}

/// Returns each spelling with its place.
fn spellings(field: &Field) -> impl Iterator<Item = (String, &str)> {
    let aliases = field.aliases.iter().enumerate();
    let aliases = aliases.map(|(index, alias)| (format!("aliases[{index}]"), alias.as_str()));
    let names = field.names.iter().map(|(at, name)| (format!("names.{at}"), name.as_str()));
    std::iter::once(("name".to_owned(), field.name.as_str())).chain(aliases).chain(names)
}

fn check_one(place: &str, field: &Field, faults: &mut Faults) {
    let at = |part: &str| format!("{place}.{part}");
    if let Some(title) = &field.title {
        faults.add_if(&at("title"), text::line(title, limits::TITLE_CHARS));
    }
    if let Some(help) = &field.help {
        faults.add_if(&at("help"), text::prose(help));
    }
    faults.at_most(&at("aliases"), field.aliases.len(), limits::ALIASES);
    text::no_repeats(&at("only_at"), &field.only_at, faults);
    if field.main && !field.secret {
        faults.add(at("main"), "the main key is a secret; also set `secret`");
    }
    if field.required && field.required_when.is_some() {
        faults.add(at("required_when"), "has no effect beside `required`; leave one out");
    }
    if field.secret && field.default.is_some() {
        faults.add(at("default"), "a secret cannot have a default; leave it out");
    }
    check_values(place, field, faults);
    check_type(place, field, faults);
}

fn check_values(place: &str, field: &Field, faults: &mut Faults) {
    let values = format!("{place}.values");
    faults.at_most(&values, field.values.len(), limits::VALUES);
    text::no_repeats(&values, &field.values, faults);
    for (index, value) in field.values.iter().enumerate() {
        faults.add_if(&format!("{values}[{index}]"), text::line(value, limits::VALUE_CHARS));
    }
    if field.other_values && field.values.is_empty() {
        faults.add(format!("{place}.other_values"), "has no effect without `values`");
    }
    for value in field.selects.keys().filter(|value| !field.values.contains(value)) {
        faults.add(format!("{place}.selects.{value}"), "is not in `values`");
    }
}

fn check_type(place: &str, field: &Field, faults: &mut Faults) {
    let wanted = field.r#type;
    let of_text = [
        ("values", !field.values.is_empty()),
        ("pattern", field.pattern.is_some()),
        ("max_chars", field.max_chars.is_some()),
    ];
    for (part, _) in of_text.iter().filter(|(_, there)| *there && wanted != FieldType::String) {
        faults.add(format!("{place}.{part}"), "is only for fields of type string");
    }
    if field.min_items.is_some() && wanted != FieldType::List {
        faults.add(format!("{place}.min_items"), "is only for fields of type list");
    }
    if !field.fields.is_empty() {
        let inner = format!("{place}.fields");
        if !matches!(wanted, FieldType::Object | FieldType::List) {
            faults.add(&inner, "are only for fields of type object or list");
        }
        faults.at_most(&inner, field.fields.len(), limits::INNER_FIELDS);
        check_inner(&inner, &field.fields, faults);
    }
    if let Some(default) = &field.default {
        let default_place = format!("{place}.default");
        if !is_a(wanted, default) {
            faults.add(&default_place, format!("is not of type {wanted}"));
        }
        for wrong in default.as_str().map(|text| text_faults(field, text)).unwrap_or_default() {
            faults.add(&default_place, wrong.to_string());
        }
    }
}

/// Checks that nested fields are plain. The outer field as a whole is secret or not, and nesting is
/// one level deep.
fn check_inner(place: &str, fields: &[Field], faults: &mut Faults) {
    for (index, field) in fields.iter().enumerate() {
        let outer_only = [
            ("secret", field.secret),
            ("main", field.main),
            ("selects", !field.selects.is_empty()),
            ("fields", !field.fields.is_empty()),
        ];
        for (part, _) in outer_only.iter().filter(|(_, there)| *there) {
            let problem = "is not allowed in a nested field";
            faults.add(format!("{place}[{index}].{part}"), problem);
        }
    }
    // Deeper levels were rejected above, so the recursion ends after one level.
    if fields.iter().all(|field| field.fields.is_empty()) {
        check_beside(place, fields, faults);
    }
}

fn check_condition(
    place: &str,
    condition: &Condition,
    field: &Field,
    fields: &[Field],
    faults: &mut Faults,
) {
    if *condition == Condition::default() {
        faults.add(place, "is empty; use `required` instead");
    }
    text::no_repeats(&format!("{place}.at"), &condition.at, faults);
    if condition.field.is_some() == condition.is.is_empty() {
        faults.add(place, "needs both `field` and `is`");
    }
    let named = [("field", &condition.field), ("without", &condition.without)];
    for (part, name) in named {
        let Some(name) = name else { continue };
        let place = format!("{place}.{part}");
        match fields.iter().find(|other| other.is_called(name)) {
            None => faults.add(place, "is not a field on the same level"),
            Some(other) if other.name == field.name => faults.add(place, "is the field itself"),
            Some(other) if part == "field" => check_words(&place, condition, other, faults),
            Some(_) => {}
        }
    }
}

/// Checks that the other field can have the values in a condition.
fn check_words(place: &str, condition: &Condition, other: &Field, faults: &mut Faults) {
    if other.secret {
        faults.add(place, "is secret, and a condition cannot depend on a secret");
    }
    let closed = !other.values.is_empty() && !other.other_values;
    for word in condition.is.iter().filter(|word| closed && !other.values.contains(word)) {
        faults.add(place, format!("cannot be `{word}`: its values are {}", other.values.join(" ")));
    }
}
