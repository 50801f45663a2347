//! Gets and lists at the doors of other products' clients, against the same at the native one.
//!
//! The figure is the time that one connection takes to be shown, at the slowest door. Doors that
//! list everything at once are compared with the native list taken in its largest pages.

use super::IN_FLIGHT;
use crate::clients::clients;
use crate::failure::{Failure, Outcome};
use crate::ground::Ground;
use crate::ledger::PREFIX;
use crate::load::{self, CONNECTIONS};
use crate::output;
use crate::row::{Mark, Measured, RowName};
use crate::server::Server;
use crate::wire::Asker;

/// The mark: how much longer than at the native door it may take.
const MARK: Mark = Mark::AtMost(1.3);
const WORDS: &str = "<= 1.3 x";
const JSON: &str = "application/json";
/// Connections on a page of doors that have pages.
const PAGE: u64 = 50;
/// Connections on the largest native page.
const LARGEST_PAGE: u64 = 500;
/// Rounds that doors take in turn, so that a passing disturbance meets all alike.
const ROUNDS: u64 = 4;
/// How many times fewer pages than gets are asked for, and fewer whole lists than pages.
const PAGES_PART: u64 = 10;
const WHOLE_PART: u64 = 5_000;
/// Whole lists asked for at least.
const WHOLE_MIN: u64 = 8;

/// A door: its name, and what it shows for a number.
struct Door {
    name: &'static str,
    path: Box<dyn Fn(u64) -> String + Send + Sync>,
    /// Connections in one answer.
    shown: u64,
}

fn door(
    name: &'static str,
    shown: u64,
    path: impl Fn(u64) -> String + Send + Sync + 'static,
) -> Door {
    Door { name, path: Box::new(path), shown }
}

/// Doors of one kind, the native one first.
struct Kind {
    name: &'static str,
    doors: Vec<Door>,
    requests: u64,
}

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let folder = ground.small_ledger().await?;
    let connections = ground.sizes().few;
    let mut server = Server::start(ground.programs(), &folder).await?;
    output::say("waiting for the relay to publish every event");
    server.relayed().await?;
    let asker = server.asker()?;
    let requests = (ground.sizes().commands / ROUNDS).max(100);
    let (mut worst, mut notes) = ((0.0, 0.0), Vec::new());
    for kind in kinds(connections, requests) {
        let times = times(&asker, &kind).await?;
        let native = times.first().copied().ok_or_else(|| Failure::new("no native door"))?;
        let others = kind.doors.iter().zip(&times).skip(1);
        for (door, time) in others {
            notes.push(format!("{} {} {:.2}", door.name, kind.name, time / native));
            if time / native > worst.0 / f64::max(worst.1, f64::MIN_POSITIVE) {
                worst = (*time, native);
            }
        }
    }
    server.stop().await?;
    let note = format!(
        "the slowest of these, each by the native time: {}; {connections} connections, \
         {IN_FLIGHT} at once",
        notes.join(", ")
    );
    let (ours, native) = worst;
    Ok(Measured::new(RowName::FacadeReads, (ours, Some(native)), "us", (MARK, WORDS), note))
}

fn kinds(connections: u64, requests: u64) -> [Kind; 3] {
    let slug = move |number: u64| load::slug(PREFIX, number % connections.max(1));
    let pages = (connections / PAGE).max(1);
    let largest = (connections / LARGEST_PAGE).max(1);
    let umbraco = "/umbraco/ai/management/api/v1/connections";
    let gets = vec![
        door("native", 1, move |number| format!("{CONNECTIONS}/{}", slug(number))),
        door("blaxel", 1, move |number| format!("/v0/integrations/connections/{}", slug(number))),
        door("umbraco", 1, move |number| format!("{umbraco}/{}", slug(number))),
        door("portkey", 1, move |number| format!("/v1/integrations/{}", slug(number))),
    ];
    let page = move |number: u64| number % pages;
    let lists = vec![
        door("native", PAGE, move |number| {
            format!("{CONNECTIONS}?page_size={PAGE}&page={}", page(number) + 1)
        }),
        door("pica", PAGE, move |number| {
            format!("/v1/vault/connections?limit={PAGE}&page={}", page(number) + 1)
        }),
        door("umbraco", PAGE, move |number| {
            format!("{umbraco}?take={PAGE}&skip={}", page(number) * PAGE)
        }),
        door("portkey", PAGE, move |number| {
            format!("/v1/integrations?page_size={PAGE}&current_page={}", page(number))
        }),
    ];
    let whole = vec![
        door("native", LARGEST_PAGE, move |number| {
            let page = number % largest + 1;
            format!("{CONNECTIONS}?page_size={LARGEST_PAGE}&page={page}")
        }),
        door("blaxel", connections, |_| "/v0/integrations/connections".to_owned()),
        door("elevenlabs", connections, |_| "/v1/workspace/auth-connections".to_owned()),
    ];
    [
        Kind { name: "get", doors: gets, requests },
        Kind { name: "page", doors: lists, requests: (requests / PAGES_PART).max(100) },
        Kind { name: "whole", doors: whole, requests: (requests / WHOLE_PART).max(WHOLE_MIN) },
    ]
}

/// Returns the microseconds that each door takes to show one connection.
async fn times(asker: &Asker, kind: &Kind) -> Outcome<Vec<f64>> {
    let mut spent = vec![0.0; kind.doors.len()];
    for round in 0..ROUNDS {
        for (door, spent) in kind.doors.iter().zip(&mut spent) {
            let requests = kind.requests;
            let paths: Vec<String> =
                (0..requests).map(|number| (door.path)(round * requests + number)).collect();
            let write = move |asker: &Asker, number: u64| {
                let place = usize::try_from(number).unwrap_or(usize::MAX);
                asker.get(paths.get(place).map_or("", String::as_str), JSON)
            };
            let what = format!("{} {}", door.name, kind.name);
            let clients = clients(&what, asker, IN_FLIGHT, 0..requests, write).await?;
            let shown = f64::from(u32::try_from(requests * door.shown).unwrap_or(u32::MAX));
            *spent += clients.took.as_secs_f64() * 1e6 / shown / f64::from(u32::try_from(ROUNDS)?);
        }
    }
    Ok(spent)
}
