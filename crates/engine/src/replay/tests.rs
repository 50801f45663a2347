//! A replay whose last write fails.

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
                &mut Fold::new(&fresh, [true; 3], false, engine.shared.rebuilding.stop()),
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
