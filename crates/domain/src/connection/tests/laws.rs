//! Properties of every history.

use proptest::prelude::*;

use super::generated::{command, commands, revision};
use super::harness::{Given, facts, fold, fold_from, given};
use super::samples::*;
use crate::connection::{
    ACCESS_TOKEN, Command, Connection, Emptied, Event, HealthState, Lifecycle, Rejection, evolve,
};
use crate::ids::{Expected, Version};

/// Executes commands one after the other. Refused commands leave no trace.
fn history(commands: &[Command]) -> Vec<Event> {
    let mut events = vec![created()];
    for command in commands {
        if let Ok(event) = given(events.clone()).when(command.clone()).answer() {
            events.push(event);
        }
    }
    events
}

fn state(history: &Given) -> Connection {
    history.state().unwrap()
}

/// Returns the connection without what every change sets: position, version, time and actor.
fn unstamped(mut connection: Connection) -> Connection {
    let first = facts(1);
    connection.version = first.version;
    connection.position = first.position;
    connection.updated_at = first.recorded_at;
    connection.updated_by = first.actor;
    connection
}

/// Returns what is left of an event once its connection was erased.
fn emptied(event: &Event) -> Event {
    let is_first = matches!(event, Event::Created(_));
    Event::Emptied(Box::new(Emptied {
        type_name: event.type_name(),
        workspace: is_first.then(|| draft().workspace),
        fields: Vec::new(),
        digest: [7; 32],
    }))
}

/// Returns the values that callers set.
fn sealed_values(connection: &Connection) -> Vec<(String, String)> {
    let secrets = connection.secrets.iter().filter(|(field, _)| field.as_str() != ACCESS_TOKEN);
    secrets.map(|(field, now)| (field.to_string(), value_of(now).to_owned())).collect()
}

proptest! {
    #[test]
    fn folding_in_two_parts_is_folding_at_once(commands in commands(), cut in 0_usize..25) {
        let events = history(&commands);
        let (early, late) = events.split_at(cut.min(events.len()));
        let first = u64::try_from(early.len()).unwrap() + 1;
        prop_assert_eq!(fold_from(fold(early), late, first), fold(&events));
    }

    #[test]
    fn the_version_counts_the_events(commands in commands()) {
        let events = history(&commands);
        let connection = fold(&events).unwrap();
        let last = facts(u64::try_from(events.len()).unwrap());
        prop_assert_eq!(connection.version, last.version);
        prop_assert_eq!(connection.position, last.position);
        prop_assert_eq!(connection.updated_at, last.recorded_at);
        prop_assert_eq!(connection.updated_by, last.actor);
        prop_assert_eq!(connection.created_at, facts(1).recorded_at);
        prop_assert_eq!(connection.created_by, facts(1).actor);
    }

    #[test]
    fn an_accepted_command_always_changes_the_state(
        commands in commands(), command in command(),
    ) {
        // A test may say nothing new, and is recorded because it was made.
        prop_assume!(!matches!(command, Command::TestConnection { .. }));
        let before = given(history(&commands));
        if before.clone().when(command.clone()).answer().is_ok() {
            let after = before.clone().when(command).state();
            prop_assert_ne!(unstamped(after), unstamped(state(&before)));
        }
    }

    #[test]
    fn a_repeated_update_changes_nothing(
        commands in commands(), mut revision in revision(),
    ) {
        // Every sealed value is a new one, so setting a secret again is a change.
        revision.secrets.retain(|_, value| value.is_none());
        let command = Command::Update { revision: Box::new(revision), detach_secrets: false };
        let before = given(history(&commands));
        if before.clone().when(command.clone()).answer().is_ok() {
            let again = before.when(command.clone()).accepted().when(command).answer();
            prop_assert_eq!(again, Err(Rejection::NothingToChange));
        }
    }

    #[test]
    fn an_archived_connection_changes_only_by_restore_and_erasure(
        commands in commands(), command in command(),
    ) {
        let before = given(history(&commands));
        let archived = matches!(state(&before).lifecycle, Lifecycle::Archived { .. });
        if state(&before).lifecycle.is_erased() {
            return Ok(());
        }
        let answer = before.when(command.clone()).answer();
        match (archived, command) {
            (true, Command::Restore { slug }) => {
                prop_assert_eq!(answer, Ok(Event::Restored { slug }));
            }
            (true, Command::Erase { .. }) => {
                prop_assert_ne!(answer, Err(Rejection::ConnectionArchived));
            }
            (true, _) => prop_assert_eq!(answer, Err(Rejection::ConnectionArchived)),
            (false, Command::Restore { .. }) => {
                prop_assert_eq!(answer, Err(Rejection::ConnectionNotArchived));
            }
            (false, _) => prop_assert_ne!(answer, Err(Rejection::ConnectionArchived)),
        }
    }

    #[test]
    fn an_erased_connection_is_the_same_whatever_its_events_said(
        commands in commands(), cut in 0_usize..25,
    ) {
        let mut events = history(&commands);
        if !fold(&events).unwrap().lifecycle.is_erased() {
            events.push(Event::Erased { slug: slug("was"), reason: why() });
        }
        let erased = fold(&events).unwrap();
        prop_assert!(erased.lifecycle.is_erased());
        // Emptied up to any event, the last excepted.
        let last = events.len() - 1;
        for event in events.iter_mut().take(cut.min(last)) {
            *event = emptied(event);
        }
        prop_assert_eq!(fold(&events).unwrap(), erased);
    }

    #[test]
    fn every_command_with_a_wrong_version_is_refused(
        commands in commands(), command in command(), wrong in 0_u64..40,
    ) {
        let before = given(history(&commands));
        let actual = state(&before).version;
        prop_assume!(Version::new(wrong) != actual);
        let answer = before.when_expecting(Expected::At(Version::new(wrong)), command).answer();
        let expected = format!("version {wrong}");
        prop_assert_eq!(answer, Err(Rejection::VersionConflict { expected, actual }));
    }

    #[test]
    fn a_revert_restores_the_settings_and_keeps_the_reports(
        commands in commands(), to in 1_usize..12,
    ) {
        let events = history(&commands);
        prop_assume!(to < events.len());
        let then = fold(&events[..to]).unwrap();
        let before = given(events);
        let command = revert(u64::try_from(to).unwrap());
        if before.clone().when(command.clone()).answer().is_ok() {
            let now = before.clone().when(command).state();
            prop_assert_eq!(sealed_values(&now), sealed_values(&then));
            prop_assert_eq!((now.slug, now.details), (then.slug, then.details));
            prop_assert_eq!((now.enabled, now.access), (then.enabled, then.access));
            prop_assert_eq!((now.models, now.pricing), (then.models, then.pricing));
            let before = state(&before);
            let new_secret = now.secrets.iter().any(|(field, secret)| {
                before.secrets.get(field).is_none_or(|old| old.held != secret.held)
            });
            if new_secret {
                prop_assert_eq!(now.health.state, HealthState::Unknown);
            } else {
                prop_assert_eq!(now.health, before.health);
            }
            let token = field(ACCESS_TOKEN);
            prop_assert_eq!(now.secrets.get(&token), before.secrets.get(&token));
            prop_assert_eq!(now.lifecycle, before.lifecycle);
            prop_assert_eq!(now.dependents, before.dependents);
        }
    }

    #[test]
    fn a_generation_never_falls_while_its_field_stays(
        commands in commands(), command in command(),
    ) {
        let before = given(history(&commands));
        if before.clone().when(command.clone()).answer().is_ok() {
            let after = before.clone().when(command).state();
            for (field, old) in state(&before).secrets {
                let Some(new) = after.secrets.get(&field) else { continue };
                let same = new.generation == old.generation;
                prop_assert!(new.generation >= old.generation);
                let is_kept = new.clone().alone() == old.alone();
                prop_assert!(!same || is_kept, "a new value without a new generation");
            }
        }
    }
}

#[test]
fn an_event_other_than_a_creation_leaves_an_absent_connection_absent() {
    for event in [Event::Enabled, linked("t"), Event::Restored { slug: None }] {
        assert_eq!(evolve(None, event, &facts(1)), None);
    }
}
