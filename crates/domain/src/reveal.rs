//! Reveals of secrets. They are events in a stream beside the connection's, so that a reveal does
//! not change the connection's version.

use std::collections::{BTreeMap, BTreeSet};

use crate::connection::{Connection, Lifecycle, Rejection};
use crate::ids::{Generation, Micros};
use crate::secret::Secret;
use crate::text::{FieldName, Line, Prose};

/// A request for the values of secret fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevealSecret {
    /// The fields; all when empty.
    pub fields: BTreeSet<FieldName>,
    /// Which of the values that are given out.
    pub generation: WantedGeneration,
    /// The reason, for readers of the history.
    pub reason: Prose,
    /// Where the request came from, if the endpoint knows it.
    pub from: Option<Line>,
    /// Whether the values are for a test, which is made before a connection is enabled as well.
    pub for_test: bool,
}

/// Which value of a secret field is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WantedGeneration {
    /// The current one.
    #[default]
    Current,
    /// The one before it, while it is given out.
    Former,
    /// The one with this number, while it is given out.
    Exactly(Generation),
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

impl Connection {
    /// Returns whether its secrets are given out: it is enabled and not archived.
    pub fn gives_out_secrets(&self) -> bool {
        self.enabled && self.lifecycle == Lifecycle::Active
    }
}

/// Decides whether secrets of a connection in this state are revealed. Secrets of disabled or
/// archived connections are not, because those are not to be used, and erased ones have none. For a
/// test, those of disabled ones are. A former generation is, until its end has passed at `now`.
///
/// If no field is named, those are revealed that have the wanted generation, of which there must be
/// one unless the connection has no secrets.
pub fn decide_reveal(
    state: Option<&Connection>,
    command: RevealSecret,
    now: Micros,
) -> Result<SecretRevealed, Rejection> {
    let connection = state.ok_or(Rejection::ConnectionUnknown)?;
    connection.lifecycle.check_active()?;
    if !connection.enabled && !command.for_test {
        return Err(Rejection::ConnectionDisabled);
    }
    let mut generations = BTreeMap::new();
    for field in &command.fields {
        let unknown = || Rejection::SecretFieldUnknown { field: field.clone() };
        let secret = connection.secrets.get(field).ok_or_else(unknown)?;
        let number = given_out(connection, field, secret, command.generation, now)?;
        generations.insert(field.clone(), number);
    }
    if command.fields.is_empty() {
        let mut refused = None;
        for (field, secret) in &connection.secrets {
            match given_out(connection, field, secret, command.generation, now) {
                Ok(generation) => drop(generations.insert(field.clone(), generation)),
                Err(rejection) => refused = refused.or(Some(rejection)),
            }
        }
        if let Some(rejection) = refused.filter(|_| generations.is_empty()) {
            return Err(rejection);
        }
    }
    Ok(SecretRevealed { generations, reason: command.reason, from: command.from })
}

/// Returns the number of the wanted value, if it is given out.
fn given_out(
    connection: &Connection,
    field: &FieldName,
    secret: &Secret,
    wanted: WantedGeneration,
    now: Micros,
) -> Result<Generation, Rejection> {
    let former = secret.former_at(now).map(|former| former.generation);
    let never = |number: u64| number == 0 || number > secret.generation.get();
    let found = match wanted {
        // A value that is the first of its field has none before it.
        WantedGeneration::Former if secret.generation.get() == 1 => {
            return Err(Rejection::GenerationUnknown { field: field.clone() });
        }
        WantedGeneration::Current => Some(secret.generation),
        WantedGeneration::Former => former,
        WantedGeneration::Exactly(number) if never(number.get()) => {
            return Err(Rejection::GenerationUnknown { field: field.clone() });
        }
        WantedGeneration::Exactly(number) if connection.is_compromised(field, number) => {
            return Err(Rejection::GenerationCompromised {
                field: field.clone(),
                generation: number,
            });
        }
        WantedGeneration::Exactly(number) => {
            Some(number).filter(|number| *number == secret.generation || former == Some(*number))
        }
    };
    found.ok_or_else(|| Rejection::GenerationRetired { field: field.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Lifecycle;
    use crate::connection::tests::samples::{field, state_of_sample, text};

    fn ask(state: Option<&Connection>, fields: &[&str]) -> Result<SecretRevealed, Rejection> {
        let fields = fields.iter().map(|name| field(name)).collect();
        let command = RevealSecret {
            fields,
            generation: WantedGeneration::Current,
            reason: text("to route"),
            from: None,
            for_test: false,
        };
        decide_reveal(state, command, Micros::new(0))
    }

    fn test(connection: &Connection) -> Result<SecretRevealed, Rejection> {
        let command = RevealSecret {
            fields: BTreeSet::new(),
            generation: WantedGeneration::Current,
            reason: text("to test it"),
            from: None,
            for_test: true,
        };
        decide_reveal(Some(connection), command, Micros::new(0))
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
    fn a_value_that_never_was_is_unknown_and_not_retired() {
        let connection = state_of_sample();
        let wanted = |generation| {
            let fields = [field("api_key")].into();
            let (reason, for_test) = (text("a look"), false);
            let command = RevealSecret { fields, generation, reason, from: None, for_test };
            decide_reveal(Some(&connection), command, Micros::new(0)).unwrap_err()
        };
        let unknown = || Rejection::GenerationUnknown { field: field("api_key") };
        assert_eq!(wanted(WantedGeneration::Former), unknown());
        assert_eq!(wanted(WantedGeneration::Exactly(Generation::ZERO)), unknown());
        assert_eq!(wanted(WantedGeneration::Exactly(Generation::new(2))), unknown());
    }

    #[test]
    fn what_is_not_to_be_used_keeps_its_secrets() {
        let mut connection = state_of_sample();
        connection.enabled = false;
        assert_eq!(ask(Some(&connection), &[]), Err(Rejection::ConnectionDisabled));
        assert!(test(&connection).is_ok(), "it may be tested before it is enabled");
        connection.lifecycle = Lifecycle::Archived { at: connection.created_at };
        assert_eq!(ask(Some(&connection), &[]), Err(Rejection::ConnectionArchived));
        assert_eq!(test(&connection), Err(Rejection::ConnectionArchived));
        connection.lifecycle = Lifecycle::Erased { at: connection.created_at };
        assert_eq!(ask(Some(&connection), &[]), Err(Rejection::ConnectionErased));
        assert_eq!(ask(None, &[]), Err(Rejection::ConnectionUnknown));
    }
}
