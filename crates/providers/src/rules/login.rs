//! Rules for logins.

use super::Faults;
use crate::login::LoginFields;
use crate::provider::Provider;

impl Provider {
    pub(super) fn login_faults(&self, login: &LoginFields, faults: &mut Faults) {
        if self.probe.is_some() {
            faults.add("login", "stands beside a probe; leave one of them out");
        }
        for (part, name) in login.names() {
            let place = format!("login.{part}");
            let Some(field) = self.field(name) else {
                faults.add(place, format!("`{name}` is not a field of this provider"));
                continue;
            };
            let must_be_secret = matches!(part, "password" | "url");
            if must_be_secret && !field.secret {
                faults.add(place, format!("`{name}` is not secret"));
            } else if login.destinations().any(|one| one == name)
                && field.destination == Some(false)
            {
                faults.add(place, format!("`{name}` is no destination, and decides about one"));
            }
        }
    }
}
