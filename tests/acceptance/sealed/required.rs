//! A ledger that takes nothing in the clear.

use ledger_client::CommandHeaders;
use ledger_contract::operations::ReplayRequest;
use serde_json::json;
use tokio::process::Command;

use super::{Stage, code};
use crate::service::Service;
use crate::settings;

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_the_clear_are_refused_where_sealed_ones_are_required() {
    let stage = Stage::with(&["--nats-require-sealed"]).await;
    let create = json!({"slug": "main", "provider": "openai"}).to_string().into_bytes();
    for key in [stage.service.key().as_str(), "sk_test_nobody"] {
        let clear = stage.client(key, None).await;
        let about = CommandHeaders::default();
        let sent = clear.command("default", "create", create.clone(), about).await;
        assert_eq!(code(sent), "sealed_required");
        assert_eq!(code(clear.query("default", "list", &json!({})).await), "sealed_required");
        assert_eq!(code(clear.query("_all", "whoami", &json!({})).await), "sealed_required");
        let replay = clear.replay(&ReplayRequest::default(), |_| {}).await;
        assert_eq!(code(replay), "sealed_required");
    }
    let sealing = stage.admin().await;
    let about = CommandHeaders::default();
    sealing.command("default", "create", create, about).await.expect("made");
    sealing.query("default", "list", &json!({})).await.expect("listed");
    let replayed = sealing.replay(&ReplayRequest::default(), |_| {}).await.expect("replayed");
    assert!(replayed.events > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_seals_once_it_knows_the_curve_key() {
    let stage = Stage::with(&["--nats-require-sealed"]).await;
    let listed = stage.service.run(&["list"]).await;
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let far_away = async |xkey: Option<String>, unsealed: bool| {
        let mut command = Command::new(settings::connledger());
        command.args(["list", "--nats-url", &stage.nats.url()]);
        command.env("CONNLEDGER_KEY", stage.service.key());
        command.args(unsealed.then_some("--nats-allow-unsealed"));
        command.envs(xkey.map(|xkey| ("CONNLEDGER_XKEY", xkey)));
        let output = command.output().await.expect("connledger runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let refused = far_away(None, false).await;
    assert!(!refused.0 && refused.1.contains("curve key is not known"), "{}", refused.1);
    assert!(refused.1.contains("CONNLEDGER_XKEY"), "it says what to do: {}", refused.1);
    let (done, said) = far_away(None, true).await;
    assert!(!done && said.contains("sealed_required"), "it was sent: {said}");
    let (done, said) = far_away(Some(stage.xkey()), false).await;
    assert!(done, "{said}");
    let (done, said) =
        far_away(Some(ledger_vault::CurveKey::generate().public().to_owned()), false).await;
    assert!(!done && said.contains("sealed_unreadable"), "{said}");
}

/// Makes the ledger that the words after it serve, and serves it.
const MADE_BY_INIT: &str = r#"
    [ -d "$5" ] || "$1" init --data-dir "$5" --master-key-file "$5.key" > "$5.out" || exit 9
    exec "$@" --master-key-file "$5.key"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_init_takes_nothing_in_the_clear_unless_it_is_told_to() {
    let start = async |more: &[&str]| {
        let args = [&["--nats", "managed"], more].concat();
        Service::start_under(&["sh", "-c", MADE_BY_INIT, "sh"], &args).await
    };
    let strict = start(&[]).await;
    let clear = strict.client().await;
    assert_eq!(code(clear.query("_all", "whoami", &json!({})).await), "sealed_required");
    let listed = strict.run(&["list"]).await;
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let lax = start(&["--nats-require-sealed=false"]).await;
    let answered = lax.client().await.query("_all", "whoami", &json!({})).await;
    assert!(answered.is_ok(), "{answered:?}");
}
