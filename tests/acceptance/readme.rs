//! The recipes for other products' clients in `schemas/facades/README.md`, run as they are written.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::service::Service;
use crate::settings;

/// How long one example may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// An example: its language, as the fence around it says, and its text.
fn examples() -> Vec<(String, String)> {
    let readme = include_str!("../../schemas/facades/README.md");
    let (_, section) = readme.split_once("\n## Recipes\n").expect("a section");
    let (section, _) = section.split_once("\n## ").expect("a section after it");
    let fences: Vec<&str> = section.split("```").collect();
    let blocks = fences.iter().skip(1).step_by(2);
    let parts = blocks.map(|block| block.split_once('\n').expect("a language and a text"));
    parts.map(|(language, text)| (language.to_owned(), text.to_owned())).collect()
}

fn command(language: &str, text: &str, folder: &std::path::Path) -> Command {
    let (program, name) = match language {
        "python" => (settings::clients_python(), "example.py"),
        "js" => (settings::node(), "example.mjs"),
        "sh" => ("sh".into(), "example.sh"),
        other => panic!("no example is in {other}"),
    };
    std::fs::write(folder.join(name), text).expect("it can be written");
    let mut command = Command::new(program);
    command.arg(name);
    command
}

#[tokio::test]
async fn the_recipes_for_other_products_clients_run_as_written() {
    let mut service = Service::start(&["--nats", "off"]).await;
    let examples = examples();
    let languages: Vec<_> = examples.iter().map(|(language, _)| language.as_str()).collect();
    assert_eq!(languages, ["python", "js", "sh", "python", "python"]);
    let folder = tempfile::tempdir().expect("a folder");
    let modules = folder.path().join("node_modules");
    std::os::unix::fs::symlink(settings::clients_node_modules(), modules).expect("a link");
    let mut said = Vec::new();
    // A list is worth more when there is something in it, so the one that makes a connection is
    // run first.
    for index in [2, 0, 1, 3, 4] {
        let (language, text) = &examples[index];
        let mut command = command(language, text, folder.path());
        command
            .current_dir(folder.path())
            .env("LEDGER_URL", service.http_url())
            .env("LEDGER_KEY", service.key())
            .env("DO_NOT_TRACK", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.expect("it ends in time");
        let output = output.expect("it starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "example {index}: {text}\n{errors}");
        said.push(text);
    }
    for (text, expected) in said.iter().zip([
        "sk-***",
        "openai-chat openai",
        "live::openai::default::",
        "********",
        "bearer_auth OpenAI",
    ]) {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    assert!(service.stop().await.success(), "{}", service.log());
}
