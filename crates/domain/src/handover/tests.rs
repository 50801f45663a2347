//! Tests of decisions about handovers.

use super::*;
use crate::connection::tests::samples::{field, state_of_sample, text};
use crate::connection::{Environment, Lifecycle};
use crate::ids::{Position, Version};
use crate::principal::{ApiKey, PrincipalKind};

const UNTIL: Micros = Micros::new(100);

fn command(until: Micros, receiver: Option<&str>) -> HandOver {
    HandOver {
        id: HandoverId::parse("id", "k3x9a2bq71ce").unwrap(),
        digest: KeyDigest::new("b3.x"),
        reveal: RevealSecret {
            fields: [].into(),
            generation: WantedGeneration::Current,
            reason: text("to set it up"),
            from: None,
            for_test: false,
        },
        until,
        receiver: receiver.map(text),
    }
}

fn made(receiver: Option<&str>) -> Handover {
    let connection = state_of_sample();
    let event = decide_hand_over(Some(&connection), command(UNTIL, receiver), 0, Micros::new(0));
    let HandoverEvent::Made(made) = event.unwrap() else { panic!("it is made") };
    Handover {
        id: made.handover,
        digest: made.digest,
        content: HandoverContent::Values {
            connection: connection.id,
            generations: made.generations,
            reason: made.reason,
        },
        until: made.until,
        receiver: made.receiver,
        workspace: connection.workspace,
        made_by: Actor::new("user:ada"),
        made_at: Micros::new(0),
        ended: None,
    }
}

fn take(state: &Handover, by: Option<&str>, now: i64) -> Result<HandoverEvent, Rejection> {
    let command = HandoverCommand::Use { by: by.map(text), from: None };
    let connection = state_of_sample();
    decide_handover(Some(state), of_connection(Some(&connection)), command, Micros::new(now))
}

fn of_connection(connection: Option<&Connection>) -> HandoverSource<'_> {
    HandoverSource { connection, principal: None }
}

fn after(state: &Handover, event: &HandoverEvent, at: i64) -> Handover {
    state.after(event, Micros::new(at), Actor::new("handover:x"))
}

#[test]
fn a_handover_is_used_once_and_tells_later_when() {
    let state = made(None);
    let used = take(&state, None, 7).unwrap();
    let HandoverEvent::Used { given: GivenOut::Values(values), .. } = &used else {
        panic!("{used:?}")
    };
    assert_eq!(values[&field("api_key")], Generation::new(1));
    let state = after(&state, &used, 7);
    assert!(!state.is_pending());
    for now in [0, 8, 200] {
        let refused = Err(Rejection::HandoverUsed { at: Micros::new(7) });
        assert_eq!(take(&state, None, now), refused);
    }
    let revoke = HandoverCommand::Revoke { reason: None };
    for command in [revoke, HandoverCommand::Expire] {
        let refused = decide_handover(Some(&state), of_connection(None), command, Micros::new(200));
        assert_eq!(refused, Err(Rejection::HandoverUsed { at: Micros::new(7) }));
    }
}

#[test]
fn it_ends_at_its_time_or_before_and_stays_ended_if_the_clock_goes_back() {
    let state = made(None);
    let end = |command, now| {
        decide_handover(Some(&state), of_connection(None), command, Micros::new(now))
    };
    assert_eq!(take(&state, None, 100), Err(Rejection::HandoverEnded(HandoverEnd::Expired)));
    assert_eq!(end(HandoverCommand::Expire, 99), Err(Rejection::NothingToChange));
    let expired = end(HandoverCommand::Expire, 100).unwrap();
    let revoked = end(HandoverCommand::Revoke { reason: None }, 5).unwrap();
    for (event, cause) in [(expired, HandoverEnd::Expired), (revoked, HandoverEnd::Revoked)] {
        let state = after(&state, &event, 5);
        assert_eq!(take(&state, None, 1), Err(Rejection::HandoverEnded(cause)));
    }
}

#[test]
fn one_that_is_for_a_principal_is_for_no_other() {
    let state = made(Some("eu-1"));
    for other in [None, Some("eu-2")] {
        assert_eq!(take(&state, other, 1), Err(Rejection::HandoverForOther));
    }
    assert!(take(&state, Some("eu-1"), 1).is_ok());
    assert!(take(&made(None), Some("eu-2"), 1).is_ok());
}

#[test]
fn it_gives_out_no_more_than_the_connection_does_and_stays_unused() {
    let state = made(None);
    let take = |connection: Option<&Connection>| {
        let command = HandoverCommand::Use { by: None, from: None };
        decide_handover(Some(&state), of_connection(connection), command, Micros::new(1))
    };
    let archived =
        Connection { lifecycle: Lifecycle::Archived { at: Micros::new(0) }, ..state_of_sample() };
    assert_eq!(take(Some(&archived)), Err(Rejection::ConnectionArchived));
    let disabled = Connection { enabled: false, ..state_of_sample() };
    assert_eq!(take(Some(&disabled)), Err(Rejection::ConnectionDisabled));
    let mut rotated = state_of_sample();
    let secret = rotated.secrets.get_mut(&field("api_key")).unwrap();
    secret.generation = Generation::new(2);
    let retired = Rejection::GenerationRetired { field: field("api_key") };
    assert_eq!(take(Some(&rotated)), Err(retired));
    assert_eq!(take(None), Err(Rejection::ConnectionUnknown));
}

#[test]
fn how_long_and_how_many_there_may_be_is_limited() {
    let connection = state_of_sample();
    let ask = |until, pending| {
        let command = command(Micros::new(until), None);
        decide_hand_over(Some(&connection), command, pending, Micros::new(0))
    };
    for until in [-1, 0, limits::HANDOVER_MICROS + 1] {
        assert!(matches!(ask(until, 0), Err(Rejection::Invalid(_))), "{until}");
    }
    assert!(ask(limits::HANDOVER_MICROS, limits::HANDOVERS - 1).is_ok());
    let full = Rejection::HandoversFull(limits::HANDOVERS);
    assert_eq!(ask(1, limits::HANDOVERS), Err(full));
}

fn principal(revoked: bool) -> Principal {
    let (at, actor) = (Micros::new(0), Actor::new("user:ada"));
    let key = ApiKey {
        digest: KeyDigest::new("b3.y"),
        environment: Environment::Live,
        label: None,
        issued_at: at,
        issued_by: actor.clone(),
        expires_at: None,
        revoked: revoked.then_some((at, None)),
    };
    Principal {
        name: text("eu-1"),
        kind: PrincipalKind::Gateway,
        display_name: None,
        grants: Vec::new(),
        enabled: true,
        keys: BTreeMap::from([(ApiKeyId::parse("key", "a11111111111").unwrap(), key)]),
        blocks: BTreeMap::new(),
        version: Version::new(2),
        position: Position::new(2),
        created_at: at,
        created_by: actor.clone(),
        updated_at: at,
        updated_by: actor,
    }
}

fn key_command(until: i64, key_end: Option<i64>) -> HandOverKey {
    HandOverKey {
        id: HandoverId::parse("id", "k3x9a2bq71ce").unwrap(),
        digest: KeyDigest::new("b3.x"),
        key: ApiKeyId::parse("key", "a11111111111").unwrap(),
        key_end: key_end.map(Micros::new),
        until: Micros::new(until),
        receiver: None,
    }
}

fn key_made() -> Handover {
    let event = decide_hand_over_key(key_command(100, None), 0, Micros::new(0));
    let HandoverEvent::KeyMade(made) = event.unwrap() else { panic!("it is of a key") };
    let sealed = Some(Sealed::from_text("t1.x"));
    Handover {
        id: made.handover,
        digest: made.digest,
        content: HandoverContent::Key { principal: text("eu-1"), key: made.key, sealed },
        until: made.until,
        receiver: made.receiver,
        workspace: text("ops"),
        made_by: Actor::new("user:ada"),
        made_at: Micros::new(0),
        ended: None,
    }
}

#[test]
fn a_key_is_received_once_unless_it_was_revoked_and_is_kept_no_longer_than_that() {
    let state = key_made();
    let take = |state: &Handover, principal: &Principal, now| {
        let source = HandoverSource { connection: None, principal: Some(principal) };
        let command = HandoverCommand::Use { by: None, from: None };
        decide_handover(Some(state), source, command, Micros::new(now))
    };
    let revoked = Rejection::HandoverEnded(HandoverEnd::Revoked);
    assert_eq!(take(&state, &principal(true), 1), Err(revoked.clone()));
    let none = Principal { keys: BTreeMap::new(), ..principal(false) };
    assert_eq!(take(&state, &none, 1), Err(revoked));

    let used = take(&state, &principal(false), 1).unwrap();
    let HandoverEvent::Used { given: GivenOut::Key(key), .. } = &used else { panic!("{used:?}") };
    assert_eq!(key.as_str(), "a11111111111");
    let ended = HandoverEvent::Ended {
        handover: state.id.clone(),
        cause: HandoverEnd::Expired,
        reason: None,
    };
    for (event, is_unreceived) in [(used, false), (ended, true)] {
        let state = after(&state, &event, 1);
        assert!(matches!(state.content, HandoverContent::Key { sealed: None, .. }));
        assert_eq!(state.unreceived_key().is_some(), is_unreceived);
        assert!(take(&state, &principal(false), 2).is_err());
    }
    assert_eq!(state.unreceived_key(), None, "it can still be received");
}

#[test]
fn a_token_does_not_outlast_the_key_that_it_stands_for() {
    let ask = |until, end, pending| {
        decide_hand_over_key(key_command(until, end), pending, Micros::new(0))
    };
    assert!(matches!(ask(100, Some(99), 0), Err(Rejection::Invalid(_))));
    assert!(ask(100, Some(100), 0).is_ok());
    assert!(matches!(ask(0, None, 0), Err(Rejection::Invalid(_))));
    let full = Rejection::HandoversFull(limits::HANDOVERS);
    assert_eq!(ask(1, None, limits::HANDOVERS), Err(full));
}
