//! The runbook of `deploy/README.md` for a secret that others know.

use crate::machine::{Machine, blocks, stop};

#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_a_leaked_secret_runs_as_written() {
    let mut machine = Machine::with_ledger(Vec::new()).await;
    let serve =
        "connledger serve --data-dir /srv/ledger --master-key-file /etc/connledger/master.key";
    let child = machine.serve(serve, "/srv/ledger").await;
    machine
        .run(
            "connledger create --data-dir /srv/ledger --slug openai-prod --provider openai \\
               --secret api_key=sk-first-value-1
             connledger reveal openai-prod --field api_key --reason canary --data-dir /srv/ledger",
        )
        .await;
    machine.set("NEW_KEY", "sk-second-value-2");
    let blocks = blocks("When a secret is known to others");
    let [replace, look] = blocks[..] else { panic!("it has other blocks: {blocks:#?}") };
    machine.run(replace).await;
    let told = machine.run(look).await;
    assert!(told.contains("canary") && told.contains("secret_rotated"), "{told}");
    assert!(told.contains("of api_key, compromised: revealed to one identity"), "{told}");
    let reveal = "connledger reveal openai-prod --field api_key --reason c --data-dir /srv/ledger";
    assert!(machine.run(reveal).await.contains("sk-second-value-2"));
    let json =
        "connledger audit exposure openai-prod --field api_key --json --data-dir /srv/ledger";
    let told = machine.run(json).await;
    let line = told.lines().next().expect("a line");
    let report: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!((&report["generation"], &report["current"]), (&2.into(), &true.into()));
    assert_eq!(report["compromised"], false);
    let back = "connledger revert openai-prod --to-version 1 --data-dir /srv/ledger 2>&1 || true";
    let back = machine.run(back).await;
    assert!(back.contains("generation_compromised"), "{back}");
    assert_eq!(report["readers"].as_array().map(Vec::len), Some(1), "{report}");
    stop(child).await;
}
