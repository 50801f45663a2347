//! Tests of the checks of connections.

use std::borrow::Cow;

use ledger_providers::{Catalogue, Complaint, Facade, Field, Given, Wrong};
use serde_json::{Value, json};

fn check(provider: &str, facade: Option<Facade>, given: &Value) -> Vec<String> {
    let complaints = complaints(provider, facade, given);
    complaints.iter().map(ToString::to_string).collect()
}

fn complaints(provider: &str, facade: Option<Facade>, given: &Value) -> Vec<Complaint> {
    let provider = Catalogue::built_in().find(provider).expect("a built-in provider");
    provider.check(facade, &|field: &Field| {
        let mut stored = given.as_object().expect("an object").iter();
        let (_, value) = stored.find(|(name, _)| field.is_called(name))?;
        Some(Given::Json(Cow::Borrowed(value)))
    })
}

const PORTKEY: Option<Facade> = Some(Facade::Portkey);
const UMBRACO: Option<Facade> = Some(Facade::Umbraco);

#[test]
fn what_is_required_depends_on_the_product_and_on_other_fields() {
    let entra = json!({
        "azure_resource_name": "r", "azure_auth_mode": "entra", "azure_entra_client_id": "c",
        "azure_deployment_config": [{
            "azure_api_version": "2024", "azure_deployment_name": "d", "azure_model_slug": "m"
        }],
    });
    assert_eq!(
        check("azure-openai", PORTKEY, &entra),
        [
            "azure_entra_tenant_id is required when azure_auth_mode is entra",
            "azure_entra_client_secret is required when azure_auth_mode is entra",
        ]
    );
    assert_eq!(
        check("amazon", UMBRACO, &json!({ "aws_region": "eu-west-1", "accessKeyId": "a" })),
        ["secretAccessKey is required"]
    );
    let role = json!({ "aws_auth_type": "assumedRole", "aws_region": "eu-west-1" });
    assert_eq!(
        check("bedrock", PORTKEY, &role),
        ["aws_role_arn is required when aws_auth_type is assumedRole"]
    );
    assert_eq!(check("openai", UMBRACO, &json!({ "key": "" })), ["apiKey is required"]);
    assert!(check("openai", PORTKEY, &json!({})).is_empty(), "a reference may bring the key");
    assert!(check("openai", None, &json!({})).is_empty());
    assert_eq!(
        check("postgresql", None, &json!({})),
        ["host is required without connection_string"]
    );
    assert!(check("postgresql", None, &json!({ "dsn": "postgresql://h/" })).is_empty());
}

#[test]
fn a_sealed_secret_and_a_reference_count_as_given() {
    let openai = Catalogue::built_in().find("openai").expect("there");
    let sealed = openai.check(UMBRACO, &|field: &Field| field.main.then_some(Given::Hidden));
    assert!(sealed.is_empty());
}

#[test]
fn values_inside_lists_are_checked_with_their_place() {
    let with = |deployments: Value| {
        let given = json!({
            "azure_resource_name": "r", "azure_auth_mode": "default",
            "azure_deployment_config": deployments,
        });
        check("azure-openai", PORTKEY, &given)
    };
    assert_eq!(with(json!([])), ["azure_deployment_config must have at least 1 elements"]);
    assert_eq!(with(json!({})), ["azure_deployment_config must be a list"]);
    assert_eq!(with(json!(["x"])), ["azure_deployment_config[0] must be an object"]);
    let long = "9".repeat(31);
    assert_eq!(
        with(json!([{
            "azure_api_version": long, "azure_deployment_name": "d", "is_default": "perhaps"
        }])),
        [
            "azure_deployment_config[0].azure_api_version must have at most 30 characters",
            "azure_deployment_config[0].azure_model_slug is required",
            "azure_deployment_config[0].is_default must be a boolean",
        ]
    );
}

#[test]
fn products_that_know_texts_only_may_send_other_values_as_texts() {
    let port = |port: Value| check("redis", None, &json!({ "host": "h", "port": port }));
    assert!(port(json!(6379)).is_empty());
    assert!(port(json!("6379")).is_empty());
    assert!(port(json!(null)).is_empty());
    assert_eq!(port(json!("many")), ["port must be an integer"]);
    assert_eq!(port(json!(1.5)), ["port must be an integer"]);
}

#[test]
fn only_an_open_list_accepts_other_words() {
    let given = json!({ "host": "h", "ssl_mode": "sometimes" });
    let found = complaints("postgresql", None, &given);
    assert!(matches!(found.as_slice(), [Complaint { field, wrong: Wrong::NotOneOf(_) }]
        if field == "ssl_mode"));
    let given = json!({ "azure_foundry_url": "https://x", "azure_auth_mode": "brandNew" });
    assert!(check("azure-ai", PORTKEY, &given).is_empty());
}

#[test]
fn an_error_never_repeats_a_value() {
    const CANARY: &str = "canary-4711";
    for provider in Catalogue::built_in().iter() {
        for value in [json!(CANARY), json!([CANARY]), json!({ CANARY: CANARY }), json!(4711)] {
            for facade in Facade::ALL.iter().copied().map(Some).chain([None]) {
                let given = |_: &Field| Some(Given::Json(Cow::Borrowed(&value)));
                for complaint in provider.check(facade, &given) {
                    let text = format!("{complaint} {complaint:?}");
                    assert!(!text.contains("4711"), "{}: {text}", provider.id);
                }
            }
        }
    }
}
