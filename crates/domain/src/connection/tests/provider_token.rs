//! Tokens that the ledger gets itself.

use super::harness::{Given, given};
use super::samples::*;
use crate::connection::{Command, Connection, HealthState, Rejection};
use crate::ids::{Generation, Micros};

/// Returns a history with a token, and a refresh token that the service replaced with it.
fn with_token() -> Given {
    let start = given([created()]);
    let of = state(&start);
    let values = [("access_token", "a1"), ("refresh_token", "r1")];
    start.when(refreshed(&of, &values, 9_000)).accepted()
}

fn state(given: &Given) -> Connection {
    given.state().unwrap()
}

fn value(connection: &Connection, name: &str) -> String {
    value_of(&connection.secrets[&field(name)]).to_owned()
}

fn expires_at(connection: &Connection) -> Option<Micros> {
    connection.provider_token.as_ref().and_then(|token| token.expires_at)
}

#[test]
fn a_token_and_the_refresh_token_that_comes_with_it_are_one_event() {
    let first = with_token();
    assert_eq!(state(&first).health.state, HealthState::Operational);
    let again = first.clone().when(refreshed(&state(&first), &[("access_token", "a2")], 20_000));
    let after = again.state();
    assert_eq!(value(&after, "access_token"), "a2");
    assert_eq!(value(&after, "refresh_token"), "r1", "the service did not replace it");
    assert_eq!(expires_at(&after), Some(Micros::new(20_000)));
    let token = after.provider_token.expect("a token");
    assert_eq!(token.obtained[&field("access_token")], Generation::new(2));
    assert_eq!(token.obtained[&field("refresh_token")], Generation::new(1));
}

#[test]
fn the_same_token_again_is_no_new_generation() {
    let first = with_token();
    let values = [("access_token", "a1"), ("refresh_token", "r1")];
    let after = first.clone().when(refreshed(&state(&first), &values, 20_000)).state();
    assert_eq!(after.secrets[&field("access_token")].generation, Generation::new(1));
    assert_eq!(expires_at(&after), Some(Micros::new(20_000)));
}

#[test]
fn who_comes_second_is_superseded_and_not_refused() {
    let first = with_token();
    let of = state(&first);
    let second = first.when(refreshed(&of, &[("refresh_token", "r2")], 20_000)).accepted();
    for late in [
        refreshed(&of, &[("refresh_token", "r3")], 30_000),
        not_refreshed(&of, false),
        not_refreshed(&of, true),
    ] {
        second.clone().when(late).then_refused(Rejection::RefreshSuperseded);
    }
}

#[test]
fn other_settings_keep_a_replaced_refresh_token_but_not_the_token() {
    let first = with_token();
    let of = state(&first);
    let changed = first
        .when(update(|revision| {
            revision.config.insert(field("region"), Some(json("\"us\"")));
        }))
        .accepted();
    assert_eq!(expires_at(&state(&changed)), None, "it is of other settings");
    let late = refreshed(&of, &[("access_token", "a2"), ("refresh_token", "r2")], 20_000);
    let after = changed.clone().when(late).state();
    assert_eq!(value(&after, "refresh_token"), "r2", "the former one is used up");
    assert_eq!(expires_at(&after), None);
    changed.when(not_refreshed(&of, true)).then_refused(Rejection::RefreshSuperseded);
}

#[test]
fn other_names_leave_the_token_as_it_is() {
    let first = with_token();
    let named = first.when(update(|revision| revision.slug = Some(slug("openai-2")))).accepted();
    assert_eq!(expires_at(&state(&named)), Some(Micros::new(9_000)));
}

#[test]
fn failures_are_told_once_and_a_token_ends_them() {
    let first = with_token();
    let failed = first.clone().when(not_refreshed(&state(&first), false)).accepted();
    let of = state(&failed);
    assert_eq!(of.health.state, HealthState::Degraded);
    assert_eq!(expires_at(&of), Some(Micros::new(9_000)), "the token is still valid");
    failed.clone().when(not_refreshed(&of, false)).then_refused(Rejection::HealthUnchanged);
    let given_up = failed.clone().when(not_refreshed(&of, true)).accepted();
    let lost = state(&given_up);
    assert_eq!(lost.health.state, HealthState::Failed);
    for gives_up in [false, true] {
        let again = given_up.clone().when(not_refreshed(&lost, gives_up));
        again.then_refused(Rejection::HealthUnchanged);
    }
    for (before, of) in [(failed, of), (given_up, lost)] {
        let after = before.when(refreshed(&of, &[("access_token", "a2")], 20_000)).state();
        assert_eq!(after.health.state, HealthState::Operational);
        assert_eq!(after.provider_token.expect("a token").failure, None);
    }
}

#[test]
fn what_others_report_is_not_taken_back_by_a_token() {
    let first = with_token();
    let failed = first.when(Command::MarkFailed { reason: Some(why()) }).accepted();
    let of = state(&failed);
    failed.clone().when(not_refreshed(&of, false)).then_refused(Rejection::HealthUnchanged);
    let after = failed.when(refreshed(&of, &[("access_token", "a2")], 20_000)).state();
    assert_eq!(after.health.state, HealthState::Failed);
}

#[test]
fn a_new_secret_lets_it_be_tried_again() {
    let first = with_token();
    let given_up = first.clone().when(not_refreshed(&state(&first), true)).accepted();
    let rotated = given_up.when(rotate(&[("api_key", "second")])).state();
    assert!(!rotated.provider_token.expect("known").failure.expect("known, too").gives_up);
}

#[test]
fn a_revert_does_not_bring_back_what_was_used_up() {
    let first = with_token();
    let of = state(&first);
    let values = [("access_token", "a2"), ("refresh_token", "r2")];
    let second = first.when(refreshed(&of, &values, 20_000)).accepted();
    second.clone().when(revert(2)).then_refused(Rejection::NothingToChange);
    let renamed = second.when(update(|revision| revision.slug = Some(slug("other")))).accepted();
    let back = renamed.when(revert(2)).state();
    assert_eq!(back.slug, slug("openai"));
    assert_eq!(
        (value(&back, "access_token"), value(&back, "refresh_token")),
        ("a2".into(), "r2".into())
    );
    assert_eq!(expires_at(&back), Some(Micros::new(20_000)));
}

#[test]
fn a_revert_does_not_bring_back_the_grant_of_another_account() {
    let first = with_token();
    let of = state(&first);
    let connected = first.when(authorized(&of, &[("access_token", "theirs")])).accepted();
    assert!(!state(&connected).secrets.contains_key(&field("refresh_token")));
    let renamed = connected.when(update(|revision| revision.slug = Some(slug("other")))).accepted();
    let back = renamed.when(revert(2)).state();
    assert_eq!(value(&back, "access_token"), "theirs");
    assert!(!back.secrets.contains_key(&field("refresh_token")), "{:?}", back.secrets.keys());
}

#[test]
fn a_setting_under_the_name_of_the_token_is_not_overwritten() {
    let start = given([created()]);
    let set = start
        .when(update(|revision| {
            revision.config.insert(field("access_token"), Some(json("true")));
        }))
        .accepted();
    set.clone()
        .when(refreshed(&state(&set), &[("access_token", "a")], 9))
        .then_invalid("access_token");
    let both = [("access_token", "a"), ("refresh_token", "r")];
    let after = set.clone().when(refreshed(&state(&set), &both, 9)).state();
    assert_eq!(value(&after, "refresh_token"), "r", "the grant is kept all the same");
    assert_eq!(expires_at(&after), None);
}

#[test]
fn a_grant_without_a_token_changes_neither_the_token_nor_the_health() {
    let first = with_token();
    let failed = first.clone().when(not_refreshed(&state(&first), false)).accepted();
    let of = state(&failed);
    let after = failed.when(refreshed(&of, &[("refresh_token", "r2")], 20_000)).state();
    assert_eq!((value(&after, "refresh_token"), value(&after, "access_token")).0, "r2");
    assert_eq!(after.health, of.health);
    let (now, before) = (after.provider_token.unwrap(), of.provider_token.unwrap());
    assert_eq!((now.expires_at, now.failure), (before.expires_at, before.failure));
}

#[test]
fn a_replaced_refresh_token_outlives_a_token_by_hand_and_an_archiving() {
    let first = with_token();
    let of = state(&first);
    let late = || refreshed(&of, &[("access_token", "a2"), ("refresh_token", "r2")], 20_000);
    let by_hand = first.clone().when(rotate(&[("access_token", "mine")])).accepted();
    let after = by_hand.when(late()).state();
    assert_eq!((value(&after, "access_token"), value(&after, "refresh_token")).0, "mine");
    assert_eq!(value(&after, "refresh_token"), "r2");
    assert_eq!(expires_at(&after), None, "nobody knows how long it is valid");

    let archive = || Command::Archive { reason: None, force: false };
    let archived = first.clone().when(archive()).accepted();
    let after = archived.clone().when(late()).state();
    assert_eq!((value(&after, "access_token"), value(&after, "refresh_token")).1, "r2");
    for vain in [refreshed(&of, &[("access_token", "a2")], 20_000), not_refreshed(&of, true)] {
        archived.clone().when(vain).then_refused(Rejection::ConnectionArchived);
    }
    let with_another = first.when(rotate(&[("refresh_token", "theirs")])).accepted();
    let archived = with_another.when(archive()).accepted();
    archived.when(late()).then_refused(Rejection::ConnectionArchived);
}

#[test]
fn what_a_person_permits_goes_before_what_a_refresh_brought_meanwhile() {
    let first = with_token();
    let of = state(&first);
    let values = [("access_token", "a2"), ("refresh_token", "r2")];
    let refreshed = first.when(refreshed(&of, &values, 20_000)).accepted();
    let values = [("access_token", "p1"), ("refresh_token", "p2")];
    let permitted = refreshed.when(authorized(&of, &values)).accepted();
    let after = state(&permitted);
    assert_eq!(value(&after, "access_token"), "p1");
    assert_eq!(value(&after, "refresh_token"), "p2");
    assert_eq!(after.secrets[&field("refresh_token")].generation, Generation::new(3));
    assert_eq!(after.authorized(), Some(after.version));
    // Another person was shown the same link, or another one to the state of before.
    permitted.clone().when(authorized(&of, &values)).then_refused(Rejection::RefreshSuperseded);
    // A refresh that was on its way has the tokens of before.
    let late = not_refreshed(&of, true);
    permitted.when(late).then_refused(Rejection::RefreshSuperseded);
}

#[test]
fn a_refresh_token_of_somebody_else_is_forgotten_if_none_comes() {
    let first = with_token();
    let of = state(&first);
    let after = first.when(authorized(&of, &[("access_token", "p1")])).state();
    assert!(!after.secrets.contains_key(&field("refresh_token")));
    assert_eq!(after.generations_removed, Generation::new(1));
}

#[test]
fn what_a_person_permits_makes_it_operational_whatever_was_reported() {
    let first = with_token();
    let failed = first.when(Command::MarkFailed { reason: Some(why()) }).accepted();
    let after = failed.clone().when(authorized(&state(&failed), &[("access_token", "p")])).state();
    assert_eq!(after.health.state, HealthState::Operational);
}

#[test]
fn other_settings_end_what_a_person_was_asked_for() {
    let first = with_token();
    let of = state(&first);
    let change = update(|revision| {
        revision.config.insert(field("token_url"), Some(json("\"https://other.example\"")));
    });
    let changed = first.when(change).accepted();
    changed
        .when(authorized(&of, &[("access_token", "p")]))
        .then_refused(Rejection::RefreshSuperseded);
}
