//! The rules for requests that list models.

use ledger_domain::limits::MODEL_CHARS;

use super::{Faults, text};
use crate::endpoint::{Listing, Pages};
use crate::limits;
use crate::provider::Provider;

impl Provider {
    pub(super) fn listing_faults(&self, place: &str, listing: &Listing, faults: &mut Faults) {
        let Listing { method: _, url, headers, basic, items, id, id_prefix, name, kinds, pages } =
            listing;
        self.request_faults(place, url, headers, basic.as_ref(), faults);
        let mut pointer = |member: &str, value: &str, may_be_empty: bool| {
            faults.add_if(&format!("{place}.{member}"), pointer_fault(value, may_be_empty));
        };
        pointer("items", items, true);
        pointer("id", id, false);
        if let Some(name) = name {
            pointer("name", name, false);
        }
        for (index, rule) in kinds.iter().enumerate() {
            pointer(&format!("kinds[{index}].at"), &rule.at, false);
        }
        if let Some(Pages { parameter: _, next, more }) = pages {
            let further = [("pages.next", next), ("pages.more", more)];
            for (member, value) in further {
                if let Some(value) = value {
                    pointer(member, value, false);
                }
            }
        }
        if let Some(prefix) = id_prefix {
            faults.add_if(&format!("{place}.id_prefix"), text::line(prefix, MODEL_CHARS));
        }
        faults.at_most(&format!("{place}.kinds"), kinds.len(), limits::KIND_RULES);
        for (index, rule) in kinds.iter().enumerate() {
            if !self.capabilities.contains(&rule.capability) {
                let problem = format!("`{}` is not in `capabilities`", rule.capability);
                faults.add(format!("{place}.kinds[{index}].capability"), problem);
            }
        }
        let Some(pages) = pages else { return };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let parameter = &pages.parameter;
        if parameter.is_empty() || parameter.len() > 64 || !parameter.chars().all(is_plain) {
            let problem = "must have 1 to 64 letters, digits, `_`, `-` and `.`";
            faults.add(format!("{place}.pages.parameter"), problem);
        }
        if pages.more.is_some() && pages.next.is_none() {
            faults.add(format!("{place}.pages.more"), "takes `next` as well");
        }
    }
}

fn pointer_fault(value: &str, may_be_empty: bool) -> Option<String> {
    let is_pointer = value.starts_with('/') || may_be_empty && value.is_empty();
    if !is_pointer {
        return Some("must be a JSON pointer, such as `/data`".to_owned());
    }
    if value.is_empty() { None } else { text::line(value, limits::POINTER_CHARS) }
}
