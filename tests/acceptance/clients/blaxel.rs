//! Blaxel's published clients.

use crate::clients::expect_checks;
use crate::clients::script::Language::{Node, Python};

const PYTHON: [&str; 24] = [
    "an empty list",
    "create answers 200",
    "create answers with the object",
    "get tells what was made",
    "times and people come back",
    "secrets are masked",
    "no secret comes back",
    "what was read can be sent back",
    "a mask sent back keeps the secret",
    "a secret is added",
    "a secret left out is removed",
    "no secrets at all leaves them",
    "a long list comes whole, as it was made",
    "models are answered",
    "the catalogue is answered",
    "a taken name is 409",
    "errors hold no secret",
    "a missing name is 404",
    "a bad name is 400",
    "a name cannot be changed",
    "delete answers with the object",
    "what is deleted is gone",
    "a name can be used again",
    "a wrong key is 401",
];

const NODE: [&str; 20] = [
    "an empty list",
    "create answers 200",
    "get tells what was made",
    "secrets are masked",
    "no secret comes back",
    "what was read can be sent back",
    "a mask sent back keeps the secret",
    "a secret is added",
    "a secret left out is removed",
    "the list has all, as they were made",
    "models are answered",
    "the catalogue is answered",
    "a taken name is 409",
    "errors hold no secret",
    "a missing name is 404",
    "a bad name is 400",
    "a bad setting is 400",
    "delete answers with the object",
    "what is deleted is gone",
    "a wrong key is 401",
];

#[tokio::test]
async fn blaxels_python_client_does_all_it_can() {
    expect_checks(Python, "use_blaxel", &PYTHON).await;
}

#[tokio::test]
async fn blaxels_node_client_does_all_it_can() {
    expect_checks(Node, "use_blaxel", &NODE).await;
}
