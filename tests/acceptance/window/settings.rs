//! Settings of streams that exist: which the ledger changes, and which it leaves.

use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::stream::{Compression, Config, DiscardPolicy};
use ledger_bus::Window;

use super::{STREAM, edit, filled, info_of, named, owned, start_with, started, status};
use crate::compare::{bucket_stream, expect_equal};
use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::eventually;

/// Makes both streams with the settings of earlier programs.
async fn make_as_earlier(server: &NatsServer, ledger: &Ledger) {
    let made = NatsServer::start().await;
    let bus = start_with(ledger, made.url(), |_| {}).await;
    bus.shutdown().await;
    let jetstream = jetstream::new(server.client().await);
    for name in [STREAM.to_owned(), bucket_stream()] {
        let mut config = Config {
            max_age: Duration::ZERO,
            max_bytes: -1,
            discard: DiscardPolicy::New,
            compression: None,
            allow_message_ttl: false,
            first_sequence: None,
            duplicate_window: Duration::from_mins(2),
            ..info_of(&made, &name).await.config
        };
        // The source changed the subjects.
        if let Some([source]) = config.sources.as_deref_mut() {
            source.subject_transforms.extend(config.subject_transform.take());
        }
        config.metadata.retain(|key, _| ["ledger_id", "ledger_format"].contains(&key.as_str()));
        jetstream.create_stream(config).await.expect("it can be made");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_an_earlier_program_become_windows_of_this_history() {
    let server = NatsServer::start().await;
    let ledger = Ledger::new().await;
    ledger.create("main").await;
    make_as_earlier(&server, &ledger).await;
    let bus = start_with(&ledger, server.url(), |_| {}).await;
    owned(&ledger).await;
    expect_equal(&server.client().await, &ledger.engine).await;
    eventually("the bucket has everything, so the stream can become a window", async || {
        let config = info_of(&server, STREAM).await.config;
        (!config.max_age.is_zero()).then_some(())
    })
    .await;
    let own = ledger.engine.identity().incarnation.to_string();
    for name in [STREAM.to_owned(), bucket_stream()] {
        let config = info_of(&server, &name).await.config;
        let compression = (name == STREAM).then_some(Compression::S2);
        assert_eq!(config.compression.filter(|it| *it != Compression::None), compression, "{name}");
        assert_eq!(config.discard, DiscardPolicy::Old, "{name}");
        assert!(config.allow_message_ttl, "{name}");
        assert_eq!(config.metadata.get("ledger_incarnation"), Some(&own), "{name}");
        assert!(config.deny_delete && config.deny_purge, "{name}");
        let (age, bytes) = (config.max_age, config.max_bytes);
        let window = if name == STREAM { (7 * 86_400, 1 << 29) } else { (0, -1) };
        assert_eq!((age, bytes), (Duration::from_secs(window.0), window.1), "{name}");
    }
    assert!(status(&ledger)["drift"].is_null());
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_follows_its_options_and_limits_by_hand_stay_and_are_named() {
    let (server, ledger, bus) = started().await;
    ledger.create("main").await;
    filled(&server, &ledger).await;
    bus.shutdown().await;
    let hour = Some(Duration::from_hours(1));
    let bus = start_with(&ledger, server.url(), |options| {
        options.window = Window { age: hour, bytes: None };
    })
    .await;
    let config = info_of(&server, STREAM).await.config;
    assert_eq!((Some(config.max_age), config.max_bytes), (hour, -1));
    assert!(status(&ledger)["drift"].is_null());

    let minute = Duration::from_mins(1);
    edit(&server, STREAM, |config| {
        (config.max_age, config.duplicate_window) = (minute, minute);
        config.max_messages = 1_000;
    })
    .await;
    named(&ledger, "LEDGER_EVENTS: max_age was changed").await;
    named(&ledger, "LEDGER_EVENTS: max_msgs was changed").await;
    bus.shutdown().await;
    let bus = start_with(&ledger, server.url(), |_| {}).await;
    owned(&ledger).await;
    let config = info_of(&server, STREAM).await.config;
    assert_eq!((config.max_age, config.max_messages), (minute, 1_000), "they stay");
    assert_eq!(config.max_bytes, 1 << 29, "what was not set by hand follows the options");
    named(&ledger, "LEDGER_EVENTS: max_age was changed").await;
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_copies_than_the_server_can_keep_are_refused_by_name() {
    let (server, ledger, bus) = started().await;
    ledger.create("main").await;
    filled(&server, &ledger).await;
    bus.shutdown().await;
    let bus = start_with(&ledger, server.url(), |options| options.replicas = Some(3)).await;
    eventually("it is refused", async || {
        let status = status(&ledger);
        let refusal = status["refusal"].as_str()?;
        (refusal.contains("refused to change") && refusal.contains("replicas")).then_some(())
    })
    .await;
    named(&ledger, "KV_ledger-owner: num_replicas is 1, and --nats-replicas is 3").await;
    bus.shutdown().await;
    let bus = start_with(&ledger, server.url(), |_| {}).await;
    owned(&ledger).await;
    assert!(status(&ledger)["drift"].is_null(), "as many copies as there are");
    bus.shutdown().await;
}
