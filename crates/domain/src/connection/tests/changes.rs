//! Examples of single changes and their limits.

use std::collections::BTreeMap;

use super::harness::{facts, given};
use super::samples::*;
use crate::connection::{
    Command, Event, HealthState, Patch, Rejection, Revision, SecretReference, TestOutcome,
};
use crate::ids::{Expected, Generation, Version};
use crate::limits;
use crate::text::{FieldName, Json, Line};

#[test]
fn creating_starts_enabled_in_unknown_health_with_first_generations() {
    let connection = given([]).when(Command::Create(Box::new(draft()))).then(created()).state();
    assert_eq!(connection.health.state, HealthState::Unknown);
    assert_eq!(connection.secrets[&field("api_key")].generation, Generation::new(1));
    assert_eq!(connection.secrets[&field("api_key")].set_by, facts(1).event_id);
}

#[test]
fn an_update_keeps_only_what_differs() {
    let command = update(|revision| {
        revision.slug = Some(slug("openai"));
        revision.display_name = Patch::Set(text("Prod"));
        revision.config.insert(field("region"), Some(json("\"eu\"")));
        revision.config.insert(field("absent"), None);
        revision.secrets.insert(field("absent"), None);
    });
    let kept = Revision { display_name: Patch::Set(text("Prod")), ..Revision::default() };
    given([created()]).when(command).then(Event::Updated(Box::new(kept)));
}

#[test]
fn maps_are_merged_key_by_key() {
    let add = update(|revision| {
        revision.labels.insert(text("team"), Some(text("core")));
        revision.config.insert(field("timeout"), Some(json("5")));
    });
    let change = update(|revision| {
        revision.config.insert(field("timeout"), Some(json("6")));
        revision.config.insert(field("region"), None);
    });
    let connection = given([created()]).when(add).accepted().when(change).state();
    let config: Vec<(&FieldName, &Json)> = connection.details.config.iter().collect();
    assert_eq!(config, [(&field("timeout"), &json("6"))]);
    assert_eq!(connection.details.labels[&text::<Line>("team")], text("core"));
}

#[test]
fn a_field_is_secret_or_not_but_never_both() {
    let setting = update(|revision| {
        revision.config.insert(field("api_key"), Some(json("1")));
    });
    let secret = update(|revision| {
        revision.secrets.insert(field("region"), Some(sealed("x")));
    });
    let moved = update(|revision| {
        revision.config.insert(field("api_key"), Some(json("1")));
        revision.secrets.insert(field("api_key"), None);
    });
    given([created()]).when(setting).then_invalid("api_key");
    given([created()]).when(secret).then_invalid("region");
    assert!(given([created()]).when(moved).state().secrets.is_empty());
}

#[test]
fn rotating_counts_generations_field_by_field() {
    let connection = given([created()])
        .when(update(|revision| {
            revision.secrets.insert(field("token"), Some(sealed("t1")));
        }))
        .accepted()
        .when(rotate(&[("api_key", "second")]))
        .then(rotated(&[("api_key", "second")]))
        .state();
    assert_eq!(connection.secrets[&field("api_key")].generation, Generation::new(2));
    assert_eq!(connection.secrets[&field("api_key")].set_at, facts(3).recorded_at);
    assert_eq!(connection.secrets[&field("token")].generation, Generation::new(1));
    given([created()])
        .when(rotate(&[("nothing", "x")]))
        .then_refused(Rejection::SecretFieldUnknown { field: field("nothing") });
}

#[test]
fn a_new_reason_does_not_restart_the_clock_of_a_health() {
    let connection = given([created(), Event::MarkedFailed { reason: None }])
        .when(Command::MarkFailed { reason: Some(why()) })
        .state();
    assert_eq!(connection.health.since, facts(2).recorded_at);
    assert_eq!(connection.health.by, facts(3).event_id);
    assert_eq!(connection.health.reason, Some(why()));
}

#[test]
fn only_a_conclusive_test_of_the_present_version_changes_the_health() {
    use HealthState as H;
    for (outcome, health) in [
        (TestOutcome::Works, Some(H::Operational)),
        (TestOutcome::CredentialsRefused, Some(H::Failed)),
        (TestOutcome::NotPermitted, None),
        (TestOutcome::Unreachable, None),
        (TestOutcome::RateLimited, None),
        (TestOutcome::Inconclusive, None),
    ] {
        let degraded = given([created(), Event::MarkedDegraded { reason: None }]);
        let state = degraded.clone().when(tested(outcome, 2)).state();
        assert_eq!(state.health.state, health.unwrap_or(H::Degraded), "{outcome}");
        let by = if health.is_some() { facts(3) } else { facts(2) };
        assert_eq!(state.health.by, by.event_id, "{outcome}");
        assert_eq!(state.health.reason.is_some(), health.is_some(), "{outcome}");
        // Of an earlier version it says nothing about what was changed since.
        let state = degraded.when(tested(outcome, 1)).state();
        assert_eq!(state.health.state, H::Degraded, "{outcome}");
        assert_eq!(state.version, Version::new(3));
    }
}

#[test]
fn a_restore_keeps_the_slug_unless_it_gets_a_new_one() {
    let archived = given([created(), Event::Archived { reason: None }]);
    let kept = archived.clone().when(Command::Restore { slug: None }).state();
    assert_eq!(kept.slug, slug("openai"));
    let renamed = archived.when(Command::Restore { slug: Some(slug("openai-2")) }).state();
    assert_eq!(renamed.slug, slug("openai-2"));
}

#[test]
fn archiving_a_connection_in_use_gives_the_number_of_dependents() {
    given([created(), linked("t"), linked("u")])
        .when(Command::Archive { reason: None, force: false })
        .then_refused(Rejection::ConnectionInUse { dependents: 2 });
}

#[test]
fn one_workspace_can_be_excepted_from_the_grant_to_all() {
    let but_one = given([created(), granted("*", 5)]).when(revoke("one")).accepted();
    let access = but_one.state().unwrap().access;
    assert!(!access.allows(&workspace("one")));
    assert!(access.allows(&workspace("two")));
    // Revoking the grant to all also removes the exception from it.
    let none = but_one.when(revoke("*")).state().access;
    assert_eq!(none, crate::connection::Access::default());
}

#[test]
fn a_grant_by_name_outlives_the_grant_to_all() {
    let access = given([created(), granted("one", 5), granted("*", 1)]).when(revoke("*"));
    let access = access.state().access;
    assert_eq!(access.limits(&scope("one")), Some(&per_minute(5)));
    assert!(!access.allows(&workspace("two")));
}

#[test]
fn the_home_workspace_is_granted_neither_later_nor_at_creation() {
    let mut with_home = draft();
    with_home.access.grant(scope("home"), per_minute(5));
    given([created()]).when(grant("home", 5)).then_invalid("grant_to");
    given([]).when(Command::Create(Box::new(with_home))).then_invalid("access.workspaces");
}

#[test]
fn a_reverted_secret_is_a_new_generation_of_an_old_value() {
    let second = rotated(&[("api_key", "second")]);
    let connection = given([created(), second]).when(revert(1)).state();
    let secret = &connection.secrets[&field("api_key")];
    assert_eq!((value_of(secret), secret.generation), ("first", Generation::new(3)));
}

#[test]
fn a_new_secret_makes_health_unknown_in_the_same_event() {
    let failed = || Event::MarkedFailed { reason: Some(text("401")) };
    let update_secret = update(|revision| {
        revision.secrets.insert(field("api_key"), Some(sealed("second")));
    });
    for command in [rotate(&[("api_key", "second")]), update_secret] {
        let connection = given([created(), failed()]).when(command).state();
        assert_eq!(connection.health.state, HealthState::Unknown);
        assert_eq!((connection.health.reason, connection.health.by), (None, facts(3).event_id));
    }
    let secrets = secrets(&[("api_key", "second")]);
    let rotated = Event::SecretRotated {
        secrets,
        former: None,
        compromised: BTreeMap::new(),
        health_unknown: false,
    };
    let reverted = given([created(), rotated, failed()]).when(revert(1)).state();
    assert_eq!(reverted.health.state, HealthState::Unknown);
    let renamed = update(|revision| revision.display_name = Patch::Set(text("Prod")));
    let connection = given([created(), failed()]).when(renamed).state();
    assert_eq!(connection.health.state, HealthState::Failed, "the secret is the same");
}

#[test]
fn a_secret_set_again_after_its_removal_is_a_later_generation() {
    let set = |value: Option<&'static str>| {
        update(move |revision| {
            revision.secrets.insert(field("api_key"), value.map(sealed));
        })
    };
    let removed = given([created()]).when(set(None)).accepted();
    let again = removed.when(set(Some("second"))).accepted();
    let connection = again.state().unwrap();
    assert_eq!(connection.secrets[&field("api_key")].generation, Generation::new(2));
    let reverted = again.when(set(None)).accepted().when(revert(1)).state();
    assert_eq!(reverted.secrets[&field("api_key")].generation, Generation::new(3));
}

#[test]
fn the_expected_version_is_checked_first() {
    let stale = Expected::At(Version::new(3));
    let actual = Version::new(1);
    let expected = "version 3".to_owned();
    given([created()])
        .when_expecting(stale, Command::Enable)
        .then_refused(Rejection::VersionConflict { expected, actual });
    let expected = "none".to_owned();
    given([created()])
        .when_expecting(Expected::Absent, Command::Create(Box::new(draft())))
        .then_refused(Rejection::VersionConflict { expected, actual });
    for expected in [Expected::Absent, Expected::At(Version::ZERO)] {
        let create = Command::Create(Box::new(draft()));
        given([]).when_expecting(expected, create).then(created());
    }
}

#[test]
fn collections_end_at_their_limits() {
    let tags = |count| update(move |revision| revision.tags = Some(vec![text("t"); count]));
    given([created()]).when(tags(limits::TAGS)).accepted();
    given([created()]).when(tags(limits::TAGS + 1)).then_invalid("tags");
    let secrets = update(|revision| {
        for number in 0..limits::SECRET_FIELDS {
            revision.secrets.insert(field(&format!("s{number}")), Some(sealed("x")));
        }
    });
    given([created()]).when(secrets).then_invalid("secrets");
    let numbers = 0..limits::DEPENDENTS;
    let full = numbers.map(|number| linked(&number.to_string()));
    given([created()].into_iter().chain(full)).when(link("more")).then_invalid("dependents");
    let numbers = 0..limits::GRANTS;
    let full = numbers.map(|number| granted(&format!("w{number}"), 1));
    given([created()].into_iter().chain(full)).when(grant("more", 1)).then_invalid("grants");
}

#[test]
fn two_references_to_one_target_are_refused() {
    let reference = |path| SecretReference {
        target: text("api_key"),
        reference: text(path),
        key: None,
        format: None,
    };
    let command = update(|revision| {
        revision.secret_references = Some(vec![reference("a"), reference("b")]);
    });
    given([created()]).when(command).then_invalid("secret_references");
}
