//! Who could have done it then.

use serde_json::{Value, json};

use crate::ledger::{HOME, Ledger};

/// Returns who may reveal a connection, with the number of their valid keys.
fn who(ledger: &Ledger, id: &str, as_of: Option<u64>) -> Vec<(String, u64)> {
    let mut question = json!({"connection": id, "may": "reveal", "page_size": 1});
    if let Some(position) = as_of {
        question["as_of"] = json!(position.to_string());
    }
    let mut found = Vec::new();
    loop {
        let page = ledger.ask("who-may", &question);
        let row = |one: &Value| {
            let name = one["principal"].as_str().expect("a name").to_owned();
            (name, one["keys"].as_u64().expect("a number"))
        };
        found.extend(page["principals"].as_array().expect("rows").iter().map(row));
        if page["next_cursor"].is_null() {
            return found;
        }
        question["cursor"] = page["next_cursor"].clone();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grants_and_keys_are_those_of_the_moment() {
    let ledger = Ledger::new().await;
    let id = ledger.create("one").await;
    let at = || ledger.engine.head().get();
    let before = at();
    let gateway = json!([{"role": "gateway", "workspaces": [HOME], "providers": ["openai"]}]);
    ledger.enter("eu-1", gateway).await;
    ledger.enter("vera", json!([{"role": "viewer", "workspaces": [HOME]}])).await;
    let both = at();
    ledger.run("update", json!({"connection": id, "provider": "stripe"})).await;
    let moved = at();
    let all = json!([{"role": "gateway", "workspaces": [HOME]}]);
    ledger.lead("update-principal", json!({"principal": "vera", "grants": all})).await;
    let granted = at();
    ledger.lead("disable-principal", json!({"principal": "vera"})).await;
    let named = |names: &[(&str, u64)]| -> Vec<(String, u64)> {
        names.iter().map(|(name, keys)| ((*name).to_owned(), *keys)).collect()
    };
    assert_eq!(who(&ledger, &id, Some(before)), named(&[]));
    assert_eq!(who(&ledger, &id, Some(both)), named(&[("eu-1", 1)]));
    assert_eq!(who(&ledger, &id, Some(moved)), named(&[]), "its grant is for another provider");
    assert_eq!(who(&ledger, &id, Some(granted)), named(&[("vera", 1)]));
    assert_eq!(who(&ledger, &id, None), named(&[]), "disabled");
    let check = |who: &str, position: u64| {
        let question = json!({"as": who, "may": "reveal", "on": id, "as_of": position.to_string()});
        ledger.ask_at(HOME, "access-check", &question)
    };
    assert_eq!(check("eu-1", both).expect("known")["allowed"], true);
    assert_eq!(check("eu-1", moved).expect("known")["allowed"], false);
    assert_eq!(check("vera", granted).expect("known")["allowed"], true);
    let unknown = check("eu-1", before).expect_err("it was not there");
    assert_eq!(unknown.code.as_str(), "principal_unknown");
    let principals = |position: u64| {
        let question = json!({"as_of": position.to_string()});
        let page = ledger.ask_at("_all", "principals", &question).expect("known");
        page["principals"].as_array().expect("rows").clone()
    };
    assert_eq!(principals(before).len(), 0);
    let then = principals(both);
    assert_eq!(then.len(), 2);
    assert_eq!(then[1]["grants"][0]["scopes"], json!(["read"]), "vera was a viewer");
    assert_eq!(then[1]["enabled"], true);
}
