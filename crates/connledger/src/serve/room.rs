//! Going on after a full disk: waits until there is room, then starts the program again in place.
//!
//! RocksDB writes nothing more after a failed write until the database is opened again. A new
//! process image with the same id, arguments and environment opens it. That releases everything
//! that the old one held, and needs no supervisor.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use ledger_bus::own_program;
use ledger_domain::Micros;
use ledger_engine::{Engine, ROOM_NEEDED_BYTES};

use crate::failure::Failure;
use crate::{clock, settings};

/// Interval between two looks at the free space.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Looks in a row that must find room, so that a file which comes and goes starts nothing.
const LOOKS: u32 = 3;
/// Shortest time from a start after a full disk to the next one. The free space does not show every
/// limit: with a quota, the next write may fail at once.
const STARTS_APART: Duration = Duration::from_mins(5);

/// Waits until there is room, and everything that a start needs. `check` says whether the latter
/// is there, and `started` is when this run of the program began.
pub(super) async fn until_there_is_room(
    engine: &Engine,
    started: Instant,
    check: impl Fn() -> Result<(), Failure>,
) -> Result<(), Failure> {
    tracing::error!(
        needed_bytes = ROOM_NEEDED_BYTES,
        "the disk is full; commands are refused until there is room, reading goes on"
    );
    let earliest = settings::reopening_since().map(|_| started + STARTS_APART);
    let mut looks = tokio::time::interval(LOOK_INTERVAL);
    let mut found = 0;
    let mut refused = None;
    loop {
        looks.tick().await;
        let room = engine.room().map_err(|error| {
            Failure::unavailable(format!("cannot determine the free space: {error}"))
        })?;
        found = if room.is_enough() { found + 1 } else { 0 };
        if found < LOOKS || earliest.is_some_and(|earliest| Instant::now() < earliest) {
            continue;
        }
        match check() {
            Ok(()) => {
                tracing::info!(free_bytes = room.free_bytes, "there is room; starting again");
                return Ok(());
            }
            Err(failure) => {
                let lines = failure.lines();
                if refused.as_ref() != Some(&lines) {
                    tracing::error!(
                        error = lines.join("; "),
                        "there is room, but a start would fail; waiting"
                    );
                    refused = Some(lines);
                }
            }
        }
    }
}

/// Replaces this process by a new run of the program; returns only if that fails. `full_since` is
/// the time at which the service was stopped, if that was because of a full disk.
pub(super) fn start_again(full_since: Option<Micros>) -> Failure {
    let mut args = std::env::args_os();
    let name = args.next().unwrap_or_else(|| OsString::from("connledger"));
    let mut again = Command::new(own_program());
    again.arg0(name).args(args).env_remove(settings::REOPENING_SINCE);
    if let Some(since) = full_since {
        again.env(settings::REOPENING_SINCE, since.get().to_string());
    }
    Failure::unavailable(format!("cannot start again: {}", again.exec()))
}

/// Logs how long the service was interrupted, if this is a start after a full disk.
pub(super) fn log_interruption() {
    if let Some(since) = settings::reopening_since() {
        let without_service_us = clock::now().get().saturating_sub(since.get());
        tracing::info!(without_service_us, "serving again after a full disk");
    }
}
