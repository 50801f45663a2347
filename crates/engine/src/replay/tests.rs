//! Replays whose last write fails, and what they write.

use ledger_domain::connection::Environment;
use ledger_vault::Keyring;

use super::*;
use crate::engine::EngineOptions;
use crate::ports::Ports;

/// The write of the new generations reaches the disk, and its sync is reported as failed.
#[test]
fn a_swap_that_failed_late_leaves_a_ledger_that_opens() {
    let folder = tempfile::tempdir().unwrap();
    let text = Keyring::generate(&mut Ports::default().rng()).to_file_text();
    let options = |create| {
        let keyring = Keyring::parse(&text).unwrap();
        EngineOptions { create, ..EngineOptions::new(folder.path().join("data"), keyring) }
    };
    for live in [1, 2] {
        let engine = Engine::open(options(live == 1)).unwrap();
        let fresh = engine.fresh_models().unwrap();
        engine
            .rebuild(
                &mut Fold::new(&fresh, &fresh, [true; 3], false, engine.shared.rebuilding.stop()),
                &|_| {},
            )
            .unwrap();
        fresh::make_live(&fresh, [true; 3]).unwrap();
        engine.shared.store.poison();
        let swapped = fresh::make_live(&fresh, [true; 3]);
        fresh::retire(&fresh, [true; 3], swapped.is_ok());
        drop(fresh);
        assert!(swapped.is_err());
        engine.shutdown();
    }
    let engine = Engine::open(options(false)).unwrap();
    assert_eq!(Models::live_generations(&engine.shared.store).unwrap(), [3; 3]);
    let verify = ReplayRequest { projection: None, verify: true };
    assert_eq!(engine.replay(&verify, &|_| {}).unwrap().difference, None);
}

#[test]
fn a_replay_of_lists_writes_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::generate(&mut Ports::default().rng());
    let options = EngineOptions::new(folder.path().join("data"), keyring);
    let engine = Engine::open(EngineOptions { create: true, ..options }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(engine.issue_admin_key(Environment::Test)).unwrap();
    let (live, stop) = (engine.shared.models.load(), engine.shared.rebuilding.stop());
    for wanted in [[true; 3], [false, true, true]] {
        let fresh = engine.fresh_models().unwrap();
        fresh::retire(&fresh, wanted, false);
        engine.rebuild(&mut Fold::new(&fresh, &live, wanted, false, stop), &|_| {}).unwrap();
        let [rows, ..] = wanted;
        let has_rows = fresh.store.scan_all(&fresh.connections, &[]).next().is_some();
        assert_eq!(has_rows, rows, "{wanted:?}");
    }
}
