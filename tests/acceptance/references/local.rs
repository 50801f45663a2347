//! Variables of the server, and files on its machine.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::{create, post, reveal, reveal_over_http, run, unrevealed};
use crate::backup::expect_code;
use crate::canary::{expect_silence_in, secret};
use crate::output::{said, text};
use crate::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn variables_and_files_are_found_when_a_secret_is_revealed_and_stored_nowhere() {
    let outside = tempfile::tempdir().expect("a folder");
    let (folder, of_others) = (outside.path().join("secrets"), outside.path().join("others"));
    fs::create_dir(&folder).expect("made");
    let (variable, first, second) = (secret(1), secret(2), secret(3));
    fs::write(&of_others, secret(4)).expect("written");
    fs::write(folder.join("key"), format!("{first}\n")).expect("written");
    let allowed = format!("file:{}/*", text(&folder));
    let under = ["env", &format!("TEAM_KEY={variable}"), "OTHER_KEY=not-theirs"];
    let args =
        ["--nats", "managed", "--allow-reference", "env:TEAM_*", "--allow-reference", &allowed];
    let mut service = Service::start_under(&under, &args).await;

    create(&service, "main", "env:TEAM_KEY").await;
    assert_eq!(reveal(&service, "main").await, variable);
    let shown = run(&service, &["get", "main"]).await;
    assert!(shown.contains("at env:TEAM_KEY  generation 1"), "{shown}");
    let file = format!("k=file:{}/key", text(&folder));
    run(&service, &["rotate-secret", "main", "--secret-ref", &file]).await;
    assert_eq!(reveal(&service, "main").await, first);
    let (status, body) = reveal_over_http(&service, "main").await;
    assert_eq!((status, &body["secrets"]["k"]["value"]), (200, &json!(first)), "{body}");
    assert_eq!(body["secrets"]["k"]["reference"]["kind"], "file");
    assert_eq!(body["secrets"]["k"]["generation"], 2);

    fs::write(folder.join("key"), &second).expect("written");
    assert_eq!(reveal(&service, "main").await, second, "it changed at its source");
    let report = run(&service, &["audit", "exposure", "main", "--field", "k", "--json"]).await;
    assert!(report.contains("\"kind\":\"file\""), "{report}");
    fs::remove_file(folder.join("key")).expect("removed");
    let missing = unrevealed(&service, "main", "reference_unusable").await;
    assert!(missing.contains("there is no such file"), "{missing}");
    symlink(&of_others, folder.join("key")).expect("linked");
    let linked = unrevealed(&service, "main", "reference_unusable").await;
    assert!(linked.contains("leads out of the allowed folder"), "{linked}");
    assert!(!linked.contains("cnry"), "{linked}");

    for (reference, part) in [
        ("k=env:OTHER_KEY", "permits it here"),
        ("k=env:CONNLEDGER_LISTEN", "belongs to the server itself"),
        ("k=file:/etc/passwd", "permits it here"),
        ("k=vault:kv/a", "permits it here"),
    ] {
        let args = ["rotate-secret", "main", "--secret-ref", reference];
        let refused = service.run(&args).await;
        expect_code(&refused, "reference_forbidden");
        assert!(said(&refused).contains(part), "{}", said(&refused));
    }
    let body = json!({
        "slug": "web", "provider": "x",
        "secrets": {"k": {"reference": {"kind": "env", "name": "TEAM_KEY"}}, "plain": "env:TEAM_KEY"},
    });
    let (status, made) = post(&service, "", &body).await;
    assert_eq!(status, 201, "{made}");
    let (_, body) = reveal_over_http(&service, "web").await;
    assert_eq!(body["secrets"]["k"]["value"], variable, "{body}");
    let (_, body) = post(&service, "/web/reveal-secret", &json!({"reason": "a test"})).await;
    assert_eq!(body["secrets"]["plain"]["value"], "env:TEAM_KEY", "text is a value");

    create(&service, "over", "connection:web/k").await;
    assert_eq!(reveal(&service, "over").await, variable);
    assert!(service.stop().await.success());
    expect_silence_in(service.folder());

    // Restarted with less, it follows less.
    let mut narrow = service.copy(&["--nats", "off", "--allow-reference", "other=env:TEAM_*"]);
    narrow.start_again().await;
    let (status, body) = reveal_over_http(&narrow, "web").await;
    assert_eq!((status, &body["code"]), (403, &json!("reference_forbidden")), "{body}");
}
