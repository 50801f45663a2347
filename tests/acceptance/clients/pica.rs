//! Pica's published clients.

use crate::clients::expect_checks;
use crate::clients::script::Language::Node;

const NODE: [&str; 29] = [
    "an empty list",
    "create answers 200",
    "create answers with the object",
    "keys have their form",
    "a new one is operational",
    "times have microseconds",
    "get tells what was made",
    "no secret comes back",
    "the toolkit goes through all pages",
    "lists are in order",
    "the agent goes through all pages",
    "the agent tells each key",
    "a platform filters",
    "the toolkit reads every key",
    "keys filter",
    "an identity filters",
    "a page tells where it is",
    "a page past the end is empty",
    "tags filter",
    "patch replaces the tags",
    "patch leaves the rest",
    "inactive ones are hidden",
    "inactive ones can be asked for",
    "a wrong key is 401",
    "a missing one is 404",
    "a bad body is 400",
    "errors hold no secret",
    "delete answers with nothing",
    "what is deleted is gone",
];

#[tokio::test]
async fn picas_node_client_does_all_it_can() {
    expect_checks(Node, "use_pica", &NODE).await;
}
