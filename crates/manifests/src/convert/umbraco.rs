//! Connections of Umbraco.AI, from the list or one by one. Only the latter have settings.

use ledger_providers::{Facade, Provider};
use serde_json::{Value, json};

use super::draft::Draft;
use super::lists::rows;
use super::{FileContent, Options};
use crate::place::Complaint;

pub(super) fn read(file: &str, text: &str, options: Options<'_>) -> Result<FileContent, Complaint> {
    let mut found = FileContent::default();
    let mut bare = 0_usize;
    for row in rows(file, text, &["items"], "alias")? {
        let named = row.text("providerId").unwrap_or_default();
        let known = options.catalogue.find_at(Facade::Umbraco, named);
        let provider = known.map_or(named, |known| known.id.as_str());
        let alias = row.text("alias").unwrap_or_default();
        let mut draft = Draft::new(row.place.clone(), alias, provider);
        draft.set("display_name", row.text("name"));
        let is_off = row.members.get("isActive").and_then(Value::as_bool) == Some(false);
        draft.set("enabled", is_off.then_some(false));
        bare += usize::from(!row.members.contains_key("settings"));
        let mut references = Vec::new();
        for (name, value) in row.object("settings") {
            setting(&mut draft, options.catalogue.of(provider), &name, value, &mut references);
        }
        draft.set("secret_references", (!references.is_empty()).then_some(references));
        draft.complete(known);
        found.drafts.push(draft);
    }
    if bare > 0 {
        found.notes.push(format!(
            "{bare} connections are without settings, which the list of the product leaves out; \
             GET /connections/ALIAS has them"
        ));
    }
    Ok(found)
}

/// Adds a setting. Text like `$OpenAI:ApiKey` refers to the configuration of the product.
fn setting(
    draft: &mut Draft,
    provider: &Provider,
    name: &str,
    value: Value,
    references: &mut Vec<Value>,
) {
    let is_path = |text: &str| text.starts_with('$') && text.contains(':');
    match value.as_str().filter(|text| is_path(text)) {
        Some(path) => references.push(json!({ "target": name, "reference": path })),
        None => draft.field(provider, name, value),
    }
}
