//! The runbooks of `deploy/README.md` for sealing and shares, run as they are written.

use std::fs;

use ledger_vault::Keyring;

use crate::machine::{Machine, blocks, stop};

const SERVE: &str = "connledger serve --data-dir /srv/ledger --master-key-file /etc/connledger/master.key \
                     --backup-to /srv/backups\n";

async fn machine() -> Machine {
    let machine = Machine::with_ledger(Vec::new()).await;
    for folder in ["/srv/backups", "/srv/safe"] {
        fs::create_dir_all(machine.place(folder)).expect("a folder");
    }
    machine
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runbooks_for_a_sealed_ledger_and_shares_run_as_written() {
    let machine = machine().await;
    let child = machine.serve(SERVE, "/srv/ledger").await;
    machine
        .run(
            "connledger create --data-dir /srv/ledger --slug main --provider x --secret k=sk-012345
             connledger backup --data-dir /srv/ledger",
        )
        .await;
    let keys = || Keyring::read_file(machine.place("/etc/connledger/master.key")).expect("keys");
    let first = keys().active_id();

    let [seal, rotate] = blocks("When the master key leaks while the server runs")[..] else {
        panic!("the section has other blocks")
    };
    let told = machine.run(seal).await;
    assert!(told.contains("seal-ledger") && told.contains("the ledger is sealed"), "{told}");
    let told = machine.run(rotate).await;
    assert!(told.contains("master_key_retired") && told.contains("ledger_unsealed"), "{told}");
    assert_ne!(keys().active_id(), first);
    assert_eq!(keys().key_ids().count(), 1);

    let [split] = blocks("Shares for officers")[..] else { panic!("it has other blocks") };
    machine.run(split).await;
    let former =
        fs::read_to_string(machine.place("/srv/safe/shares/share-1.txt")).expect("a share");
    let [anew] = blocks("When an officer leaves")[..] else { panic!("it has other blocks") };
    let told = machine.run(anew).await;
    assert!(told.contains("5 shares of set"), "{told}");
    let share = fs::read_to_string(machine.place("/srv/safe/shares-2/share-1.txt")).expect("one");
    assert_ne!(former.lines().last(), share.lines().last());

    let [unseal] = blocks("Unsealing with shares")[..] else { panic!("it has other blocks") };
    machine.run("connledger keys seal --data-dir /srv/ledger").await;
    let told = machine.run(unseal).await;
    assert!(told.contains("2 of 3 shares") && told.contains("the ledger is unsealed"), "{told}");

    // The file is lost, with the machine; a restore takes the keys from the shares.
    let [restore, serve] = blocks("Restore when the key source is lost")[..] else {
        panic!("the section has other blocks")
    };
    machine.run("connledger backup --data-dir /srv/ledger").await;
    stop(child).await;
    fs::remove_file(machine.place("/etc/connledger/master.key")).expect("removed");
    machine.run(restore).await;
    let child = machine.serve(serve, "/srv/restored").await;
    let reveal = "connledger reveal main --field k --reason check --data-dir /srv/restored";
    assert!(machine.run(reveal).await.contains("sk-012345"));
    stop(child).await;
}
