//! The runbooks for key services.

use ledger_key_sources::testing::{TOKEN, TransitServer};

use crate::machine::{Machine, blocks, stop};

#[tokio::test(flavor = "multi_thread")]
async fn the_runbooks_for_key_services_run_as_written() {
    let vault = TransitServer::start().await;
    let mut machine = Machine::with_ledger(Vec::new()).await;
    let token = machine.place("/etc/connledger/vault-token");
    ledger_vault::create_with(&token, TOKEN).expect("a file");
    machine.replace("https://vault.example.com:8200", &vault.url());

    let [wrap, serve, copy] = blocks("Keys that a service opens")[..] else {
        panic!("the section has other blocks")
    };
    let told = machine.run(wrap).await;
    assert!(told.contains("wrapped by transit:transit/ledger"), "{told}");
    let child = machine.serve(serve, "/srv/ledger").await;
    let create =
        "connledger create --data-dir /srv/ledger --slug main --provider x --secret k=sk-012345";
    machine.run(create).await;
    let told = machine.run(copy).await;
    assert!(told.contains("in the clear"), "{told}");

    let [start, rewrap, serve_again] = blocks("Restore after loss of the key service")[..] else {
        panic!("the section has other blocks")
    };
    vault.lose_key("ledger");
    stop(child).await;
    let child = machine.serve(start, "/srv/ledger").await;
    let told =
        machine.run("connledger reveal main --data-dir /srv/ledger --field k --reason lost").await;
    assert!(told.contains("sk-012345"), "{told}");
    vault.add_key("ledger-2", false);
    let told = machine.run(rewrap).await;
    assert!(told.contains("wrapped by transit:transit/ledger-2"), "{told}");
    stop(child).await;
    stop(machine.serve(serve_again, "/srv/ledger").await).await;
}
