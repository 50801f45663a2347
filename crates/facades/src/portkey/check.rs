//! Checks that a connection has the fields its provider requires.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ledger_domain::connection::AuthMethod;
use ledger_domain::{CheckedText, Connection, InvalidField};
use ledger_providers::{Facade, Field, Given, Provider};
use serde_json::Value;

use super::configurations::{self, Changes};
use super::mappings::KEY;

/// The fields of a connection, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Have {
    settings: BTreeMap<String, Value>,
    /// Fields whose values are sealed.
    secrets: Vec<String>,
    /// Fields whose values are in an external store.
    references: Vec<String>,
}

impl Have {
    /// Returns the fields of a connection.
    pub(super) fn of(connection: &Connection, provider: &Provider) -> Self {
        let details = &connection.details;
        let settings = details.config.iter().map(|(field, value)| {
            let value = serde_json::from_str(value.text()).unwrap_or_default();
            (field.to_string(), value)
        });
        let way = configurations::way(connection, provider);
        let way = way.map(|(name, word)| (name.to_owned(), word.into()));
        let references = details.secret_references.iter();
        Self {
            settings: settings.chain(way).collect(),
            secrets: connection.secrets.keys().map(ToString::to_string).collect(),
            references: references.map(|reference| reference.target.to_string()).collect(),
        }
    }

    /// Applies changes. If `whole` is set, settings that are not among them are removed.
    pub(super) fn change(&mut self, provider: &Provider, changes: &Changes, whole: bool) {
        if whole {
            self.settings.retain(|name, _| !configurations::is_shown(provider, name));
        }
        for (name, value) in &changes.config {
            match value {
                Some(value) => self.settings.insert(name.clone(), value.clone()),
                None => self.settings.remove(name),
            };
        }
        for (name, value) in &changes.secrets {
            self.secrets.retain(|known| known != name);
            self.secrets.extend(value.is_some().then(|| name.clone()));
        }
    }

    /// Replaces the references.
    pub(super) fn refer(&mut self, targets: Vec<String>) {
        self.references = targets;
    }

    fn get(&self, field: &Field) -> Option<Given<'_>> {
        let hidden = self.secrets.iter().chain(&self.references);
        if hidden.into_iter().any(|name| field.is_called(name)) {
            return Some(Given::Hidden);
        }
        let found = self.settings.iter().find(|(name, _)| field.is_called(name));
        found.map(|(_, value)| Given::Json(Cow::Borrowed(value)))
    }

    /// Returns the authentication method of a connection with these fields.
    pub(super) fn auth_method(&self, provider: &Provider) -> AuthMethod {
        provider.auth_method(&|field| self.get(field)).unwrap_or(AuthMethod::Unknown)
    }

    /// Checks the fields. Problems that existed before the change are ignored, so that a connection
    /// left incomplete by another API can still be changed here.
    ///
    /// Errors: `field_invalid`, with all problems in one message.
    pub(super) fn check(
        &self,
        before: Option<&Self>,
        provider: &Provider,
    ) -> Result<(), InvalidField> {
        let facade = Some(Facade::Portkey);
        let old = before.map(|before| provider.check(facade, &|field| before.get(field)));
        let old = old.unwrap_or_default();
        let new = provider.check(facade, &|field| self.get(field));
        let mut new = new.into_iter().filter(|complaint| !old.contains(complaint));
        let Some(first) = new.next() else { return Ok(()) };
        let place = |name: &str| match name {
            KEY => KEY.to_owned(),
            name => format!("configurations.{name}"),
        };
        let rest =
            new.map(|complaint| format!("; {}: {}", place(&complaint.field), complaint.wrong));
        let problem = format!("{}{}", first.wrong, rest.collect::<String>());
        Err(InvalidField::new(place(&first.field), problem))
    }
}
