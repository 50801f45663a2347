//! Gets and list pages a second over HTTP, against the same bytes from an echo and the same
//! questions in process, one after the other.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger_contract::queries::QueryName;
use ledger_engine::Engine;
use serde_json::Value;

use super::IN_FLIGHT;
use crate::clients::{Clients, clients};
use crate::echo::Echo;
use crate::failure::{Failure, Outcome};
use crate::ground::Ground;
use crate::ledger::{self, PREFIX};
use crate::load::{self, COMBINATIONS, CONNECTIONS, Dice};
use crate::output;
use crate::row::{Mark, Measured, RowName};
use crate::server::Server;
use crate::times::per_second;
use crate::wire::{Asker, Wire};

/// Connections among which gets choose.
const CHOSEN: u64 = 20_000;
/// Pages among which lists choose: what a person looks at.
const PAGES: u64 = 10;
/// How many times fewer lists than gets there are.
const LISTS_PART: u64 = 10;
const JSON: &str = "application/json";

/// A question in both its forms, by number.
trait Question: Clone + Send + Sync + 'static {
    const QUERY: QueryName;
    fn path(&self, number: u64) -> String;
    fn body(&self, number: u64) -> String;
}

/// Gets one of some connections by its id.
#[derive(Clone)]
struct Get(Arc<Vec<String>>);

/// Lists a page with three filters.
#[derive(Clone)]
struct List;

pub(super) async fn gets(ground: &mut Ground) -> Outcome<Measured> {
    let folder = ground.large_ledger().await?;
    let server = started(ground, &folder).await?;
    let ids = ids(&server, ground.sizes().connections).await?;
    let count = ground.sizes().commands;
    measure(RowName::HttpGets, "gets/s", Get(Arc::new(ids)), count, server, &folder).await
}

pub(super) async fn lists(ground: &mut Ground) -> Outcome<Measured> {
    let folder = ground.large_ledger().await?;
    let server = started(ground, &folder).await?;
    let count = ground.sizes().commands / LISTS_PART;
    measure(RowName::HttpLists, "pages/s", List, count, server, &folder).await
}

async fn started(ground: &Ground, folder: &Path) -> Outcome<Server> {
    let mut server = Server::start(ground.programs(), folder).await?;
    output::say("waiting for the relay to publish every event");
    server.relayed().await?;
    Ok(server)
}

async fn measure<Asked: Question>(
    row: RowName,
    unit: &'static str,
    asked: Asked,
    count: u64,
    server: Server,
    folder: &Path,
) -> Outcome<Measured> {
    let echo = Echo::start(server.login()).await?;
    let (ledger, mirror) = (server.asker()?, server.asker_at(echo.http));
    // The echo answers with as many bytes as the ledger does.
    let answer = one(&mut ledger.connect().await?, &ledger, &asked.path(0)).await?;
    let learn = mirror.send("PUT", "/answer", "learn", &String::from_utf8(answer.clone())?);
    mirror.connect().await?.ask(&learn).await?;
    ask(&ledger, &asked, count / 10, "warming up").await?;
    let before = ask(&mirror, &asked, count, "echo").await?;
    let ours = ask(&ledger, &asked, count, "questions").await?;
    let after = ask(&mirror, &asked, count, "echo").await?;
    drop(echo);
    server.stop().await?;
    let echo = per_second(2 * count, before.took + after.took);
    let (threads, alone) = in_process(folder, asked, count).await?;
    let alone = per_second(count, alone);
    let note = format!(
        "{count} answers like one of {} bytes over {IN_FLIGHT} connections; p50 {:.3} ms, p99 \
         {:.3} ms; reference is one after the other: echo {echo:.0}/s, the same in process by \
         {threads} threads {alone:.0}/s",
        answer.len(),
        ours.each.p50_ms(),
        ours.each.p99_ms(),
    );
    let reference = 1.0 / (1.0 / echo + 1.0 / alone);
    let pair = (per_second(count, ours.took), Some(reference));
    Ok(Measured::new(row, pair, unit, (Mark::Nothing, "-"), note))
}

async fn ask(asker: &Asker, what: &impl Question, count: u64, shown: &str) -> Outcome<Clients> {
    let what = what.clone();
    let write = move |asker: &Asker, number| asker.get(&what.path(number), JSON);
    clients(shown, asker, IN_FLIGHT, 0..count, write).await
}

async fn one(wire: &mut Wire, asker: &Asker, path: &str) -> Outcome<Vec<u8>> {
    Ok(wire.ask(&asker.get(path, JSON)).await?.to_vec())
}

/// Looks up the ids of connections from all over the ledger.
async fn ids(server: &Server, connections: u64) -> Outcome<Vec<String>> {
    let asker = server.asker()?;
    let (mut wire, mut dice, mut ids) = (asker.connect().await?, Dice::new(1), Vec::new());
    for _ in 0..CHOSEN.min(connections) {
        let slug = load::slug(PREFIX, dice.below(connections));
        let answer = one(&mut wire, &asker, &format!("{CONNECTIONS}/{slug}")).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        let id = answer.get("id").and_then(Value::as_str);
        ids.push(id.ok_or_else(|| Failure::new("a connection has no id"))?.to_owned());
    }
    Ok(ids)
}

/// Asks the engine itself, on as many threads as there are cores.
async fn in_process(folder: &Path, asked: impl Question, count: u64) -> Outcome<(u64, Duration)> {
    let engine = ledger::open(folder).await?;
    let threads = u64::try_from(std::thread::available_parallelism()?.get())?;
    let work = move || {
        ask_engine(&engine, &asked, 0..count / 10)?;
        let started = Instant::now();
        std::thread::scope(|scope| {
            let parts = (0..threads).map(|part| {
                let numbers = part * count / threads..(part + 1) * count / threads;
                scope.spawn(|| ask_engine(&engine, &asked, numbers))
            });
            let parts: Vec<_> = parts.collect();
            parts.into_iter().try_for_each(|part| match part.join() {
                Ok(done) => done,
                Err(_) => Err(Failure::new("a thread that asked the engine panicked")),
            })
        })?;
        let took = started.elapsed();
        engine.shutdown();
        Outcome::Ok(took)
    };
    Ok((threads, tokio::task::spawn_blocking(work).await??))
}

fn ask_engine<Asked: Question>(
    engine: &Engine,
    asked: &Asked,
    numbers: std::ops::Range<u64>,
) -> Outcome<()> {
    for number in numbers {
        let body = asked.body(number);
        ledger::ask(engine, Asked::QUERY, &body)?;
    }
    Ok(())
}

impl Get {
    fn id(&self, number: u64) -> &str {
        let place = usize::try_from(number).unwrap_or(0) % self.0.len().max(1);
        self.0.get(place).map_or("", String::as_str)
    }
}

impl Question for Get {
    const QUERY: QueryName = QueryName::Get;

    fn path(&self, number: u64) -> String {
        format!("{CONNECTIONS}/{}", self.id(number))
    }

    fn body(&self, number: u64) -> String {
        format!(r#"{{"connection":"{}"}}"#, self.id(number))
    }
}

/// Combination and page of a list by its number.
const fn drawn(number: u64) -> (u64, u64) {
    let mut dice = Dice::new(number);
    (dice.below(COMBINATIONS), 1 + dice.below(PAGES))
}

impl Question for List {
    const QUERY: QueryName = QueryName::List;

    fn path(&self, number: u64) -> String {
        let (combination, page) = drawn(number);
        load::list_path(combination, page)
    }

    fn body(&self, number: u64) -> String {
        let (combination, page) = drawn(number);
        load::list_body(combination, page)
    }
}
