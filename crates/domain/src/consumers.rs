//! Consumers of a connection: who uses its secrets, and which generation. What they say is recorded
//! in a stream beside the connection's, so that it does not change the connection's version.

use std::collections::{BTreeMap, BTreeSet};

use crate::connection::{Connection, Rejection};
use crate::ids::{Actor, Generation, Micros, Position, Version};
use crate::limits;
use crate::secret::Secret;
use crate::text::{ConsumerName, FieldName};

/// A consumer, as it last confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The generation that it uses, by field. Other fields it does not use.
    pub generations: BTreeMap<FieldName, Generation>,
    /// Who confirmed.
    pub actor: Actor,
    /// When.
    pub confirmed_at: Micros,
    /// The log position of the confirmation.
    pub position: Position,
    /// Its version in the stream of what the connection's consumers say.
    pub version: Version,
}

/// All consumers of one connection.
pub type Consumers = BTreeMap<ConsumerName, Consumer>;

/// A command about a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerCommand {
    /// Says which generations a consumer uses, and registers it if it is new. Without any, it
    /// leaves.
    Confirm {
        /// The consumer.
        consumer: ConsumerName,
        /// The generation of each field that it uses.
        generations: BTreeMap<FieldName, Generation>,
    },
    /// Removes a consumer, whoever it is.
    Remove {
        /// The consumer.
        consumer: ConsumerName,
    },
}

/// An event about a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsumerEvent {
    /// A consumer said which generations it uses.
    Confirmed {
        /// The consumer.
        consumer: ConsumerName,
        /// The generation of each field that it uses.
        generations: BTreeMap<FieldName, Generation>,
        /// One that was gone and had to make room, if there was no other.
        replaces: Option<ConsumerName>,
    },
    /// A consumer left or was removed.
    Removed {
        /// The consumer.
        consumer: ConsumerName,
    },
}

impl ConsumerEvent {
    /// All stored type names, in the order of the variants.
    pub const TYPE_NAMES: [&'static str; 2] = ["secret_confirmed", "consumer_removed"];

    /// Returns the stored type name.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Confirmed { .. } => "secret_confirmed",
            Self::Removed { .. } => "consumer_removed",
        }
    }
}

/// The result of an accepted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Something new, which is recorded.
    New(ConsumerEvent),
    /// The consumer has said the same before.
    Known(Consumer),
}

impl ConsumerCommand {
    /// Returns the consumer that the command is about.
    pub const fn consumer(&self) -> &ConsumerName {
        match self {
            Self::Confirm { consumer, .. } | Self::Remove { consumer } => consumer,
        }
    }
}

/// Decides on a command about a consumer of a connection. `gone` tells of whom nothing has been
/// heard for long, and since when, so that the longest gone makes room first.
pub fn decide_consumer(
    connection: Option<&Connection>,
    consumers: &Consumers,
    actor: &Actor,
    gone: impl Fn(&ConsumerName, &Consumer) -> Option<Micros>,
    command: ConsumerCommand,
) -> Result<Confirmation, Rejection> {
    let connection = connection.ok_or(Rejection::ConnectionUnknown)?;
    if connection.lifecycle.is_erased() {
        return Err(Rejection::ConnectionErased);
    }
    let (consumer, generations) = match command {
        ConsumerCommand::Remove { consumer } => return remove(consumers, consumer),
        ConsumerCommand::Confirm { consumer, generations } => (consumer, generations),
    };
    let known = consumers.get(&consumer);
    if known.is_some_and(|known| known.actor != *actor && gone(&consumer, known).is_none()) {
        return Err(Rejection::ConsumerTaken);
    }
    if generations.is_empty() {
        return remove(consumers, consumer);
    }
    connection.lifecycle.check_active()?;
    for (field, generation) in &generations {
        let secret = connection.secrets.get(field);
        let secret =
            secret.ok_or_else(|| Rejection::SecretFieldUnknown { field: field.clone() })?;
        if *generation > secret.generation {
            return Err(Rejection::GenerationUnknown { field: field.clone() });
        }
    }
    let same = |known: &&Consumer| known.actor == *actor && known.generations == generations;
    if let Some(known) = known.filter(same) {
        return Ok(Confirmation::Known(known.clone()));
    }
    let mut replaces = None;
    if known.is_none() && consumers.len() >= limits::CONSUMERS {
        let gone = consumers.iter().filter_map(|(name, one)| Some((gone(name, one)?, name)));
        let (_, longest) = gone.min().ok_or(Rejection::ConsumersFull(consumers.len()))?;
        replaces = Some(longest.clone());
    }
    Ok(Confirmation::New(ConsumerEvent::Confirmed { consumer, generations, replaces }))
}

fn remove(consumers: &Consumers, consumer: ConsumerName) -> Result<Confirmation, Rejection> {
    if !consumers.contains_key(&consumer) {
        return Err(Rejection::ConsumerUnknown);
    }
    Ok(Confirmation::New(ConsumerEvent::Removed { consumer }))
}

/// Returns the fields whose former generation waits for confirmation and is confirmed: there are
/// consumers of the field, and all of them use its current generation. `consumers` are those that
/// count, which are not gone.
pub fn confirmed_fields(connection: &Connection, consumers: &[&Consumer]) -> BTreeSet<FieldName> {
    let is_confirmed = |(field, secret): &(&FieldName, &Secret)| {
        let mut used = consumers.iter().filter_map(|one| one.generations.get(*field)).peekable();
        secret.former.as_ref().is_some_and(|former| former.end.once_confirmed)
            && used.peek().is_some()
            && used.all(|generation| *generation >= secret.generation)
    };
    let confirmed = connection.secrets.iter().filter(is_confirmed);
    confirmed.map(|(field, _)| field.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::tests::samples::{field, state_of_sample, text};

    const NOW: Micros = Micros::new(9);

    fn confirm(name: &str, generation: u64) -> ConsumerCommand {
        let generations = BTreeMap::from([(field("api_key"), Generation::new(generation))]);
        ConsumerCommand::Confirm { consumer: text(name), generations }
    }

    fn consumer(actor: &str, generation: u64) -> Consumer {
        Consumer {
            generations: BTreeMap::from([(field("api_key"), Generation::new(generation))]),
            actor: Actor::new(actor),
            confirmed_at: NOW,
            position: Position::new(1),
            version: Version::new(1),
        }
    }

    /// Decides for `key:a`, when consumers whose names begin with `gone` are gone.
    fn decided(consumers: &Consumers, command: ConsumerCommand) -> Result<Confirmation, Rejection> {
        let gone =
            |name: &ConsumerName, _: &Consumer| name.as_str().starts_with("gone").then_some(NOW);
        let connection = state_of_sample();
        decide_consumer(Some(&connection), consumers, &Actor::new("key:a"), gone, command)
    }

    fn known(names: &[(&str, &str)]) -> Consumers {
        names.iter().map(|(name, actor)| (text(name), consumer(actor, 1))).collect()
    }

    #[test]
    fn a_consumer_registers_repeats_itself_and_leaves() {
        let none = Consumers::new();
        let new = decided(&none, confirm("one", 1)).unwrap();
        assert!(matches!(new, Confirmation::New(ConsumerEvent::Confirmed { .. })));
        let one = known(&[("one", "key:a")]);
        let same = decided(&one, confirm("one", 1));
        assert_eq!(same, Ok(Confirmation::Known(consumer("key:a", 1))));
        let unknown = Err(Rejection::GenerationUnknown { field: field("api_key") });
        assert_eq!(decided(&one, confirm("one", 2)), unknown);
        let leaves = || ConsumerCommand::Confirm { consumer: text("one"), generations: [].into() };
        let removed = Confirmation::New(ConsumerEvent::Removed { consumer: text("one") });
        assert_eq!(decided(&one, leaves()), Ok(removed));
        assert_eq!(decided(&none, leaves()), Err(Rejection::ConsumerUnknown));
    }

    #[test]
    fn nobody_confirms_under_the_name_of_another_that_is_not_gone() {
        let others = known(&[("one", "key:b"), ("gone", "key:b")]);
        assert_eq!(decided(&others, confirm("one", 1)), Err(Rejection::ConsumerTaken));
        let leaves = ConsumerCommand::Confirm { consumer: text("one"), generations: [].into() };
        assert_eq!(decided(&others, leaves), Err(Rejection::ConsumerTaken));
        assert!(matches!(decided(&others, confirm("gone", 1)), Ok(Confirmation::New(_))));
        let remove = ConsumerCommand::Remove { consumer: text("one") };
        assert!(decided(&others, remove).is_ok(), "who may rotate may");
    }

    #[test]
    fn a_full_connection_takes_a_consumer_in_the_place_of_one_that_is_gone() {
        let names: Vec<String> = (0..limits::CONSUMERS).map(|one| format!("c-{one}")).collect();
        let mut full: Consumers =
            names.iter().map(|name| (text(name), consumer("key:b", 1))).collect();
        assert_eq!(decided(&full, confirm("new", 1)), Err(Rejection::ConsumersFull(256)));
        full.remove("c-0");
        full.insert(text("gone-1"), consumer("key:b", 1));
        let Ok(Confirmation::New(ConsumerEvent::Confirmed { replaces, .. })) =
            decided(&full, confirm("new", 1))
        else {
            panic!("it is taken")
        };
        assert_eq!(replaces, Some(text("gone-1")));
    }

    #[test]
    fn a_field_is_confirmed_when_all_its_consumers_use_the_current_generation() {
        let mut connection = state_of_sample();
        let secret = connection.secrets.get_mut(&field("api_key")).unwrap();
        let former = crate::secret::Former {
            generation: Generation::new(1),
            held: secret.held.clone(),
            hint: secret.hint.clone(),
            came_back_of: None,
            end: crate::secret::FormerEnd { until: NOW, once_confirmed: true },
        };
        (secret.generation, secret.former) = (Generation::new(2), Some(Box::new(former)));
        let all = |generations: &[u64]| {
            let consumers: Vec<_> =
                generations.iter().map(|number| consumer("key:a", *number)).collect();
            confirmed_fields(&connection, &consumers.iter().collect::<Vec<_>>()).len()
        };
        assert_eq!((all(&[]), all(&[1]), all(&[2, 1]), all(&[2, 2])), (0, 0, 0, 1));
    }
}
