//! Somebody hears everything, and sends it again.

use async_nats::HeaderMap;
use ledger_client::CommandHeaders;
use ledger_contract::operations::ReplayRequest;
use ledger_contract::sealed::join;
use ledger_contract::subjects::{AUTHORIZATION, XKEY};
use ledger_vault::CurveKey;
use serde_json::{Value, json};

use super::{Stage, code};
use crate::canary::secret;
use crate::sniffer::{Heard, Sniffer};
use crate::wait::eventually;

/// Where a ledger is asked.
const DOORS: [&str; 4] = ["ledger.cmd.", "ledger.query.", "ledger.reveal.", "ledger.admin."];

fn body(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// Does with the command line what people do. Returns the key it had issued.
async fn work_as_people_do(stage: &Stage) -> String {
    let [first, second] = [1, 2].map(|number| format!("api_key={}", secret(number)));
    let run = async |args: &[&str]| {
        let output = stage.service.run(args).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    run(&["create", "--slug", "main", "--provider", "openai", "--secret", &first]).await;
    run(&["rotate-secret", "main", "--secret", &second]).await;
    run(&["update", "main", "--secret", &format!("other={}", secret(3))]).await;
    run(&["list"]).await;
    run(&["principal", "create", "eu-1", "--kind", "gateway", "--role", "gateway"]).await;
    let key = run(&["key", "issue", "--for", "eu-1"]).await;
    assert!(key.starts_with("sk_"));
    let shown = run(&["reveal", "main", "--field", "api_key", "--reason", "a look"]).await;
    assert_eq!(shown, secret(2));
    run(&["replay", "--verify"]).await;
    key
}

/// Does with the library what programs do. Returns the key it had issued.
async fn work_as_programs_do(stage: &Stage, gateway_key: &str) -> String {
    let admin = stage.admin().await;
    let about = CommandHeaders::default;
    let secrets = |number| json!({"api_key": secret(number)});
    let create = json!({"slug": "two", "provider": "openai", "secrets": secrets(4)});
    let once = CommandHeaders::with_id("create-two");
    let made = admin.command("default", "create", body(&create), once.clone()).await;
    let again = admin.command("default", "create", body(&create), once).await.expect("repeated");
    assert!(again.repeated);
    assert_eq!(again.receipt, made.expect("made").receipt);
    let rotate = json!({"connection": "two", "secrets": secrets(5)});
    admin.command("default", "rotate-secret", body(&rotate), about()).await.expect("rotated");
    // What is refused now and would not be later.
    let taken = admin.command("default", "create", body(&create), about()).await;
    assert_eq!(code(taken), "slug_taken");
    admin.query("default", "list", &json!({})).await.expect("listed");
    let issue = json!({"principal": "eu-1"});
    let (_, issued) = admin.issue_key(body(&issue), about()).await.expect("issued");
    let gateway = stage.client(gateway_key, Some(stage.xkey())).await;
    let secrets = gateway.reveal("default", "two", &[], "to route").await.expect("allowed");
    assert_eq!(secrets["api_key"].value(), secret(5));
    let verify = ReplayRequest { verify: true, ..ReplayRequest::default() };
    admin.replay(&verify, |_| {}).await.expect("compared");
    let archive = json!({"connection": "two"});
    admin.command("default", "archive", body(&archive), about()).await.expect("archived");
    issued.expect("told once").key.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_on_everything_finds_no_secret_and_no_key_and_can_replay_nothing() {
    let stage = Stage::with(&[]).await;
    let sniffer = Sniffer::start(&stage.nats.url()).await;
    let first = work_as_people_do(&stage).await;
    let second = work_as_programs_do(&stage, &first).await;
    let heard = sniffer.stop().await;

    let keys = [stage.service.key(), first, second];
    let keys = keys.each_ref().map(String::as_str);
    for message in &heard {
        message.expect_none_of(&keys);
    }
    let requests: Vec<&Heard> = heard
        .iter()
        .filter(|message| DOORS.iter().any(|door| message.subject.starts_with(door)))
        .collect();
    for door in DOORS {
        let some = requests.iter().any(|message| message.subject.starts_with(door));
        assert!(some, "nothing was heard at {door}");
    }
    assert!(requests.len() > 15, "only {} requests were heard", requests.len());
    let answers_to = |request: &Heard| {
        let inbox = request.reply.clone();
        heard.iter().filter(move |message| message.subject == inbox)
    };
    let position = stage.head().await;
    for request in &requests {
        let asker = request.header(XKEY).unwrap_or_else(|| panic!("{request:?} is in the clear"));
        assert_eq!(request.header(AUTHORIZATION), None);
        // Sent again, as it was heard.
        let again =
            stage.request(&request.subject, request.header_map(), request.body.clone()).await;
        let headers = again.headers.unwrap_or_default();
        assert_eq!(headers.get(XKEY).expect("sealed, to the asker").as_str(), stage.xkey());
        assert!(serde_json::from_slice::<Value>(&again.payload).is_err(), "it can be read");
        // What was sealed by the ledger for the asker is no request of the asker.
        let mut answered = 0;
        for answer in answers_to(request) {
            assert_eq!(answer.header(XKEY), Some(stage.xkey().as_str()));
            let mut headers = HeaderMap::new();
            headers.insert(XKEY, asker);
            let told = stage.request(&request.subject, headers, answer.body.clone()).await;
            let told = super::Told::in_the_clear(&told);
            assert_eq!(told.code, "sealed_unreadable", "{}", told.body);
            answered += 1;
        }
        assert!(answered > 0, "no answer to {} was heard", request.subject);
    }
    assert_eq!(stage.head().await, position, "nothing came of what was sent again");
    let verified = stage.service.run(&["replay", "--verify"]).await;
    assert!(verified.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_again_what_was_heard_is_not_taken_for_its_sender() {
    let stage = Stage::with(&[]).await;
    let sniffer = Sniffer::start(&stage.nats.url()).await;
    stage.admin().await.query("_all", "whoami", &json!({})).await.expect("answered");
    let heard = sniffer.stop().await;
    let is_query = |message: &&Heard| message.subject == "ledger.query._all.whoami";
    let request = heard.iter().find(is_query).expect("it was heard");

    // All answers go to one inbox, that of the listener.
    let listener = stage.nats.client().await;
    let send = async |headers: HeaderMap, payload: Vec<u8>| {
        let sent = listener.request_with_headers(request.subject.clone(), headers, payload.into());
        sent.await.expect("answered")
    };
    send(request.header_map(), request.body.clone()).await;
    let own = CurveKey::generate();
    let mut headers = HeaderMap::new();
    headers.insert(XKEY, own.public());
    eventually("the listener is locked out like every stranger", async || {
        let mut wrong = stage.head_for(&request.subject);
        wrong.headers.insert(AUTHORIZATION.to_owned(), "Bearer sk_live_aaaaaaaaaaaa_wrong".into());
        let sealed = own.seal(&join(&wrong, b"{}"), &stage.xkey()).expect("a good key");
        let answer = send(headers.clone(), sealed).await;
        // A sealed answer says what is wrong with the key.
        let text = String::from_utf8_lossy(&answer.payload);
        text.contains("credential_lockout").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_before_a_restart_cannot_be_sent_after_it() {
    let mut stage = Stage::with(&[]).await;
    let sniffer = Sniffer::start(&stage.nats.url()).await;
    let create = body(&json!({"slug": "main", "provider": "openai"}));
    let admin = stage.admin().await;
    let about = CommandHeaders::default;
    admin.command("default", "create", create.clone(), about()).await.expect("made");
    // What is refused now and would not be later.
    assert_eq!(code(admin.command("default", "create", create, about()).await), "slug_taken");
    let archive = body(&json!({"connection": "main"}));
    admin.command("default", "archive", archive, about()).await.expect("archived");
    let heard = sniffer.stop().await;
    stage.service.kill().await;
    stage.service.start_again().await;
    let position = stage.head().await;
    let asked = heard.iter().filter(|message| message.subject.starts_with("ledger.cmd."));
    let mut sent = 0;
    for request in asked {
        stage.request(&request.subject, request.header_map(), request.body.clone()).await;
        sent += 1;
    }
    assert_eq!((sent, stage.head().await), (3, position), "nothing came of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_in_one_tenure_cannot_be_sent_in_the_next() {
    let stage = Stage::with(&["--nats-lease", "2"]).await;
    let list = "ledger.query.default.list";
    let heard = stage.head_for(list);
    let told = stage.send(list, &heard, &json!({})).await;
    assert_eq!(told.code, "", "{}", told.body);
    // As if another instance had been the owner, unseen, and had released the lease.
    let mut headers = HeaderMap::new();
    headers.insert("KV-Operation", "DEL");
    let jetstream = async_nats::jetstream::new(stage.nats.client().await);
    let sent = jetstream.publish_with_headers("$KV.ledger-owner.owner", headers, "".into()).await;
    sent.expect("sent").await.expect("stored");
    let refused = eventually("the next tenure has begun", async || {
        let told = stage.try_send(list, &heard, &json!({})).await?;
        (told.code == "sealed_expired").then_some(told)
    })
    .await;
    let told = refused.body.to_string();
    // After half a minute, it would be refused as too old.
    assert!(told.contains("before the ledger started"), "{told}");
}
