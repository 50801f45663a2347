//! Ledgers on NATS that need no process of their own.

use ledger_bus::{Bus, BusOptions, ConnectOptions, connect};

use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::PATIENCE;

/// Starts a bus, and waits until it owns the name or knows why not.
pub(crate) async fn start(ledger: &Ledger, server: &NatsServer) -> Bus {
    start_with(ledger, server.url(), |_| {}).await
}

/// Starts one with options that a test changes.
pub(crate) async fn start_with(
    ledger: &Ledger,
    url: String,
    change: impl FnOnce(&mut BusOptions),
) -> Bus {
    let connection = ConnectOptions { url, ..ConnectOptions::default() };
    let connected = connect(&connection).await.expect("good options");
    let mut options = BusOptions::new(connected, connection);
    change(&mut options);
    let bus = Bus::start(ledger.engine.clone(), options).await.expect("the bus starts");
    bus.settled(PATIENCE).await;
    bus
}

/// A new ledger that owns its name on a server of its own.
pub(crate) async fn started() -> (NatsServer, Ledger, Bus) {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    let bus = start(&ledger, &server).await;
    (server, ledger, bus)
}
