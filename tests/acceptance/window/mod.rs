//! The event stream as a window on the log, and stream and bucket that are made anew.

mod adopted;
mod archived;
mod bucket;
mod denied;
mod limited;
mod lost;
mod managed;
mod settings;
mod trimmed;

use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{self, Context};
use ledger_bus::{Adopts, Bus, BusOptions};
use serde_json::{Value, json};

use crate::bus::{start_with, started};
use crate::compare::{bucket_stream, last_of};
use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::eventually;

const STREAM: &str = "LEDGER_EVENTS";

/// What the ledger says of its name on NATS.
fn status(ledger: &Ledger) -> Value {
    ledger.ask_at("_all", "status", &json!({})).expect("answered")["nats"].clone()
}

/// Waits until this instance is the owner.
async fn owned(ledger: &Ledger) {
    eventually("it owns the name", async || (status(ledger)["owner"] == true).then_some(())).await;
}

/// Waits until the status names a deviation.
async fn named(ledger: &Ledger, deviation: &str) {
    eventually(&format!("the status names: {deviation}"), async || {
        let status = status(ledger);
        let drift = status["drift"].as_array()?;
        drift
            .iter()
            .any(|told| told.as_str().is_some_and(|it| it.contains(deviation)))
            .then_some(())
    })
    .await;
}

/// What the server says of a stream, if it is there.
async fn info(jetstream: &Context, name: &str) -> Option<Info> {
    Some(jetstream.get_stream(name).await.ok()?.cached_info().clone())
}

/// The same of one that is there.
async fn info_of(server: &NatsServer, name: &str) -> Info {
    let jetstream = jetstream::new(server.client().await);
    info(&jetstream, name).await.expect("it is there")
}

/// Changes the settings of a stream, as an administrator would.
async fn edit(server: &NatsServer, name: &str, change: impl FnOnce(&mut Config)) {
    edit_by(&jetstream::new(server.client().await), name, change).await;
}

async fn edit_by(jetstream: &Context, name: &str, change: impl FnOnce(&mut Config)) {
    let mut config = info(jetstream, name).await.expect("it is there").config;
    change(&mut config);
    jetstream.update_stream(config).await.expect("it can be changed");
}

/// Removes all messages of a stream but the newest, as a limit that was set by mistake does.
async fn cut(server: &NatsServer, name: &str) {
    cut_by(&jetstream::new(server.client().await), name).await;
}

async fn cut_by(jetstream: &Context, name: &str) {
    edit_by(jetstream, name, |config| config.max_messages = 1).await;
    edit_by(jetstream, name, |config| config.max_messages = -1).await;
}

/// Waits until the stream has had every event of the log.
async fn published(server: &NatsServer, ledger: &Ledger) {
    let (jetstream, head) = (jetstream::new(server.client().await), ledger.engine.head().get());
    eventually(&format!("the stream has had {head} events"), async || {
        (info(&jetstream, STREAM).await?.state.last_sequence == head).then_some(())
    })
    .await;
}

/// Waits until the stream and the bucket have had every event of the log.
async fn filled(server: &NatsServer, ledger: &Ledger) {
    let jetstream = jetstream::new(server.client().await);
    for name in [STREAM.to_owned(), bucket_stream()] {
        let head = ledger.engine.head().get();
        eventually(&format!("{name} has had {head} events"), async || {
            (last_of(&info(&jetstream, &name).await?) == head).then_some(())
        })
        .await;
    }
}

/// Stops a ledger's bus and the ledger, gives it the name of another history, and opens it again.
async fn restored(ledger: Ledger, bus: Bus) -> Ledger {
    bus.shutdown().await;
    ledger.with_another_history()
}

/// Adopts once, as `--adopt-stream` does.
fn adopting(options: &mut BusOptions) {
    options.adopts = Adopts::Once;
}
