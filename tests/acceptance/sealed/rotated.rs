//! A curve key that is replaced, and clients that know one or the other.

use std::time::Duration;

use ledger_client::{Client, ClientError};
use ledger_contract::errors::Code;
use ledger_domain::Micros;
use ledger_engine::{Clock, EngineOptions, Ports};
use ledger_vault::CurveKey;
use serde_json::{Value, json};

use super::{Stage, code};
use crate::ledger::{Ledger, open};

const HOUR: i64 = 3_600 * 1_000_000;

/// Seals a text to a ledger, has it opened, and opens the answer.
fn heard(ledger: &Ledger, xkey: &str) -> Result<String, ()> {
    let own = CurveKey::generate();
    let sealed = own.seal(b"who is there", xkey).expect("a good key");
    let opened = ledger.engine.open_sealed(&sealed, own.public()).map_err(drop)?;
    assert_eq!(*opened.text, b"who is there");
    let answer = ledger.engine.seal_for(b"the ledger", own.public(), &opened.ledger_xkey);
    let answer = own.open(&answer.expect("sealed"), xkey).expect("by the key that was asked");
    Ok(String::from_utf8(answer.to_vec()).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_former_curve_key_opens_requests_until_the_overlap_ends() {
    let ledger = Ledger::new().await;
    let first = ledger.engine.xkey();
    let second = ledger.engine.rotate_curve_key(Duration::from_hours(1)).expect("rotated");
    assert_ne!(first, second);
    let ledger = ledger.reopen();
    assert_eq!(ledger.engine.xkey(), second, "it is stored");
    for xkey in [&first, &second] {
        assert_eq!(heard(&ledger, xkey).as_deref(), Ok("the ledger"));
    }
    let status = ledger.ask_at("_all", "status", &json!({})).expect("an answer");
    assert_eq!((&status["xkey"], &status["former_xkey"]["xkey"]), (&json!(second), &json!(first)));

    let place = ledger.close();
    let now = Clock::system().now().get();
    let clock = Clock::new(move || Micros::new(now + 2 * HOUR));
    let ports = Ports { clock, ..Ports::default() };
    let engine = open(|| EngineOptions { ports: ports.clone(), ..place.options() });
    let later = Ledger { engine: engine.expect("it opens"), place };
    assert_eq!(heard(&later, &first), Err(()), "it is over");
    assert_eq!(heard(&later, &second).as_deref(), Ok("the ledger"));
    assert_eq!(later.engine.former_xkey(), None);

    let third = later.engine.rotate_curve_key(Duration::from_mins(1)).expect("rotated");
    let later = later.reopen();
    assert_eq!(heard(&later, &second).as_deref(), Ok("the ledger"));
    assert_eq!(heard(&later, &third).as_deref(), Ok("the ledger"));
    assert_eq!(heard(&later, &first), Err(()), "only one former key is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_sends_nothing_in_the_clear_unless_it_is_told_to() {
    let stage = Stage::with(&[]).await;
    let key = stage.service.key();
    let mut options = ledger_client::ClientOptions::new(ledger_client::Key::new(key.as_str()));
    options.url = stage.nats.url();
    let client = Client::connect(options).await.expect("NATS is there");
    let listener = stage.nats.client().await;
    let mut overheard = listener.subscribe("ledger.query.>").await.expect("subscribed");
    let asked = client.query("default", "list", &json!({})).await;
    assert!(matches!(asked, Err(ClientError::Unsealed)), "{asked:?}");
    let revealed = client.reveal("default", "main", &[], "a look").await;
    assert!(matches!(revealed, Err(ClientError::Unsealed)), "{revealed:?}");
    // What is heard first is the request of the client that was told to.
    let clear = stage.client(&key, None).await;
    let whoami = clear.query("_all", "whoami", &json!({})).await.expect("answered");
    let whoami: Value = serde_json::from_slice(&whoami).expect("JSON");
    assert_eq!(whoami["actor"], "user:admin");
    let first = futures::StreamExt::next(&mut overheard).await.expect("a message");
    assert!(first.subject.ends_with("_all.whoami"), "{}", first.subject);
    let wrong = stage.client(&key, Some(CurveKey::generate().public().to_owned())).await;
    let refused = code(wrong.query("_all", "whoami", &json!({})).await);
    assert_eq!(refused, Code::SealedUnreadable.as_str());
}
