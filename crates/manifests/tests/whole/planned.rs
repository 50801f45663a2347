//! What is read, planned and exported.

use std::path::Path;

use ledger_contract::commands::Verb;
use ledger_domain::WorkspaceName;
use ledger_manifests::plan::{Action, Archived, Options, Plan, connection, waves};
use ledger_manifests::{
    ConnectionItem, Drift, ExportedSecrets, Exporter, Live, LiveSecret, Manifest, Reader,
    SecretSource, check_value,
};
use ledger_vault::Plaintext;
use proptest::prelude::*;
use serde_json::{Value, json};

const OPTIONS: Options<'_> =
    Options { set: "default", adopts: false, updates: true, archived: Archived::Refuse };

pub(crate) fn read(text: &str) -> Result<Manifest, String> {
    let mut reader = Reader::new("default");
    reader.read("fleet.yaml", Path::new("folder"), text);
    reader.finish().map_err(|complaints| {
        complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    })
}

/// Reads one connection, whose values are those that stand in the clear.
fn item(text: &str) -> ConnectionItem {
    let text = format!("connledger: 1\nconnections:\n- {}\n", text.replace('\n', "\n  "));
    read(&text).unwrap().connections.remove(0)
}

fn plan(item: &ConnectionItem, live: Option<&Live>) -> Plan {
    connection(item, live, &[], OPTIONS)
}

/// Returns the connection that the ledger has after a plan, as it would show it.
fn after(plan: &Plan, item: &ConnectionItem, before: Option<&Live>) -> Live {
    let mut annotations = plan.steps.iter().filter_map(|step| step.body.get("annotations"));
    let applied = annotations.find_map(|all| all.get("connledger.applied"));
    let mut secrets = before.map(|live| live.secrets.clone()).unwrap_or_default();
    for field in plan.steps.iter().take(1).flat_map(|step| &step.secrets) {
        let (masked, reference) = match &item.secrets[field] {
            SecretSource::Reference(reference) => ("********".to_owned(), Some(reference.clone())),
            source => {
                let name = ledger_domain::FieldName::parse("f", field).unwrap();
                let hint = source.value().unwrap().hint(&name);
                (ledger_contract::view::masked(&hint), None)
            }
        };
        let generation = secrets.get(field).map_or(1, |known| known.generation + 1);
        secrets.insert(field.clone(), LiveSecret { generation, masked, reference });
    }
    let done = plan.steps.iter().filter(|step| !step.may_be_nothing).count() as u64;
    Live {
        id: "018f3d3e-0000-7000-8000-000000000001".to_owned(),
        version: before.map_or(0, |live| live.version) + done,
        workspace: item.workspace.clone(),
        slug: item.slug.clone(),
        fields: item.fields.clone(),
        secrets,
        applied: applied.map(|applied| serde_json::from_value(applied.clone()).unwrap()),
        updated_by: "user:ada".to_owned(),
        updated_at: "2026-12-01T00:00:00Z".to_owned(),
        archived_at: None,
    }
}

const WHOLE: &str = "slug: openai-prod
provider: openai
display_name: OpenAI
config: {base_url: https://api.openai.com/v1, retries: 3}
secrets:
  api_key: sk-not-real-0123456789
  password: hunter2
  other: {reference: {kind: vault, name: kv/team/openai, key: key}}
labels: {team: search}
tags: [llm]
annotations: {note.owner: {name: ada}}
identity: {type: team, value: search}
enabled: false
access: {everyone: {rate: {type: requests, unit: rpm, value: 10}}, denied: [guests]}
models: {allow_all: false, models: {gpt-5: {enabled: true}}}
pricing: {multipliers: {default: 1.5}}";

#[test]
fn a_connection_is_made_and_then_nothing_differs() {
    let item = item(WHOLE);
    let made = plan(&item, None);
    assert_eq!(made.action, Action::Create);
    let verbs: Vec<&str> = made.steps.iter().map(|step| step.verb).collect();
    assert_eq!(verbs, ["create", "revoke-workspace"]);
    let body = &made.steps[0].body;
    assert_eq!(body["access"]["everyone"]["rate"]["value"], 10);
    assert!(body["access"].get("denied").is_none() && body.get("secrets").is_none());
    let live = after(&made, &item, None);
    assert_eq!(live.drift(), None);
    let again = plan(&item, Some(&live));
    assert_eq!((&again.action, &again.changes), (&Action::None, &Vec::new()));
    // The ledger compares values which show the same, and nothing follows if they are the same.
    let left: Vec<_> = again.steps.iter().map(|step| (step.verb, step.may_be_nothing)).collect();
    assert_eq!(left, [("update", true), ("update", false)]);
    assert_eq!(again.steps[0].secrets, ["api_key", "password"]);
}

#[test]
fn every_member_that_differs_is_named_and_takes_its_command() {
    let before = item(WHOLE);
    let live = after(&plan(&before, None), &before, None);
    let other = item(
        "slug: openai-prod
provider: azure-openai
description: other
config: {base_url: https://api.openai.com/v1, region: eu}
secrets:
  api_key: sk-not-real-another-ab
  other: null
labels: {team: chat, tier: a}
kind: custom",
    );
    let planned = plan(&other, Some(&live));
    assert_eq!(planned.action, Action::Update);
    let fields: Vec<&str> = planned.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "access",
            "annotations.note.owner",
            "config.region",
            "config.retries",
            "description",
            "display_name",
            "enabled",
            "identity",
            "kind",
            "labels.team",
            "labels.tier",
            "models",
            "pricing",
            "provider",
            "tags",
            "secrets.api_key",
            "secrets.other",
        ]
    );
    let body = Value::Object(planned.steps[0].body.clone());
    assert_eq!(body["config"], json!({ "region": "eu", "retries": null }));
    assert_eq!((&body["display_name"], &body["identity"]), (&Value::Null, &Value::Null));
    assert_eq!((&body["tags"], &body["kind"]), (&json!([]), &json!("custom")));
    assert_eq!(body["secrets"], json!({ "other": null }));
    assert_eq!(body["annotations"]["note.owner"], Value::Null);
    assert_eq!(planned.steps[0].secrets, ["api_key"]);
    let verbs: Vec<&str> = planned.steps.iter().skip(1).map(|step| step.verb).collect();
    assert_eq!(verbs, ["set-model-policy", "set-pricing", "enable", "revoke-workspace"]);
    assert!(planned.notes[0].contains("password"), "a secret that is left out is kept");
}

#[test]
fn commands_of_a_plan_are_taken_by_the_contract() {
    let (before, other) = (item(WHOLE), item("slug: openai-prod\nprovider: openai"));
    let live = after(&plan(&before, None), &before, None);
    let back = after(&plan(&other, None), &other, None);
    let workspace = WorkspaceName::parse("workspace", "default").unwrap();
    let plans = [plan(&before, None), plan(&other, Some(&live)), plan(&before, Some(&back))];
    for step in plans.iter().flat_map(|plan| &plan.steps) {
        let verb = Verb::find(step.verb).expect(step.verb);
        let mut body = step.body.clone();
        if step.verb != "create" {
            body.insert("connection".to_owned(), json!("openai-prod"));
        }
        let bytes = Value::Object(body).to_string();
        let parsed =
            ledger_contract::commands::parse(verb.as_str(), &workspace, None, bytes.as_bytes());
        assert!(parsed.is_ok(), "{}: {parsed:?}", step.verb);
    }
}

#[test]
fn a_change_by_hand_is_told_from_a_run_that_was_ended() {
    let item = item(WHOLE);
    let made = after(&plan(&item, None), &item, None);
    let by_hand = |change: &dyn Fn(&mut Live)| {
        let mut live = made.clone();
        live.version += 1;
        change(&mut live);
        plan(&item, Some(&live)).drift.map(|(drift, _)| drift)
    };
    assert_eq!(by_hand(&|_| {}), None, "reports of health change no declared member");
    assert_eq!(by_hand(&|live| drop(live.fields.remove("labels"))), Some(Drift::ByHand));
    assert_eq!(by_hand(&|live| drop(live.secrets.remove("other"))), Some(Drift::ByHand));
    let rotated = |live: &mut Live| live.secrets.get_mut("password").unwrap().generation += 1;
    assert_eq!(by_hand(&rotated), Some(Drift::ByHand), "although its mask is the same");
    let mut live = made.clone();
    rotated(&mut live);
    let planned = plan(&item, Some(&live));
    assert_eq!(planned.changes[0].field, "secrets.password");
    let unfinished = Live { version: 1, ..made.clone() };
    let unfinished = Live {
        fields: unfinished.fields.into_iter().filter(|(name, _)| name != "access").collect(),
        ..unfinished
    };
    assert_eq!(plan(&item, Some(&unfinished)).drift.unwrap().0, Drift::Unfinished);
}

#[test]
fn what_is_remembered_and_command_ids_tell_nothing_of_values() {
    let told = |password: &str| {
        let item = item(&WHOLE.replace("hunter2", password));
        let step = plan(&item, None).steps.remove(0);
        (step.body["annotations"].to_string(), step.command_id("connection/a", "absent"))
    };
    assert_eq!(told("hunter2"), told("correct horse"));
    let (remembered, id) = told("hunter2");
    assert!(remembered.contains("connledger.applied") && !remembered.contains("hunter"));
    assert!(id.starts_with("apply-") && id.len() == 38, "{id}");
}

#[test]
fn a_name_that_is_archived_is_refused_unless_it_is_said_what_to_do() {
    let item = item(WHOLE);
    let archived = after(&plan(&item, None), &item, None);
    let planned = |archived: &[Live], what| {
        connection(&item, None, archived, Options { archived: what, ..OPTIONS })
    };
    let one = std::slice::from_ref(&archived);
    let Action::Refuse(message) = planned(one, Archived::Refuse).action else { panic!("refused") };
    assert!(message.contains(&archived.id) && message.contains("--archived"), "{message}");
    assert_eq!(planned(one, Archived::New).action, Action::Create);
    let restored = planned(one, Archived::Restore);
    assert_eq!((&restored.action, restored.steps[0].verb), (&Action::Restore, "restore"));
    assert_eq!(restored.version, Some(archived.version));
    let two = [archived.clone(), archived];
    assert!(matches!(planned(&two, Archived::Restore).action, Action::Refuse(_)));
}

#[test]
fn a_value_that_is_to_be_kept_must_be_there() {
    let item = item("slug: a\nprovider: x\nsecrets: {k: {keep: true}}");
    assert!(matches!(plan(&item, None).action, Action::Refuse(_)));
}

#[test]
fn a_mask_is_no_value() {
    for mask in ["sk-*******01", "********", "sk-***", "{value: '********'}"] {
        let said = read(&format!(
            "connledger: 1\nconnections:\n- slug: a\n  provider: x\n  secrets:\n    k: {}\n",
            if mask.starts_with('{') { mask.to_owned() } else { format!("'{mask}'") }
        ));
        let said = said.unwrap_err();
        assert!(said.starts_with("fleet.yaml:6:") && said.contains("form of a mask"), "{said}");
        assert!(!said.contains("sk-"), "{said}");
    }
    assert!(check_value("k", Plaintext::new("********")).is_err());
}

#[test]
fn mistakes_are_told_by_their_places_and_all_at_once() {
    let text = "connledger: 1
workspaces:
- name: Not A Name
principals:
- name: eu-1
  kind: robot
connections:
- slug: a
  provider: x
  identity:
    type: nobody
    value: v
- slug: b c
  provider: x
- slug: d
- slug: e
  provider: x
  config: {k: 1}
  secrets: {k: {from_env: K}}
- slug: f
  provider: x
  access: {denied: [w]}
- slug: A
  provider: x
---
connledger: 1
connections:
- {slug: g, provider: x}
- {slug: G, provider: x}
";
    let said = read(text).unwrap_err();
    let lines: Vec<&str> = said.lines().collect();
    for (line, place) in lines.iter().zip([
        "fleet.yaml:3:9: name:",
        "fleet.yaml:6:9: kind:",
        "fleet.yaml:11:11: identity.type:",
        "fleet.yaml:13:9: slug:",
        "fleet.yaml:15:3: lacks `provider`",
        "fleet.yaml:19:16: is in both config and secrets",
        "fleet.yaml:22:20: takes `everyone`",
        "fleet.yaml:29:3: connection default/g is declared twice, first at fleet.yaml:28:3",
    ]) {
        assert!(line.starts_with(place), "{line} at {place}");
    }
    assert_eq!(lines.len(), 8, "{said}");
}

#[test]
fn what_is_no_manifest_is_refused_as_a_whole() {
    for (text, message) in [
        ("", "is empty"),
        ("kind: Secret\n", "is no manifest"),
        ("connledger: 2\n", "does not know"),
        ("connledger: one\n", "does not know"),
        ("- a\n", "is no manifest"),
        ("connledger: 1\nconnections:\n- &a [*a]\n", "cannot be read"),
    ] {
        let said = read(text).unwrap_err();
        assert!(said.contains(message), "{text}: {said}");
    }
    assert!(read("connledger: 1\n").unwrap().connections.is_empty());
    let json = r#"{"connledger": 1, "connections": [{"slug": "a", "provider": "x"}]}"#;
    assert_eq!(read(json).unwrap().connections.len(), 1);
}

#[test]
fn connections_come_after_those_that_they_refer_to() {
    let to = |slug: &str, other: &str| {
        let reference = format!("{{reference: {{kind: connection, name: {other}/k}}}}");
        item(&format!("slug: {slug}\nprovider: x\nsecrets: {{k: {reference}}}"))
    };
    let plain = item("slug: C\nprovider: x");
    let items = [to("a", "b"), to("b", "c"), plain, to("d", "elsewhere"), to("e", "e")];
    assert_eq!(waves(&items), [vec![2, 3], vec![1], vec![0], vec![4]]);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{1,20}",
        "\\PC{1,12}",
        Just("no".to_owned()),
        Just("1.10".to_owned()),
        Just("null".to_owned()),
        Just("0x1f".to_owned()),
        Just("- a: b".to_owned()),
        Just("#x".to_owned()),
        Just("a: b #c".to_owned()),
        Just("~".to_owned()),
        Just("=".to_owned()),
        Just("line one\nline two\n".to_owned()),
        Just("  indented\n\ttab\n\n".to_owned()),
    ]
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        (-1e15..1e15).prop_map(|number| json!(number)),
        Just(json!(true)),
        Just(json!(["1", 2, { "a": "no" }])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_is_read_back_and_nothing_differs(
        description in text(), label in text(), setting in text(), key in "[!-~]{1,12}",
        number in number(),
    ) {
        prop_assume!(key != "secret_k");
        let whole = item(WHOLE);
        let mut live = after(&plan(&whole, None), &whole, None);
        live.fields.insert("description".to_owned(), json!(description));
        live.fields.insert("labels".to_owned(), json!({ "team": label }));
        live.fields.insert("config".to_owned(), json!({ key: number, "text": setting }));
        for secrets in [ExportedSecrets::Keep, ExportedSecrets::Environment] {
            let mut exporter = Exporter::new(secrets);
            exporter.connection(&live);
            let texts = [exporter.to_yaml().unwrap(), serde_json::to_string(&exporter).unwrap()];
            for text in texts {
                prop_assert!(!text.contains("***"), "{}", text);
                let read = read(&text).map_err(|said| TestCaseError::fail(format!("{said}\n{text}")))?;
                let again = &read.connections[0];
                prop_assert_eq!(&again.fields, &live.fields, "{}", text);
                if secrets == ExportedSecrets::Keep {
                    let planned = plan(again, Some(&live));
                    prop_assert_eq!(planned.action, Action::None);
                }
            }
        }
    }
}
