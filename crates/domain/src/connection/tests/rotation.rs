//! Rotations that keep the former generation: how long it is given out, and how that ends.

use std::collections::BTreeSet;

use super::harness::{Given, facts, fold, given};
use super::samples::*;
use crate::connection::{Command, Event, Keep, Rejection, Replaced, RetiredBy, Retirement};
use crate::ids::{Generation, Micros};
use crate::limits;
use crate::reveal::{RevealSecret, SecretRevealed, WantedGeneration, decide_reveal};
use crate::secret::FormerEnd;

/// A connection whose second generation came at time 0, and whose first is kept until time 5.
fn overlap(once_confirmed: bool) -> Given {
    given([created(), rotated_keeping(&[("api_key", "second")], 5, once_confirmed)])
}

fn asked(
    from: &Given,
    generation: WantedGeneration,
    fields: &[&str],
    now: i64,
) -> Result<SecretRevealed, Rejection> {
    let fields = fields.iter().map(|name| field(name)).collect();
    let command =
        RevealSecret { fields, generation, reason: text("to route"), from: None, for_test: false };
    decide_reveal(from.state().as_ref(), command, Micros::new(now))
}

/// Asks for one generation of the key, and returns which was given out.
fn key(from: &Given, generation: WantedGeneration, now: i64) -> Result<u64, Rejection> {
    let revealed = asked(from, generation, &["api_key"], now)?;
    Ok(revealed.generations[&field("api_key")].get())
}

#[test]
fn a_former_generation_is_given_out_until_its_end_and_no_longer() {
    let exactly = |number| WantedGeneration::Exactly(Generation::new(number));
    let retired = || Err(Rejection::GenerationRetired { field: field("api_key") });
    let unknown = || Err(Rejection::GenerationUnknown { field: field("api_key") });
    for (wanted, at_4, at_5) in [
        (WantedGeneration::Current, Ok(2), Ok(2)),
        (WantedGeneration::Former, Ok(1), retired()),
        (exactly(2), Ok(2), Ok(2)),
        (exactly(1), Ok(1), retired()),
        (exactly(0), unknown(), unknown()),
        (exactly(3), unknown(), unknown()),
    ] {
        for once_confirmed in [false, true] {
            assert_eq!(key(&overlap(once_confirmed), wanted, 4), at_4, "{wanted:?}");
            assert_eq!(key(&overlap(once_confirmed), wanted, 5), at_5, "{wanted:?}");
        }
    }
    let plain = given([created(), rotated(&[("api_key", "second")])]);
    assert_eq!(key(&plain, WantedGeneration::Former, 0), retired());
}

#[test]
fn without_a_field_those_are_given_out_that_have_the_generation() {
    let Event::Created(mut draft) = created() else { panic!("a creation") };
    draft.secrets.insert(field("token"), sealed("t"));
    let kept = rotated_keeping(&[("api_key", "second")], 5, false);
    let both = given([Event::Created(draft), kept]);
    let names = |wanted, now| {
        let revealed = asked(&both, wanted, &[], now)?;
        let names = revealed.generations.into_keys().map(|name| name.as_str().to_owned());
        Ok::<Vec<String>, Rejection>(names.collect())
    };
    assert_eq!(names(WantedGeneration::Current, 0).unwrap(), ["api_key", "token"]);
    assert_eq!(names(WantedGeneration::Former, 0).unwrap(), ["api_key"]);
    assert!(matches!(names(WantedGeneration::Former, 5), Err(Rejection::GenerationRetired { .. })));
    let unnamed = asked(&both, WantedGeneration::Former, &["token"], 0);
    assert_eq!(unnamed, Err(Rejection::GenerationUnknown { field: field("token") }));
}

#[test]
fn while_a_former_generation_is_in_use_none_other_becomes_one() {
    let third = |now| {
        let end = FormerEnd { until: Micros::new(9), once_confirmed: false };
        let replaced = Replaced::Kept(Keep { end, now: Micros::new(now) });
        Command::RotateSecret { secrets: secrets(&[("api_key", "third")]), replaced }
    };
    overlap(false).when(third(4)).then_refused(Rejection::FormerInUse { field: field("api_key") });
    let after = overlap(false).when(third(5)).accepted();
    assert_eq!(key(&after, WantedGeneration::Former, 6), Ok(2));
    let plain = overlap(false).when(rotate(&[("api_key", "third")])).accepted();
    for number in [1, 2] {
        let wanted = WantedGeneration::Exactly(Generation::new(number));
        assert!(key(&plain, wanted, 0).is_err(), "a rotation that keeps nothing retires all");
    }
}

#[test]
fn an_end_is_in_the_future_and_at_most_90_days_ahead() {
    for until in [-1, 0, limits::OVERLAP_MICROS + 1] {
        let late = rotate_keeping(&[("api_key", "second")], until, true);
        given([created()]).when(late).then_invalid("keep_former_until");
        let when = Retirement::At { until: Micros::new(until), now: Micros::new(0) };
        overlap(true).when(retire(when)).then_invalid("at");
    }
    let longest = rotate_keeping(&[("api_key", "second")], limits::OVERLAP_MICROS, false);
    assert!(given([created()]).when(longest).answer().is_ok());
}

#[test]
fn a_former_generation_is_retired_now_later_and_for_what_it_waits() {
    let generations = || [(field("api_key"), Generation::new(1))].into();
    let by = |cause| Event::FormerRetired { generations: generations(), cause };
    overlap(false).when(retire(Retirement::Now)).then(by(RetiredBy::Command));
    let overdue = |now| retire(Retirement::Overdue(Micros::new(now)));
    overlap(false).when(overdue(4)).then_refused(Rejection::FormerUnknown);
    overlap(false).when(overdue(5)).then(by(RetiredBy::Deadline));
    overlap(true).when(retire(Retirement::Confirmed)).then(by(RetiredBy::Confirmation));
    overlap(false).when(retire(Retirement::Confirmed)).then_refused(Rejection::FormerUnknown);
    let at = |until| retire(Retirement::At { until: Micros::new(until), now: Micros::new(1) });
    overlap(true).when(at(5)).then_refused(Rejection::NothingToChange);
    let later = overlap(true).when(at(7)).accepted();
    assert_eq!(key(&later, WantedGeneration::Former, 6), Ok(1));
    let retired = later.when(retire(Retirement::Confirmed)).accepted();
    assert!(key(&retired, WantedGeneration::Former, 2).is_err());
    retired.when(retire(Retirement::Now)).then_refused(Rejection::FormerUnknown);
    let named = |name: &str| Command::RetireFormer {
        fields: BTreeSet::from([field(name)]),
        when: Retirement::Now,
    };
    overlap(false).when(named("api_key")).then(by(RetiredBy::Command));
    let unknown = Rejection::SecretFieldUnknown { field: field("other") };
    overlap(false).when(named("other")).then_refused(unknown);
}

#[test]
fn a_cancelled_rotation_brings_the_former_value_back_under_a_new_generation() {
    let failed = overlap(false).when(Command::MarkFailed { reason: None }).accepted();
    let connection = failed.when(cancel()).state();
    let secret = &connection.secrets[&field("api_key")];
    assert_eq!((secret.generation, value_of(secret)), (Generation::new(3), "first"));
    assert_eq!((secret.set_by, &secret.former), (facts(4).event_id, &None));
    assert_eq!(connection.health.state, crate::connection::HealthState::Unknown);
    let late = Command::CancelRotation { fields: BTreeSet::new(), now: Micros::new(5) };
    overlap(false).when(late).then_refused(Rejection::FormerUnknown);
}

#[test]
fn what_replaces_removes_archives_or_redirects_a_secret_ends_its_overlap() {
    let set = update(|revision| {
        revision.secrets.insert(field("api_key"), Some(sealed("third")));
    });
    let archive = Command::Archive { reason: None, force: false };
    for command in [set, revert(1), archive] {
        let after = overlap(true).when(command).state();
        assert!(after.secrets.values().all(|secret| secret.former.is_none()));
    }
    let redirected = update(|revision| revision.provider = Some(text("elsewhere")));
    let event = overlap(true).when(redirected).answer().unwrap();
    let event = event.redirecting_by(vec![text("provider")]);
    let kept = rotated_keeping(&[("api_key", "second")], 5, true);
    let after = fold(&[created(), kept, event]).unwrap();
    assert_eq!(after.secrets[&field("api_key")].former, None);
    let renamed = overlap(true).when(update(|revision| revision.slug = Some(slug("other"))));
    assert!(renamed.state().secrets[&field("api_key")].former.is_some());
}

#[test]
fn a_former_value_stays_attached_beside_a_current_one_that_the_command_repeats() {
    let event = Event::Updated(Box::default());
    let given = BTreeSet::from([field("api_key")]);
    let attached = event.attached(&overlap(false).state().unwrap(), &given);
    assert_eq!(attached.secrets, given, "whoever knows one value does not know the other");
}

#[test]
fn a_compromised_rotation_retires_every_value_and_says_which() {
    let event = Event::SecretRotated {
        secrets: secrets(&[("api_key", "third")]),
        former: None,
        compromised: [(field("api_key"), [1, 2].map(Generation::new).into())].into(),
        health_unknown: false,
    };
    assert!(event.is_urgent() && !rotated(&[("api_key", "third")]).is_urgent());
    let leaked = overlap(false).when(rotate_compromised(&[("api_key", "third")])).then(event);
    let after = leaked.accepted();
    assert_eq!(key(&after, WantedGeneration::Current, 0), Ok(3));
    for number in [1, 2] {
        let generation = Generation::new(number);
        let refused = Rejection::GenerationCompromised { field: field("api_key"), generation };
        assert_eq!(key(&after, WantedGeneration::Exactly(generation), 0), Err(refused));
    }
    assert!(key(&after, WantedGeneration::Former, 0).is_err());
}

#[test]
fn a_compromised_rotation_takes_a_new_value_for_each_field() {
    for known in ["first", "second"] {
        let same = rotate_compromised(&[("api_key", known)]);
        overlap(false).when(same).then_invalid("secrets.api_key");
    }
    let unknown = Rejection::SecretFieldUnknown { field: field("other") };
    overlap(false).when(rotate_compromised(&[("other", "x")])).then_refused(unknown);
}

#[test]
fn a_compromised_value_does_not_come_back_under_any_generation() {
    let refused = |number| Rejection::GenerationCompromised {
        field: field("api_key"),
        generation: Generation::new(number),
    };
    let leaked = overlap(false).when(rotate_compromised(&[("api_key", "third")])).accepted();
    leaked.clone().when(cancel()).then_refused(refused(2));
    leaked.clone().when(revert(1)).then_refused(refused(1));
    leaked.clone().when(revert(2)).then_refused(refused(2));
    // Later rotations keep and take back what is not compromised, and change nothing of that.
    let later = leaked.when(rotate_keeping(&[("api_key", "fourth")], 5, false)).accepted();
    let later = later.when(cancel()).accepted();
    assert_eq!(key(&later, WantedGeneration::Current, 0), Ok(5));
    later.clone().when(revert(1)).then_refused(refused(1));
    let removed = later.when(update(|revision| {
        revision.secrets.insert(field("api_key"), None);
    }));
    removed.accepted().when(revert(1)).then_refused(refused(1));
    // The first value came back as the third generation, and is compromised as that.
    let back = overlap(false).when(cancel()).accepted();
    let leaked = back.when(rotate_compromised(&[("api_key", "fourth")])).accepted();
    leaked.clone().when(revert(1)).then_refused(refused(1));
    leaked.clone().when(revert(3)).then_refused(refused(3));
    // The second value is another one.
    assert!(leaked.when(revert(2)).answer().is_ok());
}
