//! Secret fields that hold a reference in place of a value.

use std::collections::BTreeMap;

use super::harness::given;
use super::samples::*;
use crate::connection::{Command, Event, Rejection, Replaced};
use crate::ids::{Generation, Micros};
use crate::secret::{Held, NewSecret};

fn refer(variable: &str) -> Command {
    let secrets = [(field("api_key"), referring(variable))].into();
    Command::RotateSecret { secrets, replaced: Replaced::Retired }
}

fn set(secret: NewSecret) -> Command {
    update(|revision| {
        revision.secrets.insert(field("api_key"), Some(secret));
    })
}

#[test]
fn a_reference_takes_the_place_of_a_value_and_counts_as_one() {
    let referred = given([created()]).when(refer("KEY")).accepted();
    let secret = referred.clone().state().unwrap().secrets[&field("api_key")].clone();
    assert_eq!((secret.generation, &secret.held), (Generation::new(2), &referring("KEY").held));
    assert!(secret.held_of(Generation::new(2)).is_some_and(|held| held.sealed().is_none()));
    let back = referred.when(set(sealed("again"))).state();
    let secret = &back.secrets[&field("api_key")];
    assert_eq!((secret.generation, value_of(secret)), (Generation::new(3), "again"));
}

#[test]
fn the_same_reference_is_no_change_unless_it_is_a_rotation() {
    let referred = || given([created()]).when(refer("KEY")).accepted();
    referred().when(set(referring("KEY"))).then_refused(Rejection::NothingToChange);
    let again = referred().when(refer("KEY")).state();
    assert_eq!(again.secrets[&field("api_key")].generation, Generation::new(3));
}

#[test]
fn a_rotation_to_a_reference_may_keep_the_value_before_it_and_be_taken_back() {
    let Event::SecretRotated { former, .. } = rotated_keeping(&[], 50, false) else {
        panic!("it is a rotation")
    };
    let secrets = [(field("api_key"), referring("KEY"))].into();
    let compromised = BTreeMap::new();
    let rotated = Event::SecretRotated { secrets, former, compromised, health_unknown: false };
    let kept = given([created(), rotated]);
    let state = kept.clone().state().unwrap();
    let former = state.secrets[&field("api_key")].former_at(Micros::new(0)).unwrap();
    assert!(matches!(&former.held, Held::Sealed(value) if value.as_str() == "first"));
    let back = kept.when(cancel()).state();
    assert_eq!(value_of(&back.secrets[&field("api_key")]), "first");
    let reverted = given([created()]).when(refer("KEY")).accepted().when(revert(1)).state();
    assert_eq!(value_of(&reverted.secrets[&field("api_key")]), "first");
}
