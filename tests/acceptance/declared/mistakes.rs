//! Wrong manifests: what is said, with which exit code, and that nothing is changed.

use serde_json::json;

use super::{CANARY, MANAGED, count, fleet, json, run, write};
use crate::output::{said, text, told};
use crate::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_by_file_and_line_before_anything_is_changed() {
    let service = Service::start(&MANAGED).await;
    let wrong = fleet(3).replace("provider: anthropic", "provder: anthropic");
    let manifest = write(&service, "fleet.yaml", &wrong);
    let file = text(&manifest);
    for question in [&["apply", "-f", file][..], &["diff", "-f", file]] {
        let output = run(&service, question).await;
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let line = format!("{file}:12:3: `provder` is not known; did you mean `provider`?");
        assert!(said(&output).contains(&line), "{}", said(&output));
        assert!(said(&output).contains("[manifest_invalid]"), "{}", said(&output));
    }
    let (code, written) = json(&service, &["apply", "-f", file]).await;
    assert_eq!(
        (code, &written[0]["line"], &written[0]["column"]),
        (Some(2), &json!(12), &json!(3))
    );
    assert_eq!(written[0]["code"], "manifest_invalid");
    assert_eq!(count(&service).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_in_the_clear_masks_and_lacking_values_are_refused_and_not_repeated() {
    let service = Service::start(&MANAGED).await;
    let with = |given: &str| {
        let text = format!(
            "connledger: 1\nconnections:\n- slug: a\n  provider: openai\n  secrets:\n    k: {given}\n"
        );
        write(&service, "one.yaml", &text)
    };
    for (given, message) in [
        (CANARY, "in the clear"),
        (&format!("{{value: {CANARY}}}"), "in the clear"),
        ("'sk-*******gh'", "form of a mask"),
        ("{from_env: NOT_SET_ANYWHERE}", "NOT_SET_ANYWHERE is not set"),
        ("{from_file: none.txt}", "cannot be read"),
        ("{from_env: FLEET_KEY, keep: true}", "takes one of"),
    ] {
        let manifest = with(given);
        let output = run(&service, &["apply", "-f", text(&manifest)]).await;
        assert_eq!(output.status.code(), Some(2), "{given}: {}", said(&output));
        assert!(said(&output).contains(message), "{given}: {}", said(&output));
    }
    assert_eq!(count(&service).await, 0);
    let manifest = with(CANARY);
    told(&run(&service, &["apply", "-f", text(&manifest), "--allow-clear-secrets"]).await);
    write(&service, "key.txt", &format!("{CANARY}\n"));
    let manifest = with("{from_file: key.txt}");
    let same = told(&run(&service, &["apply", "-f", text(&manifest)]).await);
    assert!(same.contains("unchanged 1"), "the same value from a file: {same}");
    let mut other =
        super::command(&service, &["apply", "-f", text(&with("{from_env: FLEET_KEY}"))]);
    let same_mask = format!("sk-another-value-with-such-ends-{}", &CANARY[CANARY.len() - 2..]);
    let changed = other.env("FLEET_KEY", same_mask).output().await.expect("it runs");
    assert!(told(&changed).contains("updated 1"), "the ledger compares what masks do not tell");
    assert!(!service.log().contains("canary"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_refused_is_told_by_name_and_the_rest_is_done() {
    let service = Service::start(&MANAGED).await;
    let large = "x".repeat(1 << 20);
    let manifest = fleet(2)
        + &format!("- slug: large\n  provider: x\n  config: {{a: {large}}}\n")
        + "- slug: exposed\n  provider: x\n  config: {password: not-a-secret-at-all}\n";
    let manifest = write(&service, "fleet.yaml", &manifest);
    let (code, written) = json(&service, &["apply", "-f", text(&manifest)]).await;
    let done = written.last().expect("a summary");
    assert_eq!((code, &done["created"], &done["refused"]), (Some(1), &json!(2), &json!(2)));
    let refused = |name: &str| {
        let name = format!("default/{name}");
        let found = written.iter().find(|one| one["name"] == name && !one["code"].is_null());
        found.map(|one| one["code"].clone()).unwrap_or_default()
    };
    assert_eq!(refused("large"), "message_too_large");
    assert_eq!(refused("exposed"), "secret_exposed");
    assert_eq!(count(&service).await, 2);
}
