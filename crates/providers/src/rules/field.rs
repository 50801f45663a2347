//! The rules of fields: spellings that mean one field each, and facts that fit each other.

use std::collections::BTreeMap;

use super::{Faults, text};
use crate::check::{is_a, text_faults};
use crate::field::{Condition, Field};
use crate::limits;
use crate::words::FieldType;

/// Checks fields that stand beside each other.
pub(super) fn check_beside(list: &str, fields: &[Field], faults: &mut Faults) {
    let mut taken = BTreeMap::new();
    for (index, field) in fields.iter().enumerate() {
        let place = format!("{list}[{index}]");
        for (part, spelling) in spellings(field) {
            let at = format!("{place}.{part}");
            faults.add_if(&at, text::field_name(spelling));
            let other = taken.insert(spelling.to_ascii_lowercase(), (index, at.clone()));
            if let Some((_, other)) = other.filter(|(owner, _)| *owner != index) {
                let problem = format!("is also {other}; a spelling means one field");
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
        faults.add(at("main"), "the main key is a secret; set `secret` too");
    }
    if field.required && field.required_when.is_some() {
        faults.add(at("required_when"), "says nothing beside `required`; leave one out");
    }
    if field.secret && field.default.is_some() {
        faults.add(at("default"), "a secret has no default; leave it out");
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
        faults.add(format!("{place}.other_values"), "says nothing without `values`");
    }
    for value in field.selects.keys().filter(|value| !field.values.contains(value)) {
        faults.add(format!("{place}.selects.{value}"), "is none of `values`");
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
        faults.add(format!("{place}.{part}"), "is for fields of type string");
    }
    if field.min_items.is_some() && wanted != FieldType::List {
        faults.add(format!("{place}.min_items"), "is for fields of type list");
    }
    if !field.fields.is_empty() {
        let inner = format!("{place}.fields");
        if !matches!(wanted, FieldType::Object | FieldType::List) {
            faults.add(&inner, "are for fields of type object or list");
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

/// Fields inside a field are plain: the whole field is secret or not, and holds no further ones.
fn check_inner(place: &str, fields: &[Field], faults: &mut Faults) {
    for (index, field) in fields.iter().enumerate() {
        let outer_only = [
            ("secret", field.secret),
            ("main", field.main),
            ("selects", !field.selects.is_empty()),
            ("fields", !field.fields.is_empty()),
        ];
        for (part, _) in outer_only.iter().filter(|(_, there)| *there) {
            let problem = "is not for a field inside another";
            faults.add(format!("{place}[{index}].{part}"), problem);
        }
    }
    // What lies deeper was refused just now, so this goes no further than one level.
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
        faults.add(place, "says nothing; use `required`");
    }
    text::no_repeats(&format!("{place}.at"), &condition.at, faults);
    if condition.field.is_some() == condition.is.is_empty() {
        faults.add(place, "`field` and `is` go together");
    }
    let named = [("field", &condition.field), ("without", &condition.without)];
    for (part, name) in named {
        let Some(name) = name else { continue };
        let place = format!("{place}.{part}");
        match fields.iter().find(|other| other.is_called(name)) {
            None => faults.add(place, "is none of the fields beside this one"),
            Some(other) if other.name == field.name => faults.add(place, "is this field itself"),
            Some(other) if part == "field" => check_words(&place, condition, other, faults),
            Some(_) => {}
        }
    }
}

/// The words that a condition waits for must be able to come.
fn check_words(place: &str, condition: &Condition, other: &Field, faults: &mut Faults) {
    if other.secret {
        faults.add(place, "is secret, and nobody looks at secrets to decide what is required");
    }
    let closed = !other.values.is_empty() && !other.other_values;
    for word in condition.is.iter().filter(|word| closed && !other.values.contains(word)) {
        faults.add(place, format!("never is `{word}`: its values are {}", other.values.join(" ")));
    }
}
