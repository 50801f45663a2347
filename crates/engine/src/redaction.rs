//! Settings that once held a secret in the clear, and are hidden since.
//!
//! The log keeps what was written. Whoever reads earlier events or states is shown a mask instead,
//! unless they may reveal the connection's secrets.

use std::collections::BTreeMap;

use ledger_domain::connection::Details;
use ledger_domain::{CheckedText as _, Connection, Event, FieldName, Json, Version};
use ledger_providers::Catalogue;
use serde_json::Value;

use crate::destination::value;

/// The mask of a hidden setting, as JSON.
const MASK: &str = "\"********\"";

/// The hidden settings of a connection: each with the version before which its values are hidden.
pub(crate) type Redacted = BTreeMap<FieldName, Version>;

/// Returns the event with the names of those settings that it removes or replaces and that held a
/// secret in the clear.
pub(crate) fn settle(
    catalogue: &Catalogue,
    before: &Connection,
    after: &Details,
    mut event: Event,
) -> Event {
    let provider = catalogue.of(before.details.provider.as_str());
    let settings = before.details.config.iter();
    let changed = settings.filter(|(name, old)| after.config.get(*name) != Some(old));
    let exposed =
        changed.filter(|(name, old)| provider.exposed(name.as_str(), &value(Some(old))).is_some());
    let exposed = exposed.map(|(name, _)| name.clone());
    match &mut event {
        Event::Updated(revision) => revision.redact.extend(exposed),
        Event::Reverted(reverted) => reverted.redact.extend(exposed),
        _ => {}
    }
    event
}

/// Returns whether an event hides more than was hidden before. An erasure hides everything.
pub(crate) fn hides_more(before: Option<&Connection>, after: &Connection) -> bool {
    if after.lifecycle.is_erased() {
        return true;
    }
    before.is_some_and(|before| before.redacted != after.redacted)
}

/// Returns the text to show in place of a setting that was written at `version`, if it is hidden.
/// A hidden name such as `custom_headers.Authorization` also means a member of an object.
pub(crate) fn mask(
    redacted: &Redacted,
    version: Version,
    setting: &str,
    text: &str,
) -> Option<String> {
    let hidden = redacted.iter().filter(|(_, since)| version < **since);
    let hidden: Vec<&str> = hidden.map(|(name, _)| name.as_str()).collect();
    if hidden.contains(&setting) {
        return Some(MASK.to_owned());
    }
    let members = hidden.iter().filter_map(|name| name.strip_prefix(setting)?.strip_prefix('.'));
    let members: Vec<&str> = members.collect();
    if members.is_empty() {
        return None;
    }
    let mut object: Value = serde_json::from_str(text).ok()?;
    let found = members.iter().filter_map(|member| object.get_mut(*member).map(blank)).count();
    (found > 0).then(|| object.to_string())
}

fn blank(value: &mut Value) {
    *value = Value::String(MASK.trim_matches('"').to_owned());
}

/// Hides settings in the details of a connection at a version.
pub(crate) fn mask_details(redacted: &Redacted, version: Version, details: &mut Details) {
    for (name, setting) in &mut details.config {
        if let Some(masked) = mask(redacted, version, name.as_str(), setting.text()) {
            *setting = Json::from_canonical(masked);
        }
    }
}

/// Returns the first setting of an earlier version that a revert would bring back although it is
/// hidden.
pub(crate) fn hidden_again<'a>(
    before: &Connection,
    to: Version,
    after: &'a Details,
) -> Option<&'a FieldName> {
    let changed = after.config.iter();
    let mut changed = changed.filter(|(name, new)| before.details.config.get(*name) != Some(new));
    let is_hidden = |(name, new): &(&FieldName, &Json)| {
        mask(&before.redacted, to, name.as_str(), new.text()).is_some()
    };
    changed.find(is_hidden).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(names: &[(&str, u64)]) -> Redacted {
        let name = |name: &str| FieldName::stored(name.into());
        names.iter().map(|(text, since)| (name(text), Version::new(*since))).collect()
    }

    #[test]
    fn a_hidden_setting_is_a_mask_before_its_version() {
        let names = redacted(&[("api_key", 3)]);
        let at = |version| mask(&names, Version::new(version), "api_key", "\"canary\"");
        assert_eq!(at(2).as_deref(), Some(MASK));
        assert_eq!(at(3), None);
        assert_eq!(mask(&names, Version::new(1), "api_key_2", "1"), None);
    }

    #[test]
    fn a_hidden_member_is_a_mask_within_its_object() {
        let names = redacted(&[("headers.Authorization", 3), ("headers.X.Y", 3)]);
        let at = |text| mask(&names, Version::new(1), "headers", text);
        let shown = at("{\"Authorization\":\"canary\",\"Team\":\"a\",\"X.Y\":\"canary\"}");
        let expected = "{\"Authorization\":\"********\",\"Team\":\"a\",\"X.Y\":\"********\"}";
        assert_eq!(shown.as_deref(), Some(expected));
        assert_eq!(at("{\"Team\":\"a\"}"), None);
        assert_eq!(at("\"text\""), None);
    }
}
