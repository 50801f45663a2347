//! Getting a connection, and opening the ledger, with many workspaces and principals.

use std::path::PathBuf;
use std::time::Instant;

use ledger_contract::queries::QueryName;
use ledger_engine::Engine;

use super::ROUNDS;
use crate::failure::Outcome;
use crate::flight::fly;
use crate::ground::Ground;
use crate::row::{Mark, Measured, RowName};
use crate::times::{Times, median};
use crate::{ledger, load, output};

/// Connections of both ledgers.
const CONNECTIONS: u64 = 100;
/// Commands in flight while tenants are made.
const MAKERS: usize = 256;
const ATTEMPTS: usize = 5;
/// How long opening the ledger with many may take, in milliseconds.
const START_MS: f64 = 3_000.0;

/// Measures `get` with many workspaces and principals against one.
pub(super) async fn get(ground: &mut Ground) -> Outcome<Measured> {
    let (samples, tenants) = (ground.sizes().samples, ground.sizes().tenants);
    let few = ledger::open(&filled(ground, "one-tenant", 0).await?).await?;
    let many = ledger::open(&filled(ground, "many-tenants", tenants).await?).await?;
    let work = move || {
        let (mut of_few, mut of_many) = (Times::new(), Times::new());
        for round in 0..=ROUNDS {
            for (engine, times) in [(&few, &mut of_few), (&many, &mut of_many)] {
                if round == 1 {
                    *times = Times::new();
                }
                gets(engine, samples, times)?;
            }
        }
        few.shutdown();
        many.shutdown();
        Outcome::Ok((of_few, of_many))
    };
    let (of_few, of_many) = tokio::task::spawn_blocking(work).await??;
    let note = format!(
        "p50 by slug with {tenants} workspaces and as many principals, against one of each; p99: \
         {:.4} ms against {:.4} ms",
        of_many.p99_ms(),
        of_few.p99_ms()
    );
    let figures = (of_many.p50_ms(), Some(of_few.p50_ms()));
    let mark = (Mark::AtMost(1.5), "≤ 1.5 x");
    Ok(Measured::new(RowName::TenantsGet, figures, "ms", mark, note))
}

/// Measures how long opening a ledger with many workspaces and principals takes.
pub(super) async fn start(ground: &mut Ground) -> Outcome<Measured> {
    let tenants = ground.sizes().tenants;
    let folder = filled(ground, "many-tenants", tenants).await?;
    let work = move || {
        let mut times = Vec::new();
        for _ in 0..ATTEMPTS {
            let started = Instant::now();
            let engine = ledger::open_blocking(folder.clone())?;
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
            engine.shutdown();
        }
        Outcome::Ok(median(times))
    };
    let ours = tokio::task::spawn_blocking(work).await??;
    let note = format!("{tenants} workspaces and as many principals; median of {ATTEMPTS}");
    let mark = (Mark::Limit(START_MS), "≤ 3,000 ms");
    Ok(Measured::new(RowName::TenantsStart, (ours, None), "ms", mark, note))
}

fn gets(engine: &Engine, samples: u64, times: &mut Times) -> Outcome<()> {
    for number in 0..samples {
        let slug = load::slug(ledger::PREFIX, number % CONNECTIONS);
        let body = format!(r#"{{"connection":"{slug}"}}"#);
        let started = Instant::now();
        ledger::ask(engine, QueryName::Get, &body)?;
        times.add(started.elapsed());
    }
    Ok(())
}

/// Returns the folder of a ledger with workspaces and principals beside the ones that all have.
async fn filled(ground: &Ground, name: &str, tenants: u64) -> Outcome<PathBuf> {
    let folder = ground.root().join(name);
    let engine = ledger::open(&folder).await?;
    ledger::fill_connections(&engine, CONNECTIONS).await?;
    let bar = output::bar("making tenants", tenants);
    let (making, moving) = (engine.clone(), bar.clone());
    let make = move |number: u64| {
        let (engine, bar) = (making.clone(), moving.clone());
        async move {
            let id = format!("tenant-{number}");
            let workspace = format!("tenant-{number:06}");
            ledger::execute_at(&engine, &workspace, "create-workspace", "{}", Some(&id)).await?;
            let body = format!(
                r#"{{"principal":"p-{number:06}","kind":"service","grants":[{{"scopes":["read"],"workspaces":["{workspace}"]}}]}}"#
            );
            ledger::execute(&engine, "create-principal", &body, Some(&id)).await?;
            bar.inc(1);
            Ok(())
        }
    };
    fly(0..tenants, MAKERS, make).await?;
    bar.finish_and_clear();
    ledger::close(engine).await?;
    Ok(folder)
}
