//! Portkey's published clients.

use crate::clients::expect_checks;
use crate::clients::script::Language::{Node, Python};

const PYTHON: [&str; 33] = [
    "an empty list",
    "create tells id and slug",
    "retrieve tells what was made",
    "configurations come back",
    "times come back",
    "the key is masked",
    "no secret comes back",
    "a slug is made",
    "sensitive settings are masked",
    "plain settings are not",
    "what was read can be sent back",
    "a mask sent back keeps the secret",
    "update changes what it names",
    "update leaves the rest",
    "update replaces the key",
    "an empty update changes nothing",
    "secret mappings come back",
    "an empty list clears mappings",
    "models are kept",
    "models are deleted",
    "workspaces are kept",
    "the list has all",
    "pages make up the list",
    "a page tells the total",
    "a page past the end is empty",
    "kinds filter",
    "a wrong key is 401",
    "a missing slug is 404",
    "errors say why",
    "a taken slug is 409",
    "a bad body is 400",
    "what is deleted is gone",
    "a slug can be used again",
];

const NODE: [&str; 26] = [
    "an empty list",
    "create tells id and slug",
    "retrieve tells what was made",
    "configurations come back",
    "the key is masked",
    "no secret comes back",
    "sensitive settings are masked",
    "plain settings are not",
    "what was read can be sent back",
    "a mask sent back keeps the secret",
    "update changes what it names",
    "update leaves the rest",
    "update replaces the key",
    "models are kept",
    "models are deleted",
    "workspaces are kept",
    "the list has all",
    "pages make up the list",
    "a page tells the total",
    "a page past the end is empty",
    "a wrong key is 401",
    "errors say why",
    "a missing slug is 404",
    "a taken slug is 409",
    "a bad body is 400",
    "what is deleted is gone",
];

#[tokio::test]
async fn portkeys_python_client_does_all_it_can() {
    expect_checks(Python, "use_portkey", &PYTHON).await;
}

#[tokio::test]
async fn portkeys_node_client_does_all_it_can() {
    expect_checks(Node, "use_portkey", &NODE).await;
}

const PYTHON_KEYS: [&str; 18] = [
    "an empty list",
    "create tells id and slug",
    "retrieve tells what was made",
    "limits come back",
    "the key is masked",
    "no secret comes back",
    "Azure's settings come back",
    "update changes what it names",
    "update leaves the rest",
    "update replaces the key",
    "the list has all",
    "a virtual key is an integration",
    "a virtual key is a provider",
    "a provider is its integration",
    "what cannot be done is refused",
    "a missing slug is 404",
    "a taken slug is 409",
    "what is deleted is gone",
];

const NODE_KEYS: [&str; 12] = [
    "an empty list",
    "create tells id and slug",
    "retrieve tells what was made",
    "limits come back",
    "the key is masked",
    "no secret comes back",
    "update changes what it names",
    "update leaves the rest",
    "a virtual key is a provider",
    "a provider is its integration",
    "a missing slug is 404",
    "what is deleted is gone",
];

#[tokio::test]
async fn portkeys_python_client_uses_virtual_keys_and_providers() {
    expect_checks(Python, "use_portkey_keys", &PYTHON_KEYS).await;
}

#[tokio::test]
async fn portkeys_node_client_uses_virtual_keys_and_providers() {
    expect_checks(Node, "use_portkey_keys", &NODE_KEYS).await;
}
