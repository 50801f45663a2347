//! Rules for signatures and tokens.

use super::{Faults, text};
use crate::auth::AuthFields;
use crate::draft;
use crate::limits;
use crate::provider::Provider;

impl Provider {
    pub(super) fn auth_faults(&self, auth: &AuthFields, faults: &mut Faults) {
        for (part, name, _) in auth.names() {
            let place = format!("probe.auth.{part}");
            match self.field(name) {
                None => faults.add(place, format!("`{name}` is not a field of this provider")),
                Some(field) if !field.secret && part != "client_id" => {
                    faults.add(place, format!("`{name}` is not secret"));
                }
                Some(_) => {}
            }
        }
        for (part, value) in auth.texts() {
            let own = match part {
                "token_url" => text::address(value),
                _ => text::line(value, limits::HEADER_CHARS),
            };
            self.template_faults(&format!("probe.auth.{part}"), value, own, faults);
        }
        for name in auth.token_url().into_iter().flat_map(draft::in_host) {
            if self.field(name).is_some_and(|field| field.destination == Some(false)) {
                let problem = format!("`${{{name}}}` is no destination, and cannot be in the host");
                faults.add("probe.auth.token_url", problem);
            }
        }
    }
}
