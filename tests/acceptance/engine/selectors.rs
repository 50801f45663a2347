//! Grants about some connections only: by provider and label. The others are not there at all.

use ledger_contract::errors::{Code, Problem};
use ledger_domain::{Expected, Version};
use ledger_engine::Caller;
use serde_json::{Value, json};

use crate::ledger::{ABROAD, HOME, Ledger, TestCommand};
use crate::verbs::{REVEAL, verbs};

/// An id that no connection has.
const NO_ID: &str = "018f3d3e-0000-7000-8000-000000000000";

async fn create(ledger: &Ledger, slug: &str, provider: &str, team: &str) -> String {
    let draft = json!({
        "slug": slug, "provider": provider, "labels": {"team": team},
        "secrets": {"api_key": "sk-first-value-1"},
    });
    ledger.run("create", draft).await.receipt.connection.expect("a connection")
}

/// A ledger with connections of two teams and two providers, and someone of team `a`, for
/// `openai` only. Returns the ids of what is theirs and of what is hidden.
async fn stage() -> (Ledger, Caller, String, String) {
    let ledger = Ledger::new().await;
    let own = create(&ledger, "own", "OpenAI", "a").await;
    let hidden = create(&ledger, "hidden", "openai", "b").await;
    create(&ledger, "foreign", "mistral", "a").await;
    let grant = json!([{
        "role": "admin", "workspaces": [HOME], "providers": ["openai"], "labels": {"team": "a"},
    }]);
    let caller = ledger.enter("team-a", grant).await;
    (ledger, caller, own, hidden)
}

fn ids(page: &Value) -> Vec<&str> {
    let rows = page["connections"].as_array().expect("rows");
    rows.iter().map(|row| row["id"].as_str().expect("an id")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_totals_show_only_what_may_be_seen() {
    let (ledger, caller, own, _) = stage().await;
    for number in 0..5 {
        create(&ledger, &format!("more-{number}"), "openai", "b").await;
    }
    let filters = [
        json!({}),
        json!({"provider": ["openai"]}),
        json!({"label": ["team"]}),
        json!({"lifecycle": "any", "sort": "name"}),
        json!({"sort": "updated", "descending": true, "page_size": 1}),
        json!({"text": "o"}),
    ];
    for filter in filters {
        for place in [HOME, "_all"] {
            let page = ledger.ask_as(&caller, place, "list", &filter).expect("a list");
            assert_eq!((page["total"].as_u64(), ids(&page)), (Some(1), vec![own.as_str()]));
            assert_eq!(page["next_cursor"], Value::Null, "{filter}");
        }
    }
    let elsewhere = json!({"label": ["team=b"]});
    let page = ledger.ask_as(&caller, HOME, "list", &elsewhere).expect("a list");
    assert_eq!((page["total"].as_u64(), ids(&page)), (Some(0), vec![]));
    // Several grants show what any of them does.
    let both = json!([
        {"role": "viewer", "labels": {"team": "b"}},
        {"role": "viewer", "providers": ["Mistral"]},
        {"scopes": ["write"], "providers": ["openai"]},
    ]);
    let both = ledger.enter("both", both).await;
    let page = ledger.ask_as(&both, "_all", "list", &json!({})).expect("a list");
    assert_eq!(page["total"], 7);
    assert!(!ids(&page).contains(&own.as_str()), "what may be written is not thereby read");
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_listed_to_those_who_have_to_do_with_them() {
    let (ledger, caller, ..) = stage().await;
    let names = |caller: &Caller| {
        let page = ledger.ask_as(caller, "_all", "workspaces", &json!({})).expect("anyone");
        let all = page["workspaces"].as_array().expect("a list").clone();
        all.iter().map(|one| one["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let told: Vec<String> = names(&caller);
    assert_eq!(told, [HOME]);
    let everywhere = ledger.enter("everywhere", json!([{"role": "viewer"}])).await;
    let told: Vec<String> = names(&everywhere);
    assert_eq!(told, [HOME, ABROAD]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_moves_a_connection_out_of_or_into_their_reach() {
    let (ledger, caller, own, hidden) = stage().await;
    let update = |id: &str, change: Value| {
        let mut body = change;
        body["connection"] = json!(id);
        TestCommand::new("update", &body)
    };
    let outward = [
        json!({"labels": {"team": "b"}}),
        json!({"labels": {"team": null}}),
        json!({"provider": "mistral"}),
        json!({"provider": "mistral", "labels": {"team": "b", "x": "y"}}),
    ];
    for change in outward {
        let refused = ledger.send_as(&caller, update(&own, change.clone())).await;
        assert_eq!(refused.expect_err("out of reach").code, Code::Forbidden, "{change}");
    }
    let inward = json!({"labels": {"team": "a"}});
    let refused = ledger.send_as(&caller, update(&hidden, inward.clone())).await;
    assert_eq!(refused.expect_err("hidden").code, Code::ConnectionUnknown);
    // The same for one who sees everything, and changes what is the team's.
    let grants = json!([{"role": "viewer"}, {"role": "editor", "labels": {"team": "a"}}]);
    let seeing = ledger.enter("seeing", grants).await;
    let refused = ledger.send_as(&seeing, update(&hidden, inward)).await;
    assert_eq!(refused.expect_err("not theirs").code, Code::Forbidden);
    let refused = ledger.send_as(&seeing, update(&own, json!({"labels": {"team": "b"}}))).await;
    assert_eq!(refused.expect_err("out of reach").code, Code::Forbidden);
    // What stays in reach may change, the spelling of the provider included.
    let inside = json!({"provider": "openai", "labels": {"team": "a", "x": "y"}});
    ledger.send_as(&caller, update(&own, inside)).await.expect("in reach before and after");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revert_and_a_create_stay_in_reach_too() {
    let (ledger, caller, own, hidden) = stage().await;
    let moved = json!({"connection": hidden, "labels": {"team": "a"}});
    ledger.run("update", moved).await;
    let back = TestCommand::new("revert", &json!({"connection": hidden, "to_version": 1}));
    let refused = ledger.send_as(&caller, back).await.expect_err("out of reach");
    assert_eq!(refused.code, Code::Forbidden);
    let draft = |team: &str| json!({"provider": "openai", "labels": {"team": team}});
    let outside = TestCommand::new("create", &draft("b"));
    let refused = ledger.send_as(&caller, outside).await.expect_err("out of reach");
    assert_eq!(refused.code, Code::Forbidden);
    // Which other workspaces there are is not told to those who may not create.
    for name in [ABROAD, "nowhere"] {
        let mut draft = draft("b");
        draft["access"] = json!({"workspaces": {name: {}}});
        let refused = ledger.send_as(&caller, TestCommand::new("create", &draft)).await;
        assert_eq!(refused.expect_err("out of reach").code, Code::Forbidden, "{name}");
    }
    ledger.send_as(&caller, TestCommand::new("create", &draft("a"))).await.expect("in reach");
    assert_eq!(ledger.get(&own)["version"], 1);
}

/// A good body for each verb about a connection.
fn body(verb: &str, name: &str) -> Value {
    let mut body = json!({ "connection": name });
    let more = match verb {
        "update" => json!({"description": "new", "secrets": {"api_key": "v"}}),
        "rotate-secret" => json!({"secrets": {"api_key": "v"}}),
        "grant-workspace" | "revoke-workspace" | "set-limits" => json!({"grant_to": ABROAD}),
        "set-model-policy" => json!({"policy": {"allow_all": false}}),
        "set-pricing" => json!({"pricing": {"multipliers": {"default": 2}}}),
        "link-dependent" | "unlink-dependent" => json!({"kind": "tool", "id": "t"}),
        "confirm-secret" => json!({"consumer": "eu-1", "generations": {"api_key": 1}}),
        "report-failure" => json!({"outcome": "unreachable"}),
        "remove-consumer" => json!({"consumer": "eu-1"}),
        "erase" => json!({"reason": "contract ended"}),
        "renew-lease" | "return-lease" => {
            json!({"lease": "0197c2a1-0000-7000-8000-000000000001"})
        }
        "revert" => json!({"to_version": 1}),
        REVEAL => json!({"reason": "to look"}),
        _ => json!({}),
    };
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
    body
}

/// All that a refusal tells, with the name taken out that the caller had put in.
fn told(problem: &Problem, name: &str) -> Value {
    let text = serde_json::to_string(&problem.body()).expect("JSON");
    serde_json::from_str(&text.replace(name, "<name>")).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_and_what_is_missing_are_answered_alike() {
    let (ledger, caller, _, hidden) = stage().await;
    let pairs = [(hidden.as_str(), NO_ID), ("hidden", "absent"), ("HIDDEN", "ABSENT")];
    let of_workspace = ["revoke-handover", "revoke-workspace-leases"];
    let about_one = verbs().filter(|verb| {
        !verb.starts_with("create")
            && !verb.ends_with("secret-policy")
            && !verb.contains("alert")
            && !of_workspace.contains(verb)
    });
    for verb in about_one.chain([REVEAL]) {
        for (hidden, missing) in pairs {
            for expected in [Expected::Any, Expected::At(Version::new(1)), Expected::Absent] {
                let ask = async |name: &str| {
                    let test_command =
                        TestCommand { expected, ..TestCommand::new(verb, &body(verb, name)) };
                    told(&ledger.send_as(&caller, test_command).await.expect_err("not there"), name)
                };
                let (hidden, missing) = (ask(hidden).await, ask(missing).await);
                assert_eq!(hidden["error"]["code"], "connection_unknown", "{verb}");
                assert_eq!(hidden, missing, "{verb}, {expected:?}");
            }
        }
    }
    for (hidden, missing) in pairs {
        for place in [HOME, "_all"] {
            for (question, field, more) in [
                ("get", "connection", json!({})),
                ("history", "connection", json!({"page_size": 1})),
                ("access-check", "on", json!({"as": "team-a", "may": "read"})),
            ] {
                let ask = |name: &str| {
                    let mut body = more.clone();
                    body[field] = json!(name);
                    let refused = ledger.ask_as(&caller, place, question, &body);
                    told(&refused.expect_err("not there"), name)
                };
                assert_eq!(ask(hidden), ask(missing), "{question} of {place}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_is_not_theirs_might_as_well_not_exist() {
    let (ledger, caller, ..) = stage().await;
    let ask = |workspace: &str| {
        let refused = ledger.ask_as(&caller, workspace, "list", &json!({}));
        told(&refused.expect_err("not theirs"), workspace)
    };
    assert_eq!(ask(ABROAD), ask("nowhere"));
    let send = async |workspace: &'static str| {
        let test_command = TestCommand::new("create", &json!({"provider": "openai"})).at(workspace);
        told(&ledger.send_as(&caller, test_command).await.expect_err("not theirs"), workspace)
    };
    assert_eq!(send(ABROAD).await, send("nowhere").await);
    // Nor does one who may not grant learn it by granting.
    let viewer = ledger.enter("viewer", json!([{"role": "viewer", "workspaces": [HOME]}])).await;
    let grant = async |workspace: &str| {
        let body = json!({"connection": "own", "grant_to": workspace});
        let test_command = TestCommand::new("grant-workspace", &body);
        told(&ledger.send_as(&viewer, test_command).await.expect_err("not theirs"), workspace)
    };
    assert_eq!(grant(ABROAD).await, grant("nowhere").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shared_is_seen_from_where_it_is_shared_to_and_changed_at_home_only() {
    let (ledger, _, own, _) = stage().await;
    let grant = json!([{"role": "admin", "workspaces": [ABROAD], "providers": ["openai"]}]);
    let guest = ledger.enter("guest", grant).await;
    let get = |ledger: &Ledger| {
        let answer = ledger.ask_as(&guest, ABROAD, "get", &json!({ "connection": own }));
        answer.map(drop).map_err(|problem| problem.code)
    };
    let explained = |ledger: &Ledger, what: &str| {
        let query = json!({"as": "guest", "may": what, "on": own});
        ledger.ask_at("_all", "access-check", &query).expect("an answer")["allowed"] == true
    };
    assert_eq!((get(&ledger), explained(&ledger, "read")), (Err(Code::ConnectionUnknown), false));
    ledger.run("grant-workspace", json!({"connection": own, "grant_to": ABROAD})).await;
    assert_eq!((get(&ledger), explained(&ledger, "read")), (Ok(()), true));
    assert!(explained(&ledger, REVEAL) && !explained(&ledger, "write"));
    for place in [HOME, ABROAD] {
        let test_command = TestCommand::new("disable", &json!({ "connection": own })).at(place);
        let refused = ledger.send_as(&guest, test_command).await.expect_err("not theirs").code;
        let due = if place == HOME { Code::Forbidden } else { Code::ConnectionUnknown };
        assert_eq!(refused, due, "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_one_connection_is_for_who_may_audit_it() {
    let (ledger, caller, own, _) = stage().await;
    let ask = |body: Value| ledger.ask_as(&caller, HOME, "history", &body);
    let page = ask(json!({ "connection": own })).expect("theirs to audit");
    assert_eq!(page["total"], 1);
    let page = ask(json!({"connection": "own", "type": ["connection_updated"]})).expect("theirs");
    assert_eq!(page["total"], 0);
    let all = ask(json!({})).expect_err("that of others is among it");
    assert_eq!(all.code, Code::Forbidden);
}
