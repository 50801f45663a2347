//! Reveals of secrets. They are events in a stream beside the connection's, so that a reveal does
//! not change the connection's version.

use std::collections::{BTreeMap, BTreeSet};

use crate::connection::{Connection, Lifecycle, Rejection};
use crate::ids::Generation;
use crate::text::{FieldName, Line, Prose};

/// A request for the values of secret fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevealSecret {
    /// The fields; all when empty.
    pub fields: BTreeSet<FieldName>,
    /// The reason, for readers of the history.
    pub reason: Prose,
    /// Where the request came from, if the endpoint knows it.
    pub from: Option<Line>,
}

/// Secret values were revealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRevealed {
    /// The revealed fields, with the generation of each.
    pub generations: BTreeMap<FieldName, Generation>,
    /// The reason.
    pub reason: Prose,
    /// Where the request came from.
    pub from: Option<Line>,
}

impl SecretRevealed {
    /// The stored type name.
    pub const TYPE_NAME: &'static str = "secret_revealed";
}

/// Decides whether secrets of a connection in this state are revealed. Secrets of disabled or
/// archived connections are not, because those are not to be used.
pub fn decide_reveal(
    state: Option<&Connection>,
    command: RevealSecret,
) -> Result<SecretRevealed, Rejection> {
    let connection = state.ok_or(Rejection::ConnectionUnknown)?;
    if connection.lifecycle != Lifecycle::Active {
        return Err(Rejection::ConnectionArchived);
    }
    if !connection.enabled {
        return Err(Rejection::ConnectionDisabled);
    }
    if let Some(field) = command.fields.iter().find(|name| !connection.secrets.contains_key(*name))
    {
        return Err(Rejection::SecretFieldUnknown { field: field.clone() });
    }
    let wanted = |name: &FieldName| command.fields.is_empty() || command.fields.contains(name);
    let generations = connection
        .secrets
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, secret)| (name.clone(), secret.generation))
        .collect();
    Ok(SecretRevealed { generations, reason: command.reason, from: command.from })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::samples::{field, state_of_sample, text};

    fn ask(state: Option<&Connection>, fields: &[&str]) -> Result<SecretRevealed, Rejection> {
        let fields = fields.iter().map(|name| field(name)).collect();
        decide_reveal(state, RevealSecret { fields, reason: text("to route"), from: None })
    }

    #[test]
    fn secrets_of_a_usable_connection_are_given_out_by_field() {
        let connection = state_of_sample();
        let all = ask(Some(&connection), &[]).unwrap();
        assert_eq!(all.generations, [(field("api_key"), Generation::new(1))].into());
        assert_eq!(ask(Some(&connection), &["api_key"]), Ok(all));
        let unknown = Rejection::SecretFieldUnknown { field: field("other") };
        assert_eq!(ask(Some(&connection), &["other"]), Err(unknown));
    }

    #[test]
    fn what_is_not_to_be_used_keeps_its_secrets() {
        let mut connection = state_of_sample();
        connection.enabled = false;
        assert_eq!(ask(Some(&connection), &[]), Err(Rejection::ConnectionDisabled));
        connection.lifecycle = Lifecycle::Archived { at: connection.created_at };
        assert_eq!(ask(Some(&connection), &[]), Err(Rejection::ConnectionArchived));
        assert_eq!(ask(None, &[]), Err(Rejection::ConnectionUnknown));
    }
}
