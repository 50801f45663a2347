//! Which rules hold for a secret field.

use ledger_domain::{
    AgeState, Connection, ConnectionId, FieldName, Lifecycle, MaxAge, Micros, Overdue,
    PolicySubject, Rules, SecretAges, WorkspaceName,
};
use ledger_providers::{Catalogue, Provider};
use std::collections::BTreeMap;

use super::AllPolicies;

/// The secret fields of a connection, as policies see them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SecretFields<'a> {
    catalogue: &'a Catalogue,
    workspace: &'a WorkspaceName,
    connection: ConnectionId,
    provider: &'a str,
    /// What the catalogue says of the provider.
    described: &'a Provider,
}

impl<'a> SecretFields<'a> {
    /// Returns the fields of a connection of a provider, which may be new.
    pub(crate) fn new(
        catalogue: &'a Catalogue,
        workspace: &'a WorkspaceName,
        connection: ConnectionId,
        provider: &'a str,
    ) -> Self {
        Self { catalogue, workspace, connection, provider, described: catalogue.of(provider) }
    }

    /// Returns the fields of a connection.
    pub(crate) fn of(catalogue: &'a Catalogue, connection: &'a Connection) -> Self {
        let provider = connection.details.provider.as_str();
        Self::new(catalogue, &connection.workspace, connection.id, provider)
    }

    /// Returns the rules for one field.
    pub(crate) fn rules<'p>(&self, field: &FieldName, all: &'p AllPolicies) -> Rules<'p> {
        let of_ledger = all.of_ledger.rules(|subject| self.is_about(subject, field));
        match all.by_place.get(self.workspace) {
            Some(own) => of_ledger.and(own.rules(|subject| self.is_about(subject, field))),
            None => of_ledger,
        }
    }

    /// Names of providers and fields are compared as the catalogue does, in any spelling.
    fn is_about(&self, subject: &PolicySubject, field: &FieldName) -> bool {
        let PolicySubject { connection, provider, field: named } = subject;
        connection.is_none_or(|id| id == self.connection)
            && named
                .as_ref()
                .is_none_or(|named| is_same_field(self.described, named.as_str(), field.as_str()))
            && provider.as_ref().is_none_or(|name| self.is_provider(name.as_str()))
    }

    fn is_provider(&self, name: &str) -> bool {
        self.catalogue.is_same_provider(name, self.provider)
    }
}

fn is_same_field(provider: &Provider, one: &str, other: &str) -> bool {
    let same = || Some(provider.field(one)?.name == provider.field(other)?.name);
    one.eq_ignore_ascii_case(other) || same().unwrap_or_default()
}

impl AllPolicies {
    /// Returns the limits of the ages of a connection's secrets.
    fn max_ages<'a>(
        &'a self,
        catalogue: &'a Catalogue,
        connection: &'a Connection,
    ) -> impl Iterator<Item = (&'a FieldName, &'a ledger_domain::Secret, MaxAge)> {
        let fields = SecretFields::of(catalogue, connection);
        connection.secrets.iter().filter_map(move |(field, secret)| {
            Some((field, secret, fields.rules(field, self).max_age?))
        })
    }

    /// Returns whether new values of any secret of a connection are looked at.
    pub(crate) fn concern_values(&self, catalogue: &Catalogue, connection: &Connection) -> bool {
        let fields = SecretFields::of(catalogue, connection);
        connection.secrets.keys().any(|field| fields.rules(field, self).concern_values())
    }

    /// Returns how old the secrets of a connection are whose age is limited.
    pub(crate) fn ages(
        &self,
        catalogue: &Catalogue,
        connection: &Connection,
        now: Micros,
    ) -> SecretAges {
        let ages = self.max_ages(catalogue, connection);
        ages.map(|(field, secret, max_age)| (field.clone(), max_age.of(secret.set_at, now)))
            .collect()
    }

    /// Returns whether any secret of a connection is in one of these states.
    pub(crate) fn any_is(
        &self,
        catalogue: &Catalogue,
        connection: &Connection,
        now: Micros,
        wanted: &[AgeState],
    ) -> bool {
        let mut ages = self.max_ages(catalogue, connection);
        ages.any(|(_, secret, max_age)| wanted.contains(&max_age.of(secret.set_at, now).state))
    }

    /// Returns the secrets of a connection that are overdue and not recorded as that.
    pub(crate) fn overdue(
        &self,
        catalogue: &Catalogue,
        connection: &Connection,
        now: Micros,
    ) -> BTreeMap<FieldName, Overdue> {
        if connection.lifecycle != Lifecycle::Active {
            return BTreeMap::new();
        }
        let ages = self.max_ages(catalogue, connection);
        ages.filter_map(|(field, secret, max_age)| {
            Some((field.clone(), Overdue::of(secret, max_age, now)?))
        })
        .collect()
    }

    /// Returns when the next secret of a connection becomes overdue that is not recorded as that.
    pub(crate) fn next_overdue(
        &self,
        catalogue: &Catalogue,
        connection: &Connection,
    ) -> Option<Micros> {
        if connection.lifecycle != Lifecycle::Active {
            return None;
        }
        let ages = self.max_ages(catalogue, connection).filter(|(_, secret, _)| !secret.overdue);
        ages.map(|(_, secret, max_age)| max_age.end(secret.set_at)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_same_in_every_spelling_of_the_catalogue() {
        let catalogue = Catalogue::built_in();
        let openai = catalogue.of("openai");
        let field = openai.fields.iter().find(|field| field.spellings().count() > 1);
        let field = field.expect("a field with two spellings");
        let spellings: Vec<_> = field.spellings().collect();
        assert!(is_same_field(openai, spellings[0], spellings[1]), "{spellings:?}");
        assert!(is_same_field(openai, "My_Field", "my_field"));
        assert!(!is_same_field(openai, spellings[0], "my_field"));
    }
}
