//! Durable commands a second in process, against RocksDB writing the same rows.

use std::time::Duration;

use ledger_engine::Engine;

use super::IN_FLIGHT;
use crate::failure::Outcome;
use crate::flight::fly;
use crate::ground::Ground;
use crate::raw::Sample;
use crate::row::{Mark, Measured, RowName};
use crate::times::{as_f64, per_second};
use crate::{ledger, load, output};

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let commands = ground.sizes().commands;
    let folder = ground.fresh_folder("engine")?;
    let engine = ledger::open(&folder).await?;
    create(&engine, 0..commands / 10, "warming up").await?;
    let groups = Groups::count(&engine)?;
    let time = create(&engine, commands / 10..commands / 10 + commands, "commands").await?;
    ledger::close(engine).await?;
    // The counter ends with the engine.
    let groups = groups.result()?;
    let ours = per_second(commands, time);
    let group = commands.div_ceil(groups.max(1));

    let raw = ground.fresh_folder("raw")?;
    let write = move || {
        let sample = Sample::take(&folder)?;
        let time = sample.write(&raw, commands, group)?;
        Outcome::Ok((sample.rows_per_command(), sample.bytes_per_command(), time))
    };
    let (rows, bytes, time) = tokio::task::spawn_blocking(write).await??;
    let note = format!(
        "{commands} creates with one secret, {IN_FLIGHT} in flight; {rows} rows and {bytes} bytes \
         a command, groups of {:.1} seen, the reference in groups of {group}",
        as_f64(commands) / as_f64(groups.max(1))
    );
    let mark = (Mark::AtLeast(0.5), "≥ 0.5");
    let pair = (ours, Some(per_second(commands, time)));
    Ok(Measured::new(RowName::EngineCommands, pair, "commands/s", mark, note))
}

async fn create(engine: &Engine, numbers: std::ops::Range<u64>, what: &str) -> Outcome<Duration> {
    let bar = output::bar(what, numbers.end - numbers.start);
    let (engine, moving) = (engine.clone(), bar.clone());
    let work = move |number| {
        let (engine, bar) = (engine.clone(), moving.clone());
        async move {
            let body = load::create_body(ledger::PREFIX, number);
            // Only a command with an id has a receipt. This one is as long as a UUID.
            let id = format!("create-{number:029}");
            ledger::execute(&engine, "create", &body, Some(&id)).await?;
            bar.inc(1);
            Ok(())
        }
    };
    let time = fly(numbers, IN_FLIGHT, work).await?;
    bar.finish_and_clear();
    Ok(time)
}

/// Counts how often the last durable position moves, on a thread of its own. Two moves in quick
/// succession may be seen as one, which makes the reference's groups larger, never smaller.
struct Groups(std::thread::JoinHandle<u64>);

impl Groups {
    fn count(engine: &Engine) -> Outcome<Self> {
        let mut head = engine.subscribe_head();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let count = async move {
            let mut groups = 0;
            while head.changed().await.is_ok() {
                groups += 1;
            }
            groups
        };
        Ok(Self(std::thread::spawn(move || runtime.block_on(count))))
    }

    fn result(self) -> Outcome<u64> {
        self.0.join().map_err(|_| crate::failure::Failure::new("counting groups failed"))
    }
}
