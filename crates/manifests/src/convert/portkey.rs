//! Integrations of Portkey, from the list or one by one. Only the latter have configurations.

use ledger_domain::connection::AuthMethod;
use ledger_providers::{Facade, Provider};
use serde_json::{Map, Value, json};

use super::draft::Draft;
use super::lists::{Row, rows};
use super::{FileContent, Options};
use crate::place::Complaint;

/// The name prefix of masked values.
const MASKED: &str = "masked_";

pub(super) fn read(file: &str, text: &str, options: Options<'_>) -> Result<FileContent, Complaint> {
    let mut found = FileContent::default();
    for row in rows(file, text, &["data"], "ai_provider_id")? {
        let named = row.text("ai_provider_id").unwrap_or_default();
        let known = options.catalogue.find_at(Facade::Portkey, named);
        let provider = known.map_or(named, |known| known.id.as_str());
        let name = row.text("slug").or_else(|| row.text("name")).unwrap_or(provider);
        let mut draft = Draft::new(row.place.clone(), name, provider);
        draft.set("display_name", row.text("name"));
        draft.set("description", row.text("description"));
        draft.set("enabled", (row.text("status") == Some("archived")).then_some(false));
        if let Some(id) = row.text("workspace_id") {
            draft.set_in("annotations", "portkey.workspace_id", id);
        }
        let mapped = references(&row);
        draft.set("secret_references", (!mapped.is_empty()).then_some(mapped));
        configurations(&mut draft, options.catalogue.of(provider), &row);
        draft.set("pricing", pricing(&row));
        draft.set("access", access(&row));
        method(&mut draft, known);
        found.drafts.push(draft);
    }
    Ok(found)
}

/// Adds settings, the names of masked secrets, and the key.
fn configurations(draft: &mut Draft, provider: &Provider, row: &Row) {
    if let Some(text) = row.text("key") {
        draft.secret("key", text.to_owned());
    } else if row.text("masked_key").is_some() {
        draft.missing.push("key".to_owned());
    }
    for (name, value) in row.object("configurations") {
        match name.strip_prefix(MASKED) {
            Some(name) => draft.missing.push(name.to_owned()),
            None => draft.field(provider, &name, value),
        }
    }
}

/// Sets the method that a setting selects, or else the one that the fields tell of.
fn method(draft: &mut Draft, known: Option<&Provider>) {
    let chooser = known.and_then(|known| known.fields.iter().find(|one| !one.selects.is_empty()));
    let config = draft.body.get("config").and_then(Value::as_object);
    let chosen = chooser.and_then(|chooser| {
        let (_, value) = config?.iter().find(|(name, _)| chooser.is_called(name))?;
        chooser.selects.get(value.as_str()?).copied()
    });
    draft.set("auth_method", chosen.map(AuthMethod::as_str));
    draft.complete(known);
}

/// Returns `secret_mappings` as references to an outside store.
fn references(row: &Row) -> Vec<Value> {
    let mapped = row.members.get("secret_mappings").and_then(Value::as_array);
    let reference = |mapping: &Value| {
        let text = |name: &str| mapping.get(name).and_then(Value::as_str);
        let target = text("target_field")?;
        let field = target.strip_prefix("configurations.").unwrap_or(target);
        let mut reference = Map::new();
        reference.insert("target".to_owned(), field.into());
        reference.insert("reference".to_owned(), text("secret_reference_id")?.into());
        for (name, given) in [("key", "secret_key"), ("format", "value_format")] {
            if let Some(text) = text(given) {
                reference.insert(name.to_owned(), text.into());
            }
        }
        Some(Value::Object(reference))
    };
    mapped.into_iter().flatten().filter_map(reference).collect()
}

/// Returns factors on prices.
fn pricing(row: &Row) -> Option<Value> {
    let multiplier = row.within(["pricing_adjustments", "multiplier"])?.as_object()?;
    let mut multipliers = multiplier.clone();
    multipliers.retain(|_, value| value.is_number());
    let image = multiplier.get("image").and_then(|image| image.get("default")).cloned();
    let units = multiplier.get("additional_units").cloned().unwrap_or_else(|| json!({}));
    let image = image.filter(Value::is_number);
    Some(json!({
        "multipliers": multipliers, "additional_units": units, "image_default": image,
    }))
}

/// Returns the grant to all workspaces.
fn access(row: &Row) -> Option<Value> {
    let names = ["global_workspace_access_settings", "global_workspace_access"];
    let settings = names.iter().find_map(|name| row.members.get(*name)?.as_object())?;
    if settings.get("enabled").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    // Each is an object, or a list of at most one.
    let first = |name: &str| match settings.get(name)? {
        Value::Array(items) => items.first()?.as_object(),
        value => value.as_object(),
    };
    let mut limits = Map::new();
    if let Some(usage) = first("usage_limits") {
        limits.insert("usage".to_owned(), self::usage(usage));
    }
    if let Some(rate) = first("rate_limits") {
        let members = ["type", "unit", "value"].map(|name| (name.to_owned(), rate.get(name)));
        let members = members.into_iter().filter_map(|(name, value)| Some((name, value?.clone())));
        limits.insert("rate".to_owned(), Value::Object(members.collect()));
    }
    Some(json!({ "everyone": limits }))
}

fn usage(given: &Map<String, Value>) -> Value {
    let mut usage = Map::new();
    for (name, from) in [
        ("type", "type"),
        ("credit_limit", "credit_limit"),
        ("alert_threshold", "alert_threshold"),
        ("reset", "periodic_reset"),
        ("next_reset_at", "next_usage_reset_at"),
    ] {
        if let Some(value) = given.get(from).filter(|value| !value.is_null()) {
            usage.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(days) = given.get("periodic_reset_days").and_then(Value::as_u64) {
        usage.insert("reset".to_owned(), format!("{days}d").into());
    }
    Value::Object(usage)
}
