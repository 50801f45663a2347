//! A ledger that is made what manifests declare: `apply`, `diff -f`, `export --manifest` and
//! `import --from`, by the program and a server.

mod imports;
mod mistakes;
mod runs;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tokio::process::Command;

use crate::output::{said, text, told};
use crate::service::Service;

const MANAGED: [&str; 2] = ["--nats", "managed"];
/// What no output, log or manifest may show.
const CANARY: &str = "sk-canary-0123456789-abcdefgh";

/// Writes a manifest beside a ledger.
fn write(service: &Service, name: &str, manifest: &str) -> PathBuf {
    let path = service.folder().join(name);
    fs::write(&path, manifest).expect("writable");
    path
}

/// Returns a manifest of generated connections, each with a secret from a variable.
fn fleet(number: usize) -> String {
    let mut manifest = "connledger: 1\nconnections:\n".to_owned();
    for index in 0..number {
        let (provider, team) =
            (["openai", "anthropic", "acme-crm", "postgresql"][index % 4], index % 7);
        write!(
            manifest,
            "- slug: service-{index}\n  provider: {provider}\n  display_name: 'Service {index}: #{team}'\n  \
             config: {{base_url: 'https://s{index}.example.com/v1', retries: {team}}}\n  \
             secrets:\n    api_key: {{from_env: FLEET_KEY}}\n  labels: {{team: team-{team}}}\n  \
             tags: [fleet, t{team}]\n"
        )
        .expect("text grows");
    }
    manifest
}

/// Prepares a command with the variables of the manifests.
fn command(service: &Service, args: &[&str]) -> Command {
    let mut command = service.command(args);
    command.env("FLEET_KEY", CANARY).env("OTHER_KEY", format!("{CANARY}-other-zz"));
    command
}

/// Runs a command with the variables of the manifests. Nothing that it writes shows their values.
async fn run(service: &Service, args: &[&str]) -> Output {
    let output = command(service, args).output().await.expect("connledger runs");
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(!String::from_utf8_lossy(&all).contains("canary"), "{}", said(&output));
    output
}

/// Runs a command with `--json`, and returns its exit code and what it wrote.
async fn json(service: &Service, args: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = run(service, &[args, &["--json"]].concat()).await;
    let written = String::from_utf8(output.stdout.clone()).expect("text");
    let written = written.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (output.status.code(), written)
}

/// Compares a manifest with what is there, which must be equal.
async fn expect_equal(service: &Service, manifest: &Path) {
    let output = run(service, &["diff", "-f", text(manifest)]).await;
    assert_eq!(output.status.code(), Some(0), "{}{}", lines(&output), said(&output));
}

fn lines(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns how many connections there are, of every workspace.
async fn count(service: &Service) -> u64 {
    let listed = run(service, &["list", "-A", "--page-size", "1"]).await;
    told(&listed);
    let said = said(&listed);
    let total = said.split(" of ").nth(1).and_then(|rest| rest.split(' ').next());
    total.and_then(|total| total.parse().ok()).expect(&said)
}
