//! What may be done with leases, and when they end.

use super::*;
use crate::connection::tests::samples::{field, state_of_sample, text};
use crate::text::CheckedText as _;

const NOW: Micros = Micros::new(1_000);

fn take(until: i64) -> LeaseCommand {
    LeaseCommand::Take(TakeLease {
        fields: BTreeSet::new(),
        until: Micros::new(until),
        reason: text("to route"),
        from: None,
    })
}

fn facts(number: u8, actor: &str) -> LeaseFacts {
    let connection = state_of_sample();
    LeaseFacts {
        connection: Some(connection.id),
        workspace: connection.workspace,
        event_id: EventId::from_bytes([number; 16]),
        actor: Actor::new(actor),
        recorded_at: NOW,
        position: Position::new(number.into()),
    }
}

/// Returns leases of these holders, numbered from one.
fn held_by(holders: &[&str]) -> SecretLeases {
    let (mut leases, connection) = (SecretLeases::default(), state_of_sample());
    for (number, holder) in (1..).zip(holders) {
        let facts = facts(number, holder);
        let event = leases.decide(&connection, &facts.actor, take(2_000), NOW).unwrap();
        assert_eq!(leases.apply(&facts, &event), [id(number)]);
    }
    leases
}

fn id(number: u8) -> LeaseId {
    LeaseId::from_bytes([number; 16])
}

#[test]
fn a_lease_is_its_holders_and_ends_within_a_day() {
    let (mut leases, connection) = (held_by(&["key:a"]), state_of_sample());
    let renew = |until: i64| LeaseCommand::Renew { lease: id(1), until: Micros::new(until) };
    let (own, other) = (Actor::new("key:a"), Actor::new("key:b"));
    let ended = Err(Rejection::SecretLeaseEnded);
    assert_eq!(leases.decide(&connection, &other, renew(3_000), NOW), ended);
    let last = 1_000 + limits::LEASE_MICROS;
    let event = leases.decide(&connection, &own, renew(last), NOW).unwrap();
    leases.apply(&facts(2, "key:a"), &event);
    assert_eq!(leases.get(id(1)).unwrap().until, Micros::new(last));
    let late = leases.decide(&connection, &own, renew(last + 1), Micros::new(5_000));
    assert!(matches!(late, Err(Rejection::Invalid(_))), "{late:?}");
    assert!(leases.decide(&connection, &own, take(1_000), NOW).is_err(), "it has passed");
    let over = Micros::new(last);
    assert_eq!(leases.decide(&connection, &own, renew(last + 5), over), ended);
    let give_back = LeaseCommand::Return { lease: id(1) };
    assert_eq!(leases.decide(&connection, &other, give_back.clone(), NOW), ended);
    let event = leases.decide(&connection, &own, give_back, NOW).unwrap();
    assert_eq!(leases.apply(&facts(3, "key:a"), &event), [id(1)]);
    assert_eq!(leases, SecretLeases::default(), "nothing of it is left");
}

#[test]
fn leases_end_by_one_by_holder_by_connection_and_by_slug() {
    let connection = state_of_sample();
    let end = |which| LeaseCommand::End { which, because: LeaseEnd::Revoked, reason: None };
    let actor = Actor::new("key:admin");
    let ends = |which| {
        let mut leases = held_by(&["key:a", "key:b", "key:a"]);
        let event = leases.decide(&connection, &actor, end(which), NOW).unwrap();
        leases.apply(&facts(9, "key:admin"), &event)
    };
    assert_eq!(ends(EndedLeases::One(id(2))), [id(2)]);
    assert_eq!(ends(EndedLeases::OfHolder(Actor::new("key:a"))), [id(1), id(3)]);
    assert_eq!(ends(EndedLeases::All), [id(1), id(2), id(3)]);
    let prefix = |text: &str| {
        let slug_prefix = Some(Line::stored(text.into()));
        EndWorkspaceLeases { holder: None, slug_prefix, reason: None }
    };
    let mut leases = held_by(&["key:a", "key:b"]);
    let begin = connection.slug.as_str().get(..2).unwrap().to_ascii_uppercase();
    let event = leases.decide_in_workspace(&connection.workspace, prefix(&begin)).unwrap();
    assert_eq!(leases.apply(&facts(9, "key:admin"), &event).len(), 2);
    let none = held_by(&["key:a"]);
    let none = none.decide_in_workspace(&connection.workspace, prefix("no-such"));
    assert_eq!(none, Err(Rejection::SecretLeaseEnded));
}

#[test]
fn what_was_read_raises_the_generation_that_is_recorded() {
    let mut leases = held_by(&["key:a"]);
    let read = ReadCount { generation: Generation::new(4), count: 3, last: NOW };
    let reads = [(field("api_key"), vec![read])].into();
    let event = LeaseEvent::Read { lease: id(1), reads };
    assert_eq!(leases.apply(&facts(2, "key:a"), &event), [id(1)]);
    let generations = &leases.get(id(1)).unwrap().generations;
    assert_eq!(generations[&field("api_key")], Generation::new(4));
}
