//! Secrets a second over NATS, under a lease and with an event for each, against an echo service
//! that does nothing. Requests and answers are sealed, as they always are.

use std::sync::Arc;
use std::time::Duration;

use ledger_client::Client;
use serde_json::Value;

use super::IN_FLIGHT;
use crate::failure::{Failure, Outcome};
use crate::flight::fly;
use crate::ground::Ground;
use crate::ledger::WORKSPACE;
use crate::row::{Mark, Measured, RowName};
use crate::server::Sender;
use crate::times::per_second;
use crate::{load, output};

/// The secret field of the connections that [`load::create_body`] makes.
const FIELD: &str = "api_key";

/// How a secret is asked for.
#[derive(Clone, Debug)]
enum Ask {
    Leased { connection: String, lease: String },
    Revealed { connection: String },
}

/// Measures reads under a lease.
pub(super) async fn leased(ground: &mut Ground) -> Outcome<Measured> {
    let mark = (Mark::AtLeast(0.5), "≥ 0.5");
    measure(ground, RowName::RevealLeased, mark).await
}

/// Measures reveals, each with its event.
pub(super) async fn revealed(ground: &mut Ground) -> Outcome<Measured> {
    measure(ground, RowName::Reveal, (Mark::Nothing, "-")).await
}

async fn measure(
    ground: &mut Ground,
    row: RowName,
    mark: (Mark, &'static str),
) -> Outcome<Measured> {
    let count = ground.sizes().commands;
    let server = &mut ground.served().await?.server;
    let made = server.sender("create").send("of-reveals", load::create_body("s", 0)).await?;
    let made: Value = serde_json::from_slice(&made)?;
    let connection = made
        .get("connection")
        .and_then(Value::as_str)
        .ok_or_else(|| Failure::new("no connection"))?;
    let connection = connection.to_owned();
    let client = Arc::new(server.gateway().await?);
    let ask = if row == RowName::RevealLeased {
        let leased = client.lease(WORKSPACE, &connection, &[FIELD], None, "to measure").await?;
        Ask::Leased { connection, lease: leased.lease }
    } else {
        Ask::Revealed { connection }
    };
    let echo = server.echo_sender();
    let warm_up = count / 10;
    send(&echo, warm_up, "warming up echo").await?;
    read(&client, &ask, warm_up, "warming up").await?;
    let before = send(&echo, count, "echo").await?;
    let ours = per_second(count, read(&client, &ask, count, "secrets").await?);
    let after = send(&echo, count, "echo").await?;
    let reference = per_second(2 * count, before + after);
    let note =
        format!("{count} requests for one secret, sealed, {IN_FLIGHT} in flight on one connection");
    Ok(Measured::new(row, (ours, Some(reference)), "secrets/s", mark, note))
}

/// Asks so often and returns how long that took.
async fn read(client: &Arc<Client>, ask: &Ask, count: u64, what: &str) -> Outcome<Duration> {
    let (client, ask, bar) = (Arc::clone(client), Arc::new(ask.clone()), output::bar(what, count));
    let moving = bar.clone();
    let work = move |_| {
        let (client, ask, bar) = (Arc::clone(&client), Arc::clone(&ask), moving.clone());
        async move {
            let secrets = match &*ask {
                Ask::Leased { connection, lease } => {
                    client.read_leased(WORKSPACE, connection, lease, &[FIELD]).await?.secrets
                }
                Ask::Revealed { connection } => {
                    client.reveal(WORKSPACE, connection, &[FIELD], "to measure").await?
                }
            };
            if !secrets.contains_key(FIELD) {
                return Err(Failure::new("the secret is missing"));
            }
            bar.inc(1);
            Ok(())
        }
    };
    let time = fly(0..count, IN_FLIGHT, work).await?;
    bar.finish_and_clear();
    Ok(time)
}

/// Sends so many bodies to the echo service and returns how long that took.
async fn send(sender: &Sender, count: u64, what: &str) -> Outcome<Duration> {
    let (sender, bar) = (Arc::new(sender.clone()), output::bar(what, count));
    let moving = bar.clone();
    let work = move |number| {
        let (sender, bar) = (Arc::clone(&sender), moving.clone());
        async move {
            let body = load::create_body("e", number);
            sender.send(&format!("e-{number}"), body).await?;
            bar.inc(1);
            Ok(())
        }
    };
    let time = fly(0..count, IN_FLIGHT, work).await?;
    bar.finish_and_clear();
    Ok(time)
}
