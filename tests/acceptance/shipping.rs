//! What is in `deploy` for containers: it is well formed, and names only what the program knows.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::settings;

/// The Kubernetes versions that the chart is checked against: the oldest that it supports, and a
/// recent one.
const KUBERNETES: [&str; 2] = ["1.25", "1.34"];

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

fn tool(name: &str, arguments: &[&str]) -> Output {
    let program = settings::ship_tools().join(name);
    let mut command = Command::new(program);
    command.args(arguments).current_dir(deploy()).output().expect("it runs")
}

/// Returns what a tool that must succeed writes.
fn written(name: &str, arguments: &[&str]) -> String {
    let output = tool(name, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

/// Returns the manifests that the chart makes of a file with values.
fn manifests(values: &str) -> String {
    let values = format!("helm/connledger/ci/{values}-values.yaml");
    written("helm", &["lint", "--strict", "helm/connledger", "--values", &values]);
    written("helm", &["template", "ledger", "helm/connledger", "--values", &values])
}

#[test]
fn the_chart_makes_what_kubernetes_takes_and_nothing_with_rights() {
    for values in ["least", "all"] {
        let manifests = manifests(values);
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("manifests.yaml");
        fs::write(&file, &manifests).expect("written");
        for version in KUBERNETES {
            let path = file.to_str().expect("text");
            written("kubernetes-validate", &["-k", version, "--strict", path]);
        }
        let containers = manifests.matches("image: registry.example.com/connledger:0.1.0").count();
        for promise in ["readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false"] {
            assert_eq!(manifests.matches(promise).count(), containers, "{values}: {promise}");
        }
        let pods = manifests.matches("restartPolicy:").count() + 1;
        assert_eq!(manifests.matches("runAsNonRoot: true").count(), pods, "{values}");
        assert_eq!(manifests.matches("automountServiceAccountToken: false").count(), pods);
    }
}

#[test]
fn the_chart_refuses_what_would_serve_secrets_in_the_clear_or_lose_them() {
    let set = |values: &[&str]| {
        let mut arguments = vec!["template", "ledger", "helm/connledger"];
        for value in values {
            arguments.extend(["--set", *value]);
        }
        let output = tool("helm", &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{values:?}");
        said
    };
    let image = "image.repository=registry.example.com/connledger";
    let said = set(&[image]);
    assert!(said.contains("masterKey.existingSecret"), "{said}");
    let keys = "masterKey.existingSecret=keys";
    let said = set(&[image, keys]);
    assert!(said.contains("nats.url"), "nobody could use the admin key: {said}");
    let nats = "nats.url=nats://nats:4222";
    let said = set(&[image, keys, nats]);
    assert!(said.contains("tls.insecure"), "{said}");
    let cluster = ["tls.insecure=true", keys, nats, "cluster.enabled=true"];
    let said = set(&[&[image][..], &cluster].concat());
    assert!(said.contains("cluster.systemUrlSecret"), "{said}");
}

#[test]
fn the_dockerfile_has_no_finding() {
    let findings = tool("hadolint", &["docker/Dockerfile"]);
    let found = String::from_utf8_lossy(&findings.stdout);
    assert!(findings.status.success() && found.is_empty(), "{found}");
    let file = fs::read_to_string(deploy().join("docker/Dockerfile")).expect("readable");
    let last = file.rsplit("\nFROM ").next().expect("a stage");
    assert!(last.contains("USER 65532:65532") && !last.contains("\nRUN"), "no shell, no root");
}

/// Returns all files of a folder, at any depth.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Returns the words of a text that begin with `CONNLEDGER_`.
fn variables(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("CONNLEDGER_")).map(str::to_owned).collect()
}

#[test]
fn every_variable_that_is_set_there_is_one_of_the_program() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    let known: BTreeSet<_> = files(&sources)
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .flat_map(|path| variables(&fs::read_to_string(path).expect("readable")))
        .collect();
    // What compose reads itself.
    let of_compose = ["CONNLEDGER_IMAGE", "CONNLEDGER_USER"].map(str::to_owned);
    for folder in ["docker", "helm"] {
        for path in files(&deploy().join(folder)) {
            let text = fs::read_to_string(&path).expect("readable");
            let unknown: Vec<_> = variables(&text)
                .into_iter()
                .filter(|name| !known.contains(name) && !of_compose.contains(name))
                .collect();
            assert_eq!(unknown, Vec::<String>::new(), "{}", path.display());
        }
    }
}

#[test]
fn the_command_of_the_init_container_makes_a_ledger_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let init = || {
        Command::new(settings::connledger())
            .args(["init", "--if-missing"])
            .arg(format!("--out={}", path("admin.key")))
            .arg(format!("--master-key-file={}", path("master.key")))
            .env("CONNLEDGER_DATA_DIR", path("data"))
            .output()
            .expect("it runs")
    };
    let (first, second) = (init(), init());
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(first.status.success(), "{}", said(&first));
    let key = fs::read_to_string(path("admin.key")).expect("a key");
    assert!(second.status.success(), "{}", said(&second));
    assert!(said(&second).contains("exists already"), "{}", said(&second));
    assert_eq!(fs::read_to_string(path("admin.key")).expect("a key"), key, "it is the same");
}
