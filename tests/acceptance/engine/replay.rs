//! Read models rebuilt from the log equal the live ones.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ledger_contract::errors::{Code, Problem};
use ledger_contract::operations::ReplayRequest;
use ledger_engine::{ReplayError, ReplayLimits};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::lists::{live, settle};
use crate::ledger::{Ledger, TestCommand, send};
use crate::random;

/// Everything a reader can see, but for what counts from the start of the process.
pub(super) fn sight(ledger: &Ledger) -> [Value; 4] {
    let all = |name: &str, body: Value| {
        let mut answer = ledger.ask_at("_all", name, &body).expect("a good question");
        // It names the history, which a restored ledger has anew.
        answer.as_object_mut().expect("an object").remove("resume_after");
        answer
    };
    [
        all("list", json!({"lifecycle": "any", "page_size": 500})),
        all("list", json!({"lifecycle": "any", "page_size": 500, "sort": "name"})),
        all("history", json!({"page_size": 500})),
        all("workspaces", json!({})),
    ]
}

proptest! {
    #![proptest_config(random::cases(12))]

    #[test]
    fn replay_equals_live_after_any_life(
        drafts in vec(random::draft(), 1..12),
        before in random::steps(100),
        after in random::steps(60),
        reopened in any::<bool>(),
        workers in 1_usize..4,
        states in 1_u32..8,
        state_bytes in 0_u64..20_000,
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let limits =
                ReplayLimits { workers, states, state_bytes, ..ReplayLimits::default() };
            let mut ledger = Ledger::with_replay(limits).await;
            let ids = settle(&ledger, drafts).await;
            live(&ledger, &ids, before).await;
            ledger.expect_replay_equal();
            if reopened {
                ledger = ledger.reopen();
                ledger.expect_replay_equal();
            }
            let seen = sight(&ledger);
            ledger.replay(false);
            assert_eq!(sight(&ledger), seen, "the swapped models answer the same");
            live(&ledger, &ids, after).await;
            ledger.expect_replay_equal();
            let ledger = ledger.reopen();
            ledger.expect_replay_equal();
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_read_model_can_be_rebuilt_alone() {
    let ledger =
        Ledger::with_replay(ReplayLimits { workers: 2, states: 2, ..ReplayLimits::default() })
            .await;
    for slug in ["main", "second", "third"] {
        ledger.create(slug).await;
    }
    let seen = sight(&ledger);
    for name in ["connections", "lists", "audit"] {
        for verify in [true, false] {
            let request = ReplayRequest { projection: Some(name.to_owned()), verify };
            let report = ledger.engine.replay(&request, &|_| {}).expect("replayed");
            assert_eq!((report.projections, report.difference), (vec![name.to_owned()], None));
        }
        assert_eq!(sight(&ledger), seen, "{name}");
    }
    let request = ReplayRequest { projection: Some("tea-leaves".to_owned()), verify: true };
    let error = ledger.engine.replay(&request, &|_| {}).expect_err("unknown");
    assert_eq!(Problem::from(error).code, Code::ProjectionUnknown);
    ledger.reopen().expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replay_beside_a_writer_misses_nothing() {
    let ledger =
        Ledger::with_replay(ReplayLimits { workers: 2, states: 70, ..ReplayLimits::default() })
            .await;
    for number in 0..200 {
        ledger.create(&format!("c-{number}")).await;
    }
    let done = AtomicBool::new(false);
    let written = AtomicU64::new(0);
    let writers = (0..8).map(async |writer: u64| {
        for round in 0_u64.. {
            if done.load(Ordering::SeqCst) {
                return;
            }
            let slug = format!("c-{}", (writer * 25 + round) % 200);
            let reason = format!("{writer}-{round}");
            let body = json!({"connection": slug, "reason": reason});
            send(&ledger.engine, TestCommand::new("mark-degraded", &body)).await.expect("accepted");
            written.fetch_add(1, Ordering::SeqCst);
        }
    });
    let engine = ledger.engine.clone();
    let replays = async {
        let lists = Some("lists");
        for (projection, verify) in [
            (None, true),
            (None, false),
            (lists, true),
            (lists, false),
            (lists, true),
            (None, true),
        ] {
            let engine = engine.clone();
            let request = ReplayRequest { projection: projection.map(str::to_owned), verify };
            let replayed = tokio::task::spawn_blocking(move || engine.replay(&request, &|_| {}));
            let report = replayed.await.expect("no panic").expect("replayed");
            assert_eq!(report.difference, None, "{projection:?}, verify: {verify}");
        }
        done.store(true, Ordering::SeqCst);
    };
    tokio::join!(futures::future::join_all(writers), replays);
    drop(engine);
    assert!(written.load(Ordering::SeqCst) > 50, "commands went on meanwhile");
    ledger.expect_replay_equal();
    ledger.reopen().expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_second_replay_at_once_is_refused() {
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    let request = ReplayRequest { projection: None, verify: true };
    let refused = AtomicBool::new(false);
    // The progress of the first one asks for the second.
    let inner = |_| {
        let second = ledger.engine.replay(&request, &|_| {});
        let error = second.expect_err("one at a time");
        refused.store(matches!(error, ReplayError::Running), Ordering::SeqCst);
    };
    ledger.engine.replay(&request, &inner).expect("replayed");
    assert!(refused.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_every_position_are_there_across_chunks() {
    // Bitmaps are cut at every 65,536th position; the log has to be longer than that.
    const EVENTS: u64 = 66_000;
    let ledger =
        Ledger::with_replay(ReplayLimits { workers: 3, states: 3, ..ReplayLimits::default() })
            .await;
    for number in 0..8 {
        ledger.create(&format!("c-{number}")).await;
    }
    let rounds = (0..64).map(async |writer: u64| {
        for round in 0..EVENTS / 64 {
            let slug = format!("c-{}", (writer + round) % 8);
            let body = json!({"connection": slug, "reason": format!("{writer}-{round}")});
            let test_command = TestCommand::new("mark-degraded", &body);
            let test_command = test_command.correlation(&format!("round-{}", round % 5));
            send(&ledger.engine, test_command).await.expect("accepted");
        }
    });
    futures::future::join_all(rounds).await;
    assert!(ledger.engine.head().get() > 65_536);
    ledger.expect_replay_equal();
    ledger.replay(false);
    ledger.reopen().expect_replay_equal();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_replay_that_was_broken_off_is_done_again() {
    let ledger =
        Ledger::with_replay(ReplayLimits { workers: 2, states: 4, ..ReplayLimits::default() })
            .await;
    for number in 0..20 {
        ledger.create(&format!("c-{number}")).await;
    }
    let seen = sight(&ledger);
    let told = AtomicU64::new(0);
    let request = ReplayRequest { projection: None, verify: false };
    let breaks_off = |_| assert!(told.fetch_add(1, Ordering::SeqCst) < 2, "broken off");
    let replay = || ledger.engine.replay(&request, &breaks_off);
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(replay));
    assert!(broken.is_err(), "the third pass did not come to its end");
    assert_eq!(sight(&ledger), seen, "the live models are as they were");
    ledger.create("later").await;
    ledger.expect_replay_equal();
    ledger.replay(false);
    let ledger = ledger.reopen();
    ledger.expect_replay_equal();
    assert_eq!(ledger.ask("list", &json!({}))["total"], 21);
}
