//! Restores up to a position or a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ledger_domain::{Micros, Position};
use ledger_engine::{Clock, EngineOptions, Ports, Until};
use ledger_store::tables::keys;
use serde_json::{Value, json};

use crate::engine::replay::sight;
use crate::ledger::{Ledger, Place, TestCommand, open};
use crate::moved::{export, import};

/// 2027-11-28T12:00:00Z, in seconds.
const NOON: i64 = 1_827_403_200;

fn minutes(after_noon: i64) -> Micros {
    Micros::new((NOON + after_noon * 60) * 1_000_000)
}

/// What a ledger was at some moment.
struct Moment {
    head: Position,
    /// What the clock said, in minutes after noon.
    clock: i64,
    seen: [Value; 4],
}

/// A ledger that did something every few minutes, and remembers what it was after each. Its clock
/// goes back in between.
async fn remembered() -> (Place, Vec<Moment>) {
    let (place, now) = (Ledger::new().await.close().empty(), Arc::new(AtomicI64::new(NOON)));
    let options = || {
        let shown = Arc::clone(&now);
        let clock = move || Micros::new(shown.load(Ordering::SeqCst) * 1_000_000);
        let ports = Ports { clock: Clock::new(clock), ..Ports::default() };
        EngineOptions { create: true, ports, ..place.options() }
    };
    let engine = open(options).expect("the ledger opens");
    let ledger = Ledger { engine, place };
    let mut moments = Vec::new();
    for (round, clock) in [0, 10, 20, 5, 15, 30].into_iter().enumerate() {
        now.store(NOON + clock * 60, Ordering::SeqCst);
        if round == 0 {
            ledger.send(TestCommand::new("create-workspace", &json!({}))).await.expect("new");
        }
        let slug = format!("c-{round}");
        let body =
            json!({"slug": slug, "provider": "openai", "secrets": {"api_key": "sk-1-value"}});
        ledger.send(TestCommand::new("create", &body).id(&slug)).await.expect("accepted");
        ledger.run("mark-degraded", json!({"connection": "c-0", "reason": slug})).await;
        moments.push(Moment { head: ledger.engine.head(), clock, seen: sight(&ledger) });
    }
    (ledger.close(), moments)
}

/// Opens a ledger at a time, since what a workspace uses of its quotas is that of a day.
fn open_at(place: Place, clock: i64) -> Ledger {
    let options = || {
        let ports = Ports { clock: Clock::new(move || minutes(clock)), ..Ports::default() };
        EngineOptions { ports, ..place.options() }
    };
    let engine = open(options).expect("the ledger opens");
    Ledger { engine, place }
}

#[tokio::test(flavor = "multi_thread")]
async fn restored_up_to_a_position_or_a_time_a_ledger_is_as_it_was_then() {
    let (first, moments) = remembered().await;
    let text = export(&first);
    // When the clock went back, events kept the time of the last one before.
    let (back, caught_up) = (2, 4);
    for (number, moment) in moments.iter().enumerate() {
        let mut targets = vec![Until::Position(moment.head)];
        if number < back || number > caught_up {
            targets.extend([minutes(moment.clock), minutes(moment.clock + 4)].map(Until::Time));
        }
        if number == caught_up {
            targets.extend([minutes(20), minutes(29)].map(Until::Time));
        }
        for until in targets {
            let place = first.empty();
            let restored = import(&place, until, &text).expect("restored");
            assert_eq!(restored.position, moment.head, "{until:?}");
            let store = place.store();
            let connections = keys::rows(&store).count();
            assert_eq!(connections, number + 1, "keys of later connections are not taken");
            drop(store);
            let ledger = open_at(place, moment.clock);
            assert_eq!(sight(&ledger), moment.seen, "{until:?}");
            ledger.expect_replay_equal();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_of_lost_commands_are_gone_and_earlier_ones_are_there() {
    let (first, moments) = remembered().await;
    let (text, place) = (export(&first), first.empty());
    import(&place, Until::Position(moments[2].head), &text).expect("restored");
    let ledger = place.open();
    for (round, repeated) in [(2, true), (3, false)] {
        let slug = format!("c-{round}");
        let body =
            json!({"slug": slug, "provider": "openai", "secrets": {"api_key": "sk-1-value"}});
        let sent = ledger.send(TestCommand::new("create", &body).id(&slug)).await;
        assert_eq!(sent.expect("accepted").repeated, repeated, "{slug}");
    }
    ledger.expect_replay_equal();
}
