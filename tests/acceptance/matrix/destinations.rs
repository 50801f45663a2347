//! Who may change where the secrets of a connection are sent.

use ledger_domain::principal::Scope;
use serde_json::json;

use super::cast::Cast;
use super::traces::{Cell, Tally, Trace};
use super::{At, Rights, WELL, WRITE};
use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};

/// The rows: what is done with the secrets, and the flag that says so.
pub(super) const ROWS: [(&str, bool); 2] =
    [("update of a destination", false), ("the same, detaching the secrets", true)];

impl Rights {
    /// Decides on a change of where secrets are sent. Who may not read them could send them to
    /// themselves, so it takes the right to reveal, unless the secrets are detached.
    pub(super) fn decide_destination(self, detaches: bool, at: At) -> &'static str {
        let code = self.decide(WRITE, WELL, at);
        let needs_more = code == WELL && !detaches && !self.has(Scope::Reveal);
        if needs_more { "destination_forbidden" } else { code }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_may_send_secrets_where_the_table_says_and_nowhere_else() {
    let ledger = Ledger::new().await;
    let cast = Cast::of(&ledger.engine).await;
    let (mut tally, mut made) = (Tally::default(), 0);
    let body = |slug: &str| json!({ "slug": slug, "provider": "openai", "secrets": { "api_key": "sk-first-value-1" } });
    let create = async |slug: &str, workspace| {
        let command = TestCommand::new("create", &body(slug)).at(workspace);
        ledger.send(command).await.expect("made").receipt.connection.expect("an id")
    };
    let before = ledger.engine.head().get();
    for (_, detaches) in ROWS {
        for at in At::ALL {
            for actor in &cast.actors {
                made += 1;
                let home = if at == At::Abroad { ABROAD } else { HOME };
                let id = create(&format!("made-{made}"), home).await;
                let mut setup = 1;
                if at == At::Shared {
                    let share = json!({ "connection": id, "grant_to": ABROAD });
                    ledger.run("grant-workspace", share).await;
                    setup += 1;
                }
                let caller = ledger.engine.authenticate_key(&actor.key).expect("a good key");
                let change = json!({
                    "connection": id,
                    "config": { "base_url": "https://elsewhere.example" },
                    "detach_secrets": detaches,
                });
                let command = TestCommand::new("update", &change).at(at.workspace());
                let code = match ledger.send_as(&caller, command).await {
                    Ok(_) => WELL,
                    Err(problem) => problem.code.as_str(),
                };
                let who = format!("{} at {at:?}, detaching: {detaches}", actor.name);
                assert_eq!(code, actor.rights.decide_destination(detaches, at), "{who}");
                tally.answered(actor, Cell { operation: "update", trace: Trace::Event, at }, code);
                tally.prepared(setup);
            }
        }
    }
    tally.check(&ledger, before);
}
