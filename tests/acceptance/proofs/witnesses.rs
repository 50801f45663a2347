//! A witness that others wrote signs checkpoints.

use std::path::Path;

use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use super::{OFTEN, grow, log_status, text};
use crate::output::said;
use crate::ports::free_port;
use crate::service::Service;
use crate::settings;
use crate::wait::eventually;

/// A witness as a process.
struct RunningWitness {
    key: String,
    address: String,
    _child: Child,
}

async fn configure(folder: &Path, args: &[&str]) -> String {
    let config = folder.join("witness.json");
    let output = Command::new(settings::proofs_python())
        .args(["-m", "aics_witness", args[0], "--config"])
        .arg(config)
        .args(&args[1..])
        .output()
        .await;
    let output = output.expect("Python runs");
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// Starts a witness that trusts the log of a key.
async fn witness(folder: &Path, log_key: &str) -> RunningWitness {
    let listen = format!("127.0.0.1:{}", free_port());
    let made = configure(folder, &["init", "--name", "w.example/1", "--listen", &listen]).await;
    let key = made.trim().to_owned();
    assert!(key.starts_with("w.example/1+"), "{key}");
    let origin = log_key.split('+').next().expect("a name");
    configure(folder, &["add-log", "--origin", origin, "--vkey", log_key]).await;
    let child = Command::new(settings::proofs_python())
        .args(["-m", "aics_witness", "serve", "--config"])
        .arg(folder.join("witness.json"))
        .kill_on_drop(true)
        .spawn();
    let child = child.expect("it starts");
    eventually("the witness answers", async || tokio::net::TcpStream::connect(&listen).await.ok())
        .await;
    RunningWitness { key, address: format!("http://{listen}"), _child: child }
}

#[tokio::test(flavor = "multi_thread")]
async fn witnesses_sign_and_one_that_is_away_delays_nothing() {
    // It accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent_at = silent.local_addr().expect("an address");
    let mut service = Service::start(&OFTEN).await;
    grow(&service, 5).await;
    let log_key = text(&service, "key").await.trim().to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let witness = witness(folder.path(), &log_key).await;
    assert!(service.stop().await.success());
    let real = format!("{}={}", witness.address, witness.key);
    let away = format!("http://{silent_at}={}", witness.key);
    service.add_args(&["--witness", &away, "--witness", &real]);
    service.start_again().await;
    for until in [8, 300] {
        grow(&service, until).await;
        eventually("the witness has signed", async || {
            let log = log_status(&service).await;
            let is_signed = log["checkpoint_position"] == until
                && log["witnesses"].as_array().is_some_and(|names| !names.is_empty());
            is_signed.then_some(())
        })
        .await;
    }
    let (file, path) = super::beside(&service, "cosigned.checkpoint");
    std::fs::write(&file, text(&service, "checkpoint").await).expect("written");
    let server = service.http_url();
    let told = super::run(
        &service,
        &[
            "verify",
            "server",
            &server,
            "--log-key",
            &log_key,
            "--since",
            &path,
            "--witness",
            &witness.key,
        ],
    )
    .await;
    assert!(told.contains("the witness w.example/1 has signed this checkpoint"), "{told}");

    // A witness remembers what an earlier copy of the directory has forgotten.
    assert!(service.stop().await.success());
    let mut copy = service.copy(&[&OFTEN[..], &["--witness", &real]].concat());
    service.start_again().await;
    grow(&service, 305).await;
    eventually("the witness has signed", async || {
        (log_status(&service).await["witnesses"][0] == "w.example/1").then_some(())
    })
    .await;
    eventually("the later one, too", async || {
        (log_status(&service).await["checkpoint_position"] == 305).then_some(())
    })
    .await;
    eventually("by the witness", async || {
        (log_status(&service).await["witnesses"][0] == "w.example/1").then_some(())
    })
    .await;
    assert!(service.stop().await.success());
    copy.start_again().await;
    let refusal = eventually("it is noticed", async || {
        log_status(&copy).await["refusal"].as_str().map(str::to_owned)
    });
    let refusal = refusal.await;
    assert!(refusal.contains("w.example/1"), "{refusal}");
}
