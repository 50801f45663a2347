//! Clients that other products publish, unmodified, against the program itself.
//!
//! A script in `tests/clients` uses one client and tells every check that passed. The tests here
//! say which checks there must be, so that a script that does less than it should does not pass.

mod blaxel;
mod elevenlabs;
mod pica;
mod portkey;
pub(crate) mod script;

use crate::canary::expect_silence_in;
use crate::clients::script::Language::{Node, Python};
use crate::clients::script::{Language, Script};
use crate::service::Service;

const FREE: [&str; 8] =
    ["--nats", "off", "--log", "debug", "--rate-per-key", "0", "--rate-per-address", "0"];

/// Runs a script on a ledger of its own, which must keep its secrets to itself.
pub(crate) async fn expect_checks(language: Language, name: &str, checks: &[&str]) {
    // A script asks more in a moment than one key may by default.
    let mut service = Service::start(&FREE).await;
    let passed = Script { language, name }.run(&service).await;
    let expected = checks.iter().map(|check| (*check).to_owned()).collect();
    let missing: Vec<_> = std::collections::BTreeSet::difference(&expected, &passed).collect();
    let more: Vec<_> = passed.difference(&expected).collect();
    assert!(missing.is_empty(), "{name} did not check {missing:?}");
    assert!(more.is_empty(), "{name} also checks {more:?}, which this test does not say");
    assert!(service.stop().await.success(), "{}", service.log());
    expect_silence_in(service.folder());
}

const NATIVE: [&str; 5] = [
    "a connection is created",
    "connections are listed",
    "secrets are masked",
    "a missing one is 404",
    "a wrong key is 401",
];

#[tokio::test]
async fn a_python_script_without_a_client_uses_the_native_api() {
    expect_checks(Python, "use_native", &NATIVE).await;
}

#[tokio::test]
async fn a_node_script_without_a_client_uses_the_native_api() {
    expect_checks(Node, "use_native", &NATIVE).await;
}
