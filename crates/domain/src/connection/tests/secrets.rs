//! What happens around secrets: no change, a new one's health, what is hidden, what is detached.

use std::collections::BTreeSet;

use super::harness::{facts, given};
use super::samples::{created, field, json, revert, rotate, rotated, sealed, text, update, why};
use crate::connection::{Attached, Event, HealthState, Rejection, Revision, SecretReference};
use crate::ids::{Generation, Version};
use crate::text::{FieldName, Line};

fn reference(target: &str) -> SecretReference {
    SecretReference {
        target: text(target),
        reference: text(&format!("vault/{target}")),
        key: None,
        format: None,
    }
}

#[test]
fn the_value_that_is_stored_is_no_change() {
    given([created()])
        .when(rotate(&[("api_key", "first")]))
        .then_refused(Rejection::NothingToChange);
    let again = update(|revision| {
        revision.secrets.insert(field("api_key"), Some(sealed("first")));
    });
    given([created()]).when(again).then_refused(Rejection::NothingToChange);
    let with_name = update(|revision| {
        revision.secrets.insert(field("api_key"), Some(sealed("first")));
        revision.secrets.insert(field("token"), Some(sealed("t")));
    });
    let connection = given([created()]).when(with_name).state();
    assert_eq!(connection.secrets[&field("api_key")].generation, Generation::new(1));
    assert_eq!(connection.secrets[&field("token")].generation, Generation::new(1));
}

#[test]
fn a_new_secret_makes_the_health_unknown() {
    let failed = || given([created(), Event::MarkedFailed { reason: Some(why()) }]);
    let set = update(|revision| {
        revision.secrets.insert(field("api_key"), Some(sealed("second")));
    });
    for command in [rotate(&[("api_key", "second")]), set] {
        let health = failed().when(command).state().health;
        assert_eq!((health.state, health.reason), (HealthState::Unknown, None));
        assert_eq!((health.since, health.by), (facts(3).recorded_at, facts(3).event_id));
    }
    let named = update(|revision| revision.slug = Some(text("other")));
    assert_eq!(failed().when(named).state().health.state, HealthState::Failed);
    let second = [created(), rotated(&[("api_key", "second")])];
    let reported = given(second).when(crate::Command::MarkFailed { reason: None }).accepted();
    assert_eq!(reported.when(revert(1)).state().health.state, HealthState::Unknown);
}

#[test]
fn an_event_of_an_earlier_program_leaves_the_health() {
    let failed = [created(), Event::MarkedFailed { reason: None }, rotated(&[("api_key", "b")])];
    let connection = super::harness::fold(&failed).expect("it was created");
    assert_eq!(connection.health.state, HealthState::Failed);
}

#[test]
fn the_names_of_removed_secrets_and_of_redacted_settings_are_remembered() {
    let removed = update(|revision| {
        revision.secrets.insert(field("api_key"), None);
    });
    let connection = given([created()]).when(removed).state();
    assert_eq!(connection.redacted[&field("api_key")], Version::new(2));
    let redact = |change: fn(&mut Revision)| {
        update(move |revision| {
            revision.redact.insert(field("region"));
            change(revision);
        })
    };
    given([created()]).when(redact(|_| {})).then_invalid("redact");
    for change in [
        |revision: &mut Revision| drop(revision.config.insert(field("region"), None)),
        |revision: &mut Revision| {
            drop(revision.config.insert(field("region"), Some(json("\"us\""))));
        },
    ] {
        let connection = given([created()]).when(redact(change)).state();
        assert_eq!(connection.redacted[&field("region")], Version::new(2));
    }
}

#[test]
fn what_a_command_does_not_bring_itself_stays_attached_and_can_be_detached() {
    let Event::Created(mut draft) = created() else { panic!("a creation") };
    draft.details.secret_references = vec![reference("a"), reference("b")];
    draft.secrets.insert(field("token"), sealed("t"));
    let before = super::harness::fold(&[Event::Created(draft)]).expect("created");
    let event = Event::Updated(Box::new(Revision {
        secrets: [(field("api_key"), Some(sealed("new")))].into(),
        secret_references: Some(vec![reference("b"), reference("c")]),
        ..Revision::default()
    }));
    let attached = event.attached(&before, &BTreeSet::from([field("api_key")]));
    let expected = Attached { secrets: [field("token")].into(), references: vec![reference("b")] };
    assert_eq!(attached, expected);
    let by: Vec<Line> = vec![text("provider")];
    let detached = event.detaching(&attached).redirecting_by(by);
    assert_eq!(detached.type_name(), "destination_changed");
    let after = crate::evolve(Some(before), detached, &facts(2)).expect("it stays");
    let names: Vec<&FieldName> = after.secrets.keys().collect();
    assert_eq!(names, [&field("api_key")]);
    assert_eq!(after.details.secret_references, [reference("c")]);
}

#[test]
fn the_same_value_in_the_command_does_not_count_as_attached() {
    let before = super::harness::fold(&[created()]).expect("created");
    let event = Event::Updated(Box::default());
    let given = BTreeSet::from([field("api_key")]);
    assert!(event.attached(&before, &given).is_empty());
    assert!(!event.attached(&before, &BTreeSet::new()).is_empty());
}
