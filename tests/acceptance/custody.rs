//! What the program keeps from other users of the machine: its files, its keys and the secrets that
//! people type.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use serde_json::Value;
use tokio::process::Command;

use crate::output::said;
use crate::service::Service;
use crate::settings;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").mode() & 0o777
}

/// Expects that nobody but the owner can use anything in a folder.
fn expect_private(folder: &Path) {
    assert_eq!(mode(folder) & 0o077, 0, "{}", folder.display());
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        assert_eq!(mode(&path) & 0o077, 0, "{} {:o}", path.display(), mode(&path));
        if path.is_dir() {
            expect_private(&path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_read_a_file_of_a_ledger() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let create = ["create", "--slug", "main", "--provider", "openai", "--secret", "k=sk-first-1"];
    assert!(service.run(&create).await.status.success());
    expect_private(&service.data_dir());
    assert!(service.stop().await.success(), "{}", service.log());

    let (data, store) = (service.data_dir(), service.data_dir().join("store"));
    for folder in [&data, &store] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).expect("it is this test's");
    }
    service.start_again().await;
    assert_eq!((mode(&data), mode(&store)), (0o700, 0o700), "narrowed at a start");
    assert!(service.stop().await.success(), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_into_a_new_file_and_is_not_used_from_one_that_others_can_read() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let create = ["principal", "create", "eu-1", "--kind", "gateway", "--role", "gateway"];
    let made = service.run(&[&create[..], &["--workspace", "default"]].concat()).await;
    assert!(made.status.success(), "{}", said(&made));
    let file = service.folder().join("eu-1.key");
    let path = file.to_str().expect("text");
    let issue = ["key", "issue", "--for", "eu-1", "--out", path];
    let issued = service.run(&issue).await;
    assert!(issued.status.success() && issued.stdout.is_empty(), "{}", said(&issued));
    assert_eq!(mode(&file), 0o600);
    let key = fs::read_to_string(&file).expect("text");
    assert!(key.starts_with("sk_live_") && key.ends_with('\n') && !said(&issued).contains(&key));

    let again = service.run(&issue).await;
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    assert!(said(&again).contains("never overwrites"), "{}", said(&again));
    assert_eq!(fs::read_to_string(&file).expect("text"), key);
    let keys = service.run(&["key", "list", "--for", "eu-1", "--json"]).await;
    assert_eq!(String::from_utf8_lossy(&keys.stdout).lines().count(), 1, "no key was lost");

    let whoami = ["whoami", "--key-file", path];
    assert!(service.run(&whoami).await.status.success());
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("it is this test's");
    let open = service.run(&whoami).await;
    assert_eq!(open.status.code(), Some(2), "{}", said(&open));
    assert!(
        said(&open).contains("chmod 600") && said(&open).contains("fsGroup"),
        "{}",
        said(&open)
    );
    assert!(service.stop().await.success(), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_asked_for_at_the_terminal_and_not_shown() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/acceptance/terminal.py");
    let program = settings::connledger();
    let ask = async |answer: &str| {
        let mut command = Command::new(settings::python());
        command.args([script, answer]).arg(&program);
        command.args(["create", "--slug", "typed", "--provider", "openai"]);
        command.args(["--secret", "api_key", "--data-dir"]).arg(service.data_dir());
        let output = command.output().await.expect("Python runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, shown) = ask("sk-typed-canary-1\u{3}").await;
    assert_eq!(code, Some(130), "{shown}");
    let (code, shown) = ask("sk-wrong\u{15}sk-typed-canary-1").await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("api_key (is not shown)") && !shown.contains("canary"), "{shown}");
    let revealed = service.run(&["reveal", "typed", "--reason", "a test", "--json"]).await;
    let revealed = String::from_utf8_lossy(&revealed.stdout).into_owned();
    assert!(revealed.contains("\"sk-typed-canary-1\""), "{revealed}");
    assert!(service.stop().await.success(), "{}", service.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_on_the_command_line_is_warned_of_and_messages_are_json_where_answers_are() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let create = ["create", "--slug", "main", "--provider", "openai", "--secret", "k=sk-first-1"];
    let warned = service.run(&create).await;
    assert!(said(&warned).contains("visible to others (ps, shell history)"), "{}", said(&warned));
    let again = service.run(&[&create[..], &["--json"]].concat()).await;
    let no_folder = ["list", "--json", "--data-dir", "/nowhere/at/all"];
    let no_folder = Command::new(settings::connledger()).args(no_folder).output().await;
    for output in [again, no_folder.expect("connledger runs")] {
        assert!(!output.status.success());
        let lines: Vec<Value> =
            said(&output).lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        assert!(lines.last().expect("an error")["error"]["message"].is_string(), "{lines:?}");
    }
    assert!(service.stop().await.success(), "{}", service.log());
}
