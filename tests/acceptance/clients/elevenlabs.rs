//! ElevenLabs's published clients.

use crate::clients::expect_checks;
use crate::clients::script::Language::{Node, Python};

const PYTHON: [&str; 20] = [
    "an empty list",
    "every type is created",
    "other fields come back",
    "secrets are absent",
    "a new one is active",
    "no secret comes back",
    "defaults are filled in",
    "the list has all, as they were made",
    "the list tells what create told",
    "update changes what it names",
    "update leaves the rest",
    "a null takes a parameter out",
    "a null field leaves the value",
    "secrets are replaced",
    "a wrong key is 401",
    "a missing one is 404",
    "another type is 422",
    "a bad field is 422",
    "a long list comes whole",
    "what is deleted is gone",
];

const NODE: [&str; 16] = [
    "an empty list",
    "every type is created",
    "other fields come back",
    "secrets are absent",
    "a new one is active",
    "no secret comes back",
    "the list tells what create told",
    "update changes what it names",
    "update leaves the rest",
    "a null takes a parameter out",
    "secrets are replaced",
    "a wrong key is 401",
    "a missing one is 404",
    "another type is 422",
    "a bad field is 422",
    "what is deleted is gone",
];

#[tokio::test]
async fn elevenlabss_python_client_does_all_it_can() {
    expect_checks(Python, "use_elevenlabs", &PYTHON).await;
}

#[tokio::test]
async fn elevenlabss_node_client_does_all_it_can() {
    expect_checks(Node, "use_elevenlabs", &NODE).await;
}
