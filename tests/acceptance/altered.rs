//! The program refuses a data directory in which somebody made themselves an administrator.

use ledger_domain::{CheckedText as _, PrincipalName};
use ledger_store::tables::{connections, meta, model};
use ledger_store::{Batch, Durability};
use ledger_vault::Keyring;

use crate::ledger::{store, strangers_store};
use crate::service::Service;

const EVERYTHING: &str =
    r#"[{"scopes":["read","write","rotate","reveal","audit","administer"],"workspaces":"all"}]"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_that_was_edited_is_named_and_not_served_until_a_replay() {
    let mut service = Service::start(&["--nats", "managed"]).await;
    let args = ["principal", "create", "eve", "--kind", "user", "--role", "viewer"];
    let made = service.run(&args).await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(service.stop().await.success());

    let data_dir = service.data_dir();
    let keyring = Keyring::read_file(data_dir.join("dev-master.key")).expect("a key");
    let eve = PrincipalName::stored("eve".into());
    let (table, row) = {
        let store = store(&data_dir, &keyring);
        let generation = meta::generation(&store, connections::MODEL).expect("readable");
        let table = model(connections::MODEL, generation);
        let row = connections::principal(&store, &table, &eve).expect("readable").expect("there");
        (table, String::from_utf8(row).expect("text"))
    };
    let (before, after) = row.split_once(r#""grants":["#).expect("a principal has grants");
    let (_, after) = after.split_once(']').expect("they end");
    let rights = row.len() - after.len();
    let edited = format!(r#"{before}"grants":{EVERYTHING}{}"#, &row[rights..]);
    {
        let store = strangers_store(&data_dir);
        let mut batch = Batch::new();
        connections::put_principal(&mut batch, &store, &table, &eve, edited.as_bytes());
        store.commit(batch, Durability::Synced).expect("written");
    }

    service.launch();
    assert!(!service.ended().await.success(), "it is refused");
    let log = service.log();
    assert!(log.contains("record_altered") && log.contains("principal eve"), "{log}");
    let compared = service.run(&["replay", "--verify"]).await;
    let said = String::from_utf8_lossy(&compared.stderr).into_owned();
    assert!(!compared.status.success() && said.contains("principal eve"), "{said}");

    let mended = service.run(&["replay"]).await;
    assert!(mended.status.success(), "{}", String::from_utf8_lossy(&mended.stderr));
    service.start_again().await;
    let listed = service.run(&["principal", "list", "--json"]).await;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let eve = listed.lines().find(|line| line.contains("\"eve\"")).expect("she is there");
    assert!(!eve.contains("administer"), "{eve}");
}
