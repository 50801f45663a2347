//! Resident memory of a server with many connections.

use std::sync::Arc;

use super::IN_FLIGHT;
use crate::failure::Outcome;
use crate::flight::fly;
use crate::ground::Ground;
use crate::load::{self, COMBINATIONS, Dice};
use crate::row::{Mark, Measured, RowName};
use crate::server::Server;
use crate::{ledger, output};

/// Lists and gets that are asked for before looking.
const QUESTIONS: u64 = 20_000;
const LIMIT_MIB: f64 = 1_024.0;

pub(super) async fn measure(ground: &mut Ground) -> Outcome<Measured> {
    let folder = ground.large_ledger().await?;
    let connections = ground.sizes().connections;
    let mut server = Server::start(ground.programs(), &folder).await?;
    output::say("memory: waiting for the relay to publish every event");
    let behind = server.relayed().await?;
    let server = Arc::new(server);
    let asked = Arc::clone(&server);
    let bar = output::bar("lists and gets", QUESTIONS);
    let moving = bar.clone();
    let ask = move |number| {
        let (server, bar) = (Arc::clone(&asked), moving.clone());
        async move {
            bar.inc(1);
            question(&server, number, connections).await
        }
    };
    fly(0..QUESTIONS, IN_FLIGHT, ask).await?;
    bar.finish_and_clear();
    let (now, most) = server.resident_mib()?;
    if let Some(server) = Arc::into_inner(server) {
        server.stop().await?;
    }
    let note = format!(
        "{connections} connections, after the relay had published all events ({:.0} s) and \
         {QUESTIONS} lists and gets; {most:.0} MiB at most",
        behind.as_secs_f64()
    );
    let mark = (Mark::Limit(LIMIT_MIB), "≤ 1,024 MiB");
    Ok(Measured::new(RowName::Memory, (now, None), "MiB", mark, note))
}

async fn question(server: &Server, number: u64, connections: u64) -> Outcome<()> {
    let mut dice = Dice::new(number);
    let (name, body) = if number.is_multiple_of(2) {
        ("list", load::list_body(dice.below(COMBINATIONS), 1 + dice.below(10)))
    } else {
        let slug = load::slug(ledger::PREFIX, dice.below(connections));
        ("get", format!(r#"{{"connection":"{slug}"}}"#))
    };
    server.query(name, &body).await.map(|_| ())
}
