//! A file of settings: what a server takes from it, and what it reads again.

use std::fs;
use std::path::Path;
use std::process::Output;

use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::process::Command;

use crate::private;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

async fn connledger(args: &[&str]) -> Output {
    Command::new(settings::connledger()).args(args).output().await.expect("connledger runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned()
}

/// Writes a file of settings with a certificate, for the sake of SIGHUP.
fn write(folder: &Path, more: &str) -> String {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
    private::write(&folder.join("key.pem"), &made.signing_key.serialize_pem());
    fs::write(folder.join("cert.pem"), made.cert.pem()).expect("writable");
    let path = folder.join("connledger.toml");
    let shown = folder.display();
    let text = format!(
        "tls-cert = \"{shown}/cert.pem\"\ntls-key = \"{shown}/key.pem\"\nnats = \"off\"\n{more}"
    );
    fs::write(&path, text).expect("writable");
    path.display().to_string()
}

#[tokio::test]
async fn a_server_takes_its_settings_from_a_file_and_the_log_filter_again_at_sighup() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "log = \"info\"\nlog-format = \"json\"\n");
    let mut service = Service::start(&["--config", &path]).await;
    let log = service.log();
    assert!(log.lines().any(|line| line.starts_with('{')), "the lines are JSON: {log}");
    assert!(service.http_url().starts_with("https://"), "the certificate is of the file");
    write(folder.path(), "log = \"info,connledger=debug\"\nlog-format = \"text\"\n");
    service.signal(Signal::SIGHUP);
    let log = eventually("the filter is in force", async || {
        Some(service.log()).filter(|log| log.contains("the log filter is in force"))
    });
    let log = log.await;
    assert!(log.contains("info,connledger=debug"), "{log}");
    let log = eventually("the other change is told", async || {
        Some(service.log()).filter(|log| log.contains("takes effect at the next start"))
    });
    let told = log.await;
    assert!(told.contains("log-format"), "{told}");
    write(folder.path(), "log = \"info\"\nlgo = 1\n");
    service.signal(Signal::SIGHUP);
    let log = eventually("the wrong file is told", async || {
        Some(service.log()).filter(|log| log.contains("the settings cannot be read again"))
    });
    let told = log.await;
    assert!(told.contains("line 5: there is no setting lgo; did you mean log?"), "{told}");
    assert!(service.stop().await.success(), "{}", service.log());
}

#[tokio::test]
async fn each_value_is_shown_with_where_it_comes_from_and_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("connledger.toml");
    let text = "listen = \"127.0.0.1:7500\"\nnats-url = \"nats://me:canary@127.0.0.1:4222\"\n\
                rate-per-key = 9\n";
    private::write(&path, text);
    let path = path.display().to_string();
    let mut command = Command::new(settings::connledger());
    command.args(["config", "show", "--json", "--config", &path, "--listen", "off"]);
    command.env("CONNLEDGER_INSTANCE", "eu-1").env("CONNLEDGER_RATE_PER_KEY", "7");
    command.env("CONNLEDGER_LOG", "");
    let output = command.output().await.expect("connledger runs");
    assert!(output.status.success(), "{}", said(&output));
    assert!(!said(&output).contains("canary"), "{}", said(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    let settings: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |name: &str| {
        let found = settings.iter().find(|setting| setting["name"] == name);
        let setting = found.unwrap_or_else(|| panic!("no {name} in {text}"));
        (setting["values"][0].clone(), setting["from"].clone(), setting["line"].clone())
    };
    assert_eq!(of("listen"), ("off".into(), "flag".into(), Value::Null));
    assert_eq!(of("rate-per-key"), ("7".into(), "environment".into(), Value::Null));
    assert_eq!(of("instance"), ("eu-1".into(), "environment".into(), Value::Null));
    assert_eq!(of("nats-url"), ("(not shown)".into(), "file".into(), 2.into()));
    assert_eq!(of("log"), ("info".into(), "default".into(), Value::Null), "empty is not set");
    assert_eq!(of("tls-cert"), (Value::Null, "unset".into(), Value::Null));
}

#[tokio::test]
async fn a_file_is_checked_as_a_start_would() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, key) = (folder.path().join("data"), folder.path().join("master.key"));
    let where_it_is =
        format!("data-dir = \"{}\"\nmaster-key-file = \"{}\"\n", data.display(), key.display());
    let good = write(folder.path(), &format!("log = \"info\"\n{where_it_is}"));
    let output = connledger(&["config", "check", &good]).await;
    assert!(said(&output).contains("master.key"), "there is no key yet: {}", said(&output));
    let (data, key) = (data.to_str().expect("text"), key.to_str().expect("text"));
    let init = ["init", "--data-dir", data, "--master-key-file", key];
    assert!(connledger(&init).await.status.success());
    let output = connledger(&["config", "check", &good]).await;
    assert!(output.status.success(), "{}", said(&output));
    let check_ca = format!("{where_it_is}check-ca-file = \"/nowhere.pem\"\n");
    for (more, told) in [
        ("log = \"info\"\n", "--data-dir is required"),
        (&*check_ca, "/nowhere.pem"),
        ("lisen = \"off\"\n", "line 4: there is no setting lisen; did you mean listen?"),
        ("listen = \"x\"\n", "line 4: "),
        ("log = \"=x=\"\n", "--log"),
        ("listen = \"off\"\npublic-url = \"https://ledger.example.com\"\n", "--public-url"),
        ("tls-client-ca = \"/nowhere.pem\"\n", "/nowhere.pem"),
        ("cluster = true\ninstance = \"a\"\nnats-url = \"nats://a\"\n", "--cluster"),
        ("a = = 1\n", "line 4: "),
    ] {
        let wrong = write(folder.path(), more);
        let output = connledger(&["config", "check", &wrong]).await;
        assert_eq!(output.status.code(), Some(2), "{more}: {}", said(&output));
        assert!(said(&output).contains(told), "{more}: {}", said(&output));
    }
    let example = connledger(&["config", "example"]).await;
    let path = folder.path().join("example.toml");
    fs::write(&path, &example.stdout).expect("writable");
    let path = path.display().to_string();
    let output = connledger(&["serve", "--config", &path]).await;
    assert!(said(&output).contains("--data-dir is required"), "{}", said(&output));
    let output = connledger(&["config", "check", "/nowhere.toml"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}
