//! A NATS user that may not delete streams.

use async_nats::jetstream;
use ledger_bus::Adopts;

use super::{STREAM, cut_by, owned, start_with, status};
use crate::compare::{bucket_stream, expect_equal};
use crate::ledger::Ledger;
use crate::nats_server::NatsServer;
use crate::wait::eventually;

/// A server on which the ledger may not delete a stream.
fn strict() -> NatsServer {
    NatsServer::start_with(
        "authorization { users = [\n\
         { user: admin, password: a }\n\
         { user: ledger, password: l, permissions {\n\
           publish { deny: [\"$JS.API.STREAM.DELETE.>\"] } } }\n\
         ] }\n",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_delete_the_ledger_says_what_an_administrator_runs() {
    let server = strict();
    let mut ledger = Ledger::new().await;
    let url = server.url_of("ledger", "l");
    let bus = start_with(&ledger, url.clone(), |_| {}).await;
    owned(&ledger).await;
    ledger.create("main").await;
    let admin = eventually("the server is there", async || {
        let login = ("admin".to_owned(), "a".to_owned());
        let options = async_nats::ConnectOptions::with_user_and_password(login.0, login.1);
        options.connect(server.url()).await.ok()
    })
    .await;
    expect_equal(&admin, &ledger.engine).await;
    let jetstream = jetstream::new(admin.clone());
    let refused = async |ledger: &Ledger, reason: &str| {
        let refusal = eventually(&format!("it is refused: {reason}"), async || {
            let refusal = status(ledger)["refusal"].as_str()?.to_owned();
            refusal.contains(reason).then_some(refusal)
        })
        .await;
        for command in
            ["nats stream rm KV_ledger-connections -f", "nats stream rm LEDGER_EVENTS -f"]
        {
            assert!(refusal.contains(command), "{refusal}");
        }
    };

    // The bucket is deleted while the stream holds the newest event only.
    cut_by(&jetstream, STREAM).await;
    jetstream.delete_stream(bucket_stream()).await.expect("an administrator may");
    refused(&ledger, "the NATS user of this ledger may not delete LEDGER_EVENTS").await;
    jetstream.delete_stream(STREAM).await.expect("an administrator may");
    owned(&ledger).await;
    expect_equal(&admin, &ledger.engine).await;

    ledger = super::restored(ledger, bus).await;
    let bus = start_with(&ledger, url, |options| options.adopts = Adopts::Once).await;
    refused(&ledger, "the NATS user of this ledger may not delete KV_ledger-connections").await;
    for name in [bucket_stream(), STREAM.to_owned()] {
        jetstream.delete_stream(name).await.expect("an administrator may");
    }
    owned(&ledger).await;
    expect_equal(&admin, &ledger.engine).await;
    bus.shutdown().await;
}
