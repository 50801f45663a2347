use ledger_domain::principal::{Role, Scope};
use serde_json::json;

use super::*;

fn claims(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn path(text: &str) -> ClaimPath {
    text.parse().expect("a path")
}

fn scopes(grants: &[Grant]) -> BTreeSet<Scope> {
    grants.iter().flat_map(|grant| grant.scopes.iter().copied()).collect()
}

/// The workspaces of each grant, or `None` for all.
fn names(grants: &[Grant]) -> Vec<Option<Vec<&str>>> {
    let names = grants.iter().map(|grant| match &grant.workspaces {
        Workspaces::All => None,
        Workspaces::Named(names) => Some(names.iter().map(WorkspaceName::as_str).collect()),
    });
    names.collect()
}

const MAPPING: &str = r#"
[ledger-editors]
role = "editor"
workspaces = ["team-a", "team-b"]

["https://example.com/rotate"]
scopes = ["rotate"]
providers = ["openai"]
labels = { env = "prod" }

[[both]]
role = "viewer"

[[both]]
role = "auditor"
workspaces = ["team-a"]
"#;

#[test]
fn a_claim_is_words_or_a_list_and_may_lie_deeper() {
    let claims = claims(&json!({
        "scope": "openid  integrations:get",
        "roles": ["one", 2, "two words"],
        "realm_access": {"roles": ["deep"]},
        "https://example.com/roles": ["named"],
        "number": 7,
    }));
    assert_eq!(ClaimPath::default().values(&claims), ["openid", "integrations:get"]);
    assert_eq!(path("roles").values(&claims), ["one", "two words"]);
    assert_eq!(path("realm_access.roles").values(&claims), ["deep"]);
    assert_eq!(path("https://example.com/roles").values(&claims), ["named"]);
    for nothing in ["number", "realm_access", "realm_access.x", "roles.one", "x.y", "absent"] {
        assert!(path(nothing).values(&claims).is_empty(), "{nothing}");
    }
    for bad in ["", ".", "a.", ".a", "a..b", "a\nb"] {
        assert!(bad.parse::<ClaimPath>().is_err(), "{bad:?}");
    }
}

#[test]
fn built_in_names_stand_for_their_scopes() {
    let rights = Rights::default();
    let of = |scope: &str| scopes(&rights.of(&claims(&json!({"scope": scope}))));
    assert_eq!(of("integrations:list"), [Scope::Read].into());
    assert_eq!(of("integrations:get"), [Scope::Read].into());
    assert_eq!(of("integrations:create"), [Scope::Write, Scope::Rotate].into());
    assert_eq!(of("integrations:update"), [Scope::Write, Scope::Rotate].into());
    assert_eq!(of("integrations:delete"), [Scope::Write].into());
    for nothing in ["", "admin", "openid profile", "Admin", "integrations:*", "integrations"] {
        assert!(of(nothing).is_empty(), "{nothing}");
    }
    assert!(rights.of(&Map::new()).is_empty());
}

#[test]
fn a_mapping_has_the_permissions_of_principals() {
    let mapping = Mapping::read(MappingForm::Toml, MAPPING).expect("good");
    let editor = mapping.grants("ledger-editors");
    assert_eq!(scopes(&editor), Role::Editor.scopes().iter().copied().collect());
    assert_eq!(names(&editor), [Some(vec!["team-a", "team-b"])]);
    let [rotator] = &mapping.grants("https://example.com/rotate")[..] else { panic!("one") };
    assert!(rotator.is_selective() && rotator.providers.len() == 1 && rotator.labels.len() == 1);
    assert_eq!(names(&mapping.grants("both")), [None, Some(vec!["team-a"])]);
    assert_eq!(mapping.grants("integrations:get").len(), 1, "built-in names go on");

    let json = r#"{"integrations:get": [], "a": {"role": "viewer"}, "b": [{"scopes": ["read"]}]}"#;
    let mapping = Mapping::read(MappingForm::Json, json).expect("good");
    assert!(mapping.grants("integrations:get").is_empty(), "switched off");
    assert_eq!(mapping.grants("a"), mapping.grants("b"));
}

#[test]
fn errors_name_the_invalid_value_of_a_mapping() {
    for bad in [
        r#"{"team": {"role": "king"}}"#,
        r#"{"team": {"rol": "viewer"}}"#,
        r#"{"team": {}}"#,
        r#"{"team": {"role": "viewer", "workspaces": []}}"#,
        r#"{"team": {"role": "viewer", "workspaces": ["Not A Name"]}}"#,
        r#"{"team": "viewer"}"#,
        r#"{"team": [["viewer"]]}"#,
    ] {
        let error = Mapping::read(MappingForm::Json, bad).expect_err(bad);
        assert!(error.contains("\"team\""), "{error}");
    }
    for bad in ["[]", "{", "", "7"] {
        assert!(Mapping::read(MappingForm::Json, bad).is_err(), "{bad}");
    }
    assert!(Mapping::read(MappingForm::Toml, "team = \"viewer\"").is_err());
}

#[test]
fn the_workspace_claim_limits_every_grant() {
    let mapping = Mapping::read(MappingForm::Toml, MAPPING).expect("good");
    let rights = Rights { claim: path("groups"), workspace_claim: Some(path("ws")), mapping };
    let groups = json!(["integrations:get", "ledger-editors"]);
    let grants = |ws: &Value| rights.of(&claims(&json!({"groups": groups, "ws": ws})));
    let limited = grants(&json!(["team-b", "team-c", "Not A Name", 7]));
    assert_eq!(names(&limited), [Some(vec!["team-b", "team-c"]), Some(vec!["team-b"])]);
    assert_eq!(names(&grants(&json!("team-c"))), [Some(vec!["team-c"])]);
    for nothing in [json!([]), json!(null), json!("*"), json!({"team-a": true})] {
        assert!(grants(&nothing).is_empty(), "{nothing}");
    }
    assert!(rights.of(&claims(&json!({"groups": groups}))).is_empty(), "no claim, no place");
}
