//! Sealed messages that are not what they should be, on both ends.

use async_nats::HeaderMap;
use ledger_client::CommandHeaders;
use ledger_contract::sealed::join;
use ledger_contract::subjects::{AUTHORIZATION, ERROR_CODE, XKEY};
use ledger_vault::CurveKey;
use serde_json::json;

use super::{Stage, Told, code, impostor, seconds_from_now};

const CREATE: &str = "ledger.cmd.default.create";

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_request_is_good_on_its_subject_alone() {
    let stage = Stage::with(&[]).await;
    let made = stage.head().await;
    let body = json!({"slug": "main", "provider": "openai", "connection": "main"});
    for (meant, sent) in [
        ("ledger.cmd.default.enable", "ledger.cmd.default.disable"),
        ("ledger.cmd.default.create", "ledger.cmd.other.create"),
        ("ledger.query.default.list", "ledger.query._all.list"),
        ("ledger.query.default.get", "ledger.cmd.default.archive"),
        ("ledger.reveal.default.main", "ledger.reveal.default.two"),
        ("ledger.reveal.default.main", "ledger.cmd.default.create"),
        ("ledger.query._all.status", "ledger.admin.replay"),
    ] {
        let told = stage.send(sent, &stage.head_for(meant), &body).await;
        assert_eq!((told.sealed, told.code.as_str()), (true, "sealed_unreadable"), "{sent}");
    }
    assert_eq!(stage.head().await, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_request_is_good_for_half_a_minute_and_once() {
    let stage = Stage::with(&[]).await;
    let body = json!({"provider": "openai"});
    for (seconds, expected) in [(-120, "sealed_expired"), (60, "sealed_expired"), (20, "")] {
        let mut head = stage.head_for(CREATE);
        head.made_at = seconds_from_now(seconds);
        let told = stage.send(CREATE, &head, &body).await;
        assert_eq!((told.sealed, told.code.as_str()), (true, expected), "{}", told.body);
    }
    // Sealed by another key pair it is another's request; under the same command id a repeat.
    let head = stage.head_for(CREATE);
    let receipts =
        [stage.send(CREATE, &head, &body).await.body, stage.send(CREATE, &head, &body).await.body];
    assert_eq!(receipts[0], receipts[1]);
    let made = stage.head().await;
    let own = CurveKey::generate();
    let sealed = own.seal(&join(&stage.head_for(CREATE), b"{\"provider\":\"x\"}"), &stage.xkey());
    let sealed = sealed.expect("a good key");
    let mut headers = HeaderMap::new();
    headers.insert(XKEY, own.public());
    for expected in ["\"version\":1", "sealed_repeated", "sealed_repeated"] {
        let reply = stage.request(CREATE, headers.clone(), sealed.clone()).await;
        let text = own.open(&reply.payload, &stage.xkey()).expect("sealed to who asked");
        assert!(String::from_utf8_lossy(&text).contains(expected), "{expected}");
    }
    assert_eq!(stage.head().await, made + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_is_refused_in_the_clear() {
    let stage = Stage::with(&[]).await;
    let [own, other] = [(); 2].map(|()| CurveKey::generate());
    let text = join(&stage.head_for(CREATE), b"{}");
    let good = own.seal(&text, &stage.xkey()).expect("a good key");
    let to_another = own.seal(&text, other.public()).expect("a good key");
    let mut changed = good.clone();
    *changed.last_mut().expect("some bytes") ^= 1;
    let headless = own.seal(b"{}", &stage.xkey()).expect("a good key");
    let cases = [
        (own.public(), to_another),
        (other.public(), good.clone()),
        ("X", good.clone()),
        (own.public(), changed),
        (own.public(), Vec::new()),
        (own.public(), b"{\"provider\":\"openai\"}".to_vec()),
        (own.public(), headless),
    ];
    let made = stage.head().await;
    for (number, (xkey, payload)) in cases.into_iter().enumerate() {
        let mut headers = HeaderMap::new();
        headers.insert(XKEY, xkey);
        let told = Told::in_the_clear(&stage.request(CREATE, headers, payload).await);
        assert_eq!(told.code, "sealed_unreadable", "case {number}");
    }
    let mut headers = HeaderMap::new();
    headers.insert(XKEY, own.public());
    headers.insert(AUTHORIZATION, "Bearer sk_test_x");
    let told = Told::in_the_clear(&stage.request(CREATE, headers, good).await);
    assert_eq!(told.code, "header_invalid", "the API key is inside or nowhere");
    let mut nobody = stage.head_for(CREATE);
    nobody.headers.clear();
    let told = stage.send(CREATE, &nobody, &json!({})).await;
    assert_eq!((told.sealed, told.code.as_str()), (true, "credential_missing"));
    assert_eq!(stage.head().await, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_the_ledgers_is_not_believed() {
    let stage = Stage::with(&["--prefix", "elsewhere"]).await;
    let client = stage.admin().await;
    let expect = async |said: &str| {
        let about = CommandHeaders::default();
        let told = code(client.command("default", "create", b"{}".to_vec(), about).await);
        assert!(told.contains(said), "{told}");
    };
    let receipt = r#"{"version":1,"position":1,"recorded_at":"2030-01-01T00:00:00Z"}"#;
    let clear = move |_: &async_nats::Message| (HeaderMap::new(), receipt.as_bytes().to_vec());
    let task = impostor(&stage.nats, "ledger.cmd.>", clear).await;
    expect("in the clear").await;
    task.abort();

    let body = r#"{"error":{"code":"forbidden","class":"x","message":"","hint":"","retry":false}}"#;
    let refusal = move |_: &async_nats::Message| {
        let mut headers = HeaderMap::new();
        headers.insert(ERROR_CODE, "forbidden");
        (headers, body.as_bytes().to_vec())
    };
    let task = impostor(&stage.nats, "ledger.cmd.>", refusal).await;
    expect("in the clear").await;
    task.abort();

    // The request itself, which the asker can open.
    let echo = |message: &async_nats::Message| {
        (message.headers.clone().unwrap_or_default(), message.payload.to_vec())
    };
    let task = impostor(&stage.nats, "ledger.cmd.>", echo).await;
    expect("cannot be understood").await;
    task.abort();

    // A refusal that the ledger gives in the clear, too, with a wait that no clock can add.
    let body = r#"{"error":{"code":"rate_limited","class":"busy","message":"","hint":"",
        "retry":true,"retry_after_seconds":18446744073709551615}}"#;
    let wait = move |_: &async_nats::Message| {
        let mut headers = HeaderMap::new();
        headers.insert(ERROR_CODE, "rate_limited");
        (headers, body.as_bytes().to_vec())
    };
    let task = impostor(&stage.nats, "ledger.cmd.>", wait).await;
    expect("rate_limited").await;
    task.abort();
}
