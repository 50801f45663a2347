//! `GET /integrations/connections` of Blaxel.

use ledger_providers::Facade;
use serde_json::Value;

use super::draft::Draft;
use super::lists::rows;
use super::{FileContent, Options};
use crate::place::Complaint;

pub(super) fn read(file: &str, text: &str, options: Options<'_>) -> Result<FileContent, Complaint> {
    let mut found = FileContent::default();
    for row in rows(file, text, &["data"], "metadata")? {
        let within =
            |path| row.within(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let name = within(["metadata", "name"]).unwrap_or_default().to_owned();
        let Some(integration) = within(["spec", "integration"]) else {
            found.refused.push((name, "has no spec.integration".to_owned()));
            continue;
        };
        let catalogue = options.catalogue;
        let known = catalogue.find_at(Facade::Blaxel, integration);
        let provider = known.map_or(integration, |known| known.id.as_str());
        let mut draft = Draft::new(row.place.clone(), &name, provider);
        draft.set("display_name", within(["metadata", "displayName"]));
        let is_test = row.within(["spec", "sandbox"]).and_then(Value::as_bool) == Some(true);
        draft.set("environment", is_test.then_some("test"));
        let object =
            |path| row.within(path).and_then(Value::as_object).cloned().unwrap_or_default();
        for (key, value) in object(["metadata", "labels"]) {
            draft.set_in("labels", &key, value);
        }
        if let Some(id) = within(["metadata", "externalId"]) {
            draft.set_in("annotations", "blaxel.externalId", id);
        }
        for (key, value) in object(["spec", "config"]) {
            draft.field(catalogue.of(provider), &key, value);
        }
        for (key, value) in object(["spec", "secret"]) {
            draft.secret(&key, value.as_str().unwrap_or_default().to_owned());
        }
        draft.complete(known);
        found.drafts.push(draft);
    }
    Ok(found)
}
