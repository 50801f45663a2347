//! `vault kv get -format=json`: one secret of the KV engine, of either version. What it prints does
//! not name the secret, so the file does, or the caller.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::draft::{Draft, field_name};
use super::lists::{Row, rows};
use super::{FileContent, Options};
use crate::manifest::SecretSource;
use crate::place::{Complaint, Place};

pub(super) fn read(file: &str, text: &str, options: Options<'_>) -> Result<FileContent, Complaint> {
    let mut found = FileContent::default();
    let stem = Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = options.slug.map(str::to_owned).or(stem).unwrap_or_default();
    for row in rows(file, text, &[], "data")? {
        let Some(fields) = fields(&row) else {
            let message = "has no data; a deleted version has none";
            return Err(Complaint::new(Place::file(file), message));
        };
        found.drafts.push(draft(&row, &name, fields, options));
    }
    Ok(found)
}

/// Returns the fields of a secret. In version 2 they are one level deeper, beside metadata.
fn fields(row: &Row) -> Option<Map<String, Value>> {
    let data = row.object("data");
    let is_second = data.contains_key("data") && data.contains_key("metadata");
    let fields = if is_second { data.get("data")?.as_object()?.clone() } else { data };
    (!fields.is_empty()).then_some(fields)
}

fn draft(row: &Row, name: &str, mut fields: Map<String, Value>, options: Options<'_>) -> Draft {
    let told = match fields.remove("provider") {
        Some(Value::String(provider)) => Some(provider),
        other => {
            fields.extend(other.map(|value| ("provider".to_owned(), value)));
            None
        }
    };
    let named = options.provider.map(str::to_owned).or(told).unwrap_or_else(|| name.to_owned());
    let known = options.catalogue.find(&named);
    let provider = known.map_or(named.as_str(), |known| known.id.as_str());
    let rules = options.catalogue.of(provider);
    let mut draft = Draft::new(row.place.clone(), name, provider);
    for (key, value) in fields {
        let field = field_name(known, &key);
        let is_secret = rules.is_secret(&field) || rules.exposed(&field, &value).is_some();
        match options.vault_path.filter(|_| is_secret) {
            Some(path) => {
                let reference = json!({ "kind": "vault", "name": path, "key": key });
                let reference = reference.as_object().cloned().unwrap_or_default();
                draft.secrets.insert(field, SecretSource::Reference(reference));
            }
            None => draft.field(rules, &field, value),
        }
    }
    draft.complete(known);
    draft
}
