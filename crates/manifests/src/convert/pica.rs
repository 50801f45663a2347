//! `GET /v1/vault/connections` of Pica. No answer of it has a secret.

use serde_json::{Value, json};

use super::FileContent;
use super::draft::Draft;
use super::lists::rows;
use crate::place::Complaint;

/// Characters of an id that tell connections to one platform apart.
const ID_CHARS: usize = 8;

pub(super) fn read(file: &str, text: &str) -> Result<FileContent, Complaint> {
    let mut found = FileContent::default();
    for row in rows(file, text, &["rows"], "platform")? {
        let platform = row.text("platform").unwrap_or_default();
        let id = row.text("id").or_else(|| row.text("_id")).unwrap_or_default();
        let short: String = id.chars().take(ID_CHARS).collect();
        let name = row.text("name").map_or_else(|| format!("{platform}-{short}"), str::to_owned);
        let mut draft = Draft::new(row.place.clone(), &name, platform);
        draft.set("display_name", row.text("name"));
        draft.set("description", row.text("description"));
        draft.set("provider_version", row.text("platformVersion"));
        draft.set("kind", row.text("type"));
        draft.set("environment", row.text("environment"));
        if let Some(value) = row.text("identity") {
            let kind = row.text("identityType").unwrap_or("user");
            draft.set("identity", json!({ "type": kind, "value": value }));
        }
        let is_off = row.members.get("active").and_then(Value::as_bool) == Some(false);
        draft.set("enabled", is_off.then_some(false));
        let tags = row.members.get("tags").and_then(Value::as_array);
        draft.set("tags", tags.filter(|tags| !tags.is_empty()).cloned());
        draft.set("auth_method", "unknown");
        draft.missing.push("its credentials".to_owned());
        found.drafts.push(draft);
    }
    Ok(found)
}
