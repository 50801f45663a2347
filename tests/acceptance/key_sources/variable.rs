//! A master key in an environment variable, or printed by a program.

use std::fs;

use super::Keys;
use crate::backup::run;
use crate::output::{said, text};
use crate::service::Service;

/// Returns the environments of the processes that were started for a data directory, but for the
/// server's own.
fn environments_below(service: &Service) -> Vec<Vec<u8>> {
    let folder = service.data_dir();
    let entries =
        fs::read_dir("/proc").expect("processes").map(|entry| entry.expect("an entry").path());
    let others = entries.filter(|path| !path.ends_with(service.pid().to_string()));
    let about_folder = others.filter(|path| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text(&folder))
    });
    about_folder.filter_map(|path| fs::read(path.join("environ")).ok()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_a_variable_serves_and_reaches_no_other_process() {
    let keys = Keys::new();
    let key = keys.ring.to_file_text();
    let line = key.lines().last().expect("a line");
    let under = ["env", &format!("LEDGER_KEY={line}"), "VAULT_TOKEN=cnry-7f3a91e04bd2-tweet"];
    let args = ["--nats", "managed", "--master-key", "env:LEDGER_KEY"];
    let mut service = Service::start_under(&under, &args).await;
    assert!(!service.data_dir().join("dev-master.key").exists());
    let environments = environments_below(&service);
    assert!(environments.len() >= 2, "the guard and the nats-server");
    for environment in environments {
        let shown = String::from_utf8_lossy(&environment);
        assert!(!shown.contains(line) && !shown.contains("tweet"), "{shown}");
    }
    assert!(service.stop().await.success());
    let (clear, verify) = (keys.clear(), ["replay", "--verify"]);
    let source = format!("command:cat '{clear}'");
    let printed = service.run(&[&verify[..], &["--master-key", &source]].concat()).await;
    assert!(printed.status.success(), "{}", said(&printed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_one_is_not_repeated() {
    let keys = Keys::new();
    let key = keys.ring.to_file_text();
    let line = key.lines().last().expect("a line");
    let out = keys.path("never.key");
    let unwrap = ["keys", "unwrap", "--out", text(&out)];
    let is_key = run(&[&unwrap[..], &["--master-key", line]].concat(), &[]).await;
    let in_variable = run(&unwrap, &[("CONNLEDGER_MASTER_KEY", line)]).await;
    for refused in [is_key, in_variable] {
        assert_eq!(refused.status.code(), Some(2));
        let shown = said(&refused);
        assert!(shown.contains("must say where the key is, not be the key"), "{shown}");
        assert!(!shown.contains(line.rsplit(':').next().expect("a key")), "{shown}");
    }
    let empty =
        run(&[&unwrap[..], &["--master-key", "env:EMPTY"]].concat(), &[("EMPTY", "")]).await;
    assert!(said(&empty).contains("EMPTY is not set"), "{}", said(&empty));
    let script = "command:sh -c 'echo canary; echo the token has expired >&2; exit 9'";
    let failed = run(&[&unwrap[..], &["--master-key", script]].concat(), &[]).await;
    let shown = said(&failed);
    assert!(shown.contains("the token has expired") && !shown.contains("canary"), "{shown}");
}
