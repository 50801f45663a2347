//! Tests of the rules for descriptions.

use ledger_providers::{Catalogue, Facade, Fault, Provider};
use serde_json::{Value, json};

fn faults(change: impl FnOnce(&mut Value)) -> Vec<Fault> {
    let mut provider = json!({
        "id": "acme", "display_name": "Acme", "auth_methods": ["api_key"],
        "base_url": "https://api.acme.example",
        "fields": [
            { "name": "api_key", "secret": true, "main": true },
            { "name": "region", "values": ["eu", "us"] },
            { "name": "fixed", "destination": false },
        ],
    });
    change(&mut provider);
    Provider::read(&provider.to_string()).err().unwrap_or_default()
}

fn places(change: impl FnOnce(&mut Value)) -> Vec<String> {
    faults(change).into_iter().map(|fault| fault.place).collect()
}

#[test]
fn each_fault_is_found_at_its_place() {
    assert!(places(|_| {}).is_empty());
    let cases = [
        ("/id", json!("Acme"), "id"),
        ("/id", json!("a b"), "id"),
        ("/display_name", json!(" "), "display_name"),
        ("/display_name", json!("a\nb"), "display_name"),
        ("/auth_methods", json!([]), "auth_methods"),
        ("/auth_methods", json!(["basic", "basic"]), "auth_methods[1]"),
        ("/base_url", json!("api.acme.example"), "base_url"),
        ("/base_url", json!("https://${host}"), "base_url"),
        ("/base_url", json!("https://${base_url}"), "base_url"),
        ("/base_url", json!("https://${region"), "base_url"),
        ("/fields/0/name", json!("api key"), "fields[0].name"),
        ("/fields/1/name", json!("API_KEY"), "fields[1].name"),
        ("/fields/1/aliases", json!(["Api_Key"]), "fields[1].aliases[0]"),
        ("/fields/1/names", json!({ "umbraco": "api_key" }), "fields[1].names.umbraco"),
        ("/fields/0/secret", json!(false), "fields[0].main"),
        ("/fields/0/default", json!("x"), "fields[0].default"),
        ("/fields/1/default", json!("asia"), "fields[1].default"),
        ("/fields/1/default", json!(1), "fields[1].default"),
        ("/fields/1/values", json!(["eu", "eu"]), "fields[1].values[1]"),
        ("/fields/1/selects", json!({ "asia": "basic" }), "fields[1].selects.asia"),
        ("/fields/1/type", json!("integer"), "fields[1].values"),
        ("/fields/1/min_items", json!(1), "fields[1].min_items"),
        ("/fields/1/required_when", json!({}), "fields[1].required_when"),
        ("/fields/1/required_when", json!({ "without": "x" }), "fields[1].required_when.without"),
        (
            "/fields/0/required_when",
            json!({ "field": "region", "is": ["asia"] }),
            "fields[0].required_when.field",
        ),
    ];
    expect_each(&cases);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a case for each fault")]
fn each_fault_of_a_request_is_found_at_its_place() {
    let cases = [
        (
            "/probe",
            json!({ "url": "https://x/", "auth": { "entra": {
                "token_url": "https://${fixed}.example/", "scope": "s", "client_id": "region",
                "client_secret": "api_key",
            } } }),
            "probe.auth.token_url",
        ),
        (
            "/probe",
            json!({ "url": "https://x/", "auth": { "google": {
                "token_url": "https://x/", "scope": "s", "key_file": "region",
            } } }),
            "probe.auth.key_file",
        ),
        (
            "/login",
            json!({ "protocol": "redis", "host": "region", "password": "region" }),
            "login.password",
        ),
        (
            "/login",
            json!({ "protocol": "redis", "host": "nowhere", "password": "api_key" }),
            "login.host",
        ),
        (
            "/login",
            json!({ "protocol": "redis", "host": "fixed", "password": "api_key" }),
            "login.host",
        ),
        ("/probe", json!({ "url": "${base_url}/${x}?k=${api_key}" }), "probe.url"),
        (
            "/probe",
            json!({ "url": "https://x", "headers": { "a b": "${api_key}" } }),
            "probe.headers.a b",
        ),
        ("/probe", json!({ "url": "https://x/${region}" }), "probe"),
        (
            "/probe",
            json!({ "url": "https://x", "basic": { "user": "${api_key}", "password": "${x}" } }),
            "probe.basic.password",
        ),
        (
            "/probe",
            json!({ "url": "https://${fixed}.x/", "headers": { "a": "${api_key}" } }),
            "probe.url",
        ),
        (
            "/probe",
            json!({
                "url": "https://x?k=${api_key}", "outcomes": [{ "status": 7, "outcome": "works" }],
            }),
            "probe.outcomes[0].status",
        ),
        (
            "/probe",
            json!({
                "url": "https://x?k=${api_key}",
                "outcomes": [{ "status": 200, "contains": "", "outcome": "works" }],
            }),
            "probe.outcomes[0].contains",
        ),
        (
            "/models",
            json!({ "list": { "url": "https://x", "headers": { "a b": "c" } } }),
            "models.list.headers.a b",
        ),
        ("/models", json!({ "list": { "url": "https://${fixed}.x/" } }), "models.list.url"),
    ];
    expect_each(&cases);
}

#[test]
fn each_fault_of_a_list_of_models_is_found_at_its_place() {
    let list = |more: Value| {
        let mut list = json!({ "url": "https://x" });
        list.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "list": list })
    };
    let cases = [
        (json!({ "items": "data" }), "models.list.items"),
        (json!({ "id": "" }), "models.list.id"),
        (json!({ "name": "name" }), "models.list.name"),
        (json!({ "id_prefix": "" }), "models.list.id_prefix"),
        (json!({ "kinds": [{ "at": "id", "capability": "chat" }] }), "models.list.kinds[0].at"),
        (
            json!({ "kinds": [{ "at": "/id", "capability": "moderation" }] }),
            "models.list.kinds[0].capability",
        ),
        (json!({ "pages": { "parameter": "a b" } }), "models.list.pages.parameter"),
        (json!({ "pages": { "parameter": "a", "next": "n" } }), "models.list.pages.next"),
        (json!({ "pages": { "parameter": "a", "more": "/m" } }), "models.list.pages.more"),
    ];
    let found = |more: Value| {
        places(|provider| {
            provider["capabilities"] = json!(["chat"]);
            set(provider, "/models", list(more));
        })
    };
    for (more, place) in cases {
        assert_eq!(found(more.clone()), [place], "{more}");
    }
    let good = json!({
        "items": "", "id": "/a/b", "name": "/c", "id_prefix": "models/",
        "kinds": [{ "at": "/id", "matches": "x", "unless": "y", "capability": "chat" }],
        "pages": { "parameter": "after", "next": "/n", "more": "/m" },
    });
    assert_eq!(found(good), Vec::<String>::new());
}

/// Fails unless each value has one fault, at its place.
fn expect_each(cases: &[(&str, Value, &str)]) {
    for (pointer, value, place) in cases {
        let found = places(|provider| set(provider, pointer, value.clone()));
        assert_eq!(found, [*place], "{pointer} = {value}");
    }
}

/// Sets the value at a pointer whose parent exists.
fn set(provider: &mut Value, pointer: &str, value: Value) {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    provider.pointer_mut(parent).expect("the parent is there")[name] = value;
}

#[test]
fn all_faults_are_found_at_once() {
    let found = places(|provider| {
        provider["id"] = json!("A");
        provider["fields"][1]["main"] = json!(true);
    });
    assert_eq!(found, ["id", "fields", "fields[1].main"]);
}

#[test]
fn a_text_of_another_shape_is_refused_with_line_and_column() {
    for (text, problem) in [
        ("{", "EOF while parsing an object"),
        ("{\n  \"idd\": \"x\"\n}", "unknown field `idd`"),
        ("{\"id\": \"x\", \"display_name\": \"X\"}", "missing field `auth_methods`"),
    ] {
        let found = Provider::read(text).expect_err("refused");
        assert_eq!(found.len(), 1);
        assert!(found[0].place.starts_with("line "), "{}", found[0]);
        assert!(found[0].problem.contains(problem), "{}", found[0]);
    }
}

#[test]
fn descriptions_over_a_limit_are_refused() {
    let many = |count: usize, secret: bool| {
        let field = |index| json!({ "name": format!("f{index}"), "secret": secret });
        places(move |provider| provider["fields"] = (0..count).map(field).collect())
    };
    assert!(many(32, true).is_empty() && many(160, false).is_empty());
    assert_eq!(many(33, true), ["fields"]);
    assert_eq!(many(161, false), ["fields"]);
    let long = "x".repeat(256);
    assert_eq!(places(|provider| provider["aliases"] = json!([long])), ["aliases[0]"]);
}

#[test]
fn the_main_key_has_the_name_of_each_products_own_place_unless_another_field_has_it() {
    let read = |fields: Value| {
        let text = json!({
            "id": "acme", "display_name": "Acme", "auth_methods": ["api_key"], "fields": fields
        });
        Provider::read(&text.to_string()).expect("a good description")
    };
    let plain = read(json!([{ "name": "api_key", "secret": true, "main": true }]));
    let main = plain.main_secret().expect("there");
    assert_eq!(main.name_at(Facade::Portkey), "key");
    assert_eq!(main.name_at(Facade::Umbraco), "apiKey");
    assert_eq!(main.name_at(Facade::ElevenLabs), "token");
    assert_eq!(main.name_at(Facade::Blaxel), "api_key");
    let taken = read(json!([
        { "name": "secret", "secret": true, "main": true },
        { "name": "token", "secret": true },
        { "name": "Key" },
    ]));
    let main = taken.main_secret().expect("there");
    assert_eq!(main.name_at(Facade::Portkey), "secret");
    assert_eq!(main.name_at(Facade::ElevenLabs), "secret");
    assert_eq!(taken.field("token").map(|field| field.main), Some(false));
}

#[test]
fn serializing_and_parsing_gives_the_same_description() {
    for provider in Catalogue::built_in().iter() {
        let text = serde_json::to_string(provider).expect("a JSON form");
        assert_eq!(Provider::read(&text).as_ref(), Ok(provider));
    }
}

#[test]
fn in_every_built_in_description_a_spelling_means_one_field() {
    for provider in Catalogue::built_in().iter() {
        for field in &provider.fields {
            for spelling in field.spellings() {
                let found = provider.field(&spelling.to_uppercase());
                assert_eq!(found, Some(field), "{}: {spelling}", provider.id);
            }
        }
    }
}
