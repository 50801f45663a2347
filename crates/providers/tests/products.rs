//! Tests of the built-in descriptions against the products' documentation.

use std::collections::BTreeSet;

use ledger_domain::connection::AuthMethod;
use ledger_providers::{Capability, Catalogue, Facade, Field, Provider, looks_secret};

fn at(facade: Facade, name: &str) -> &'static Provider {
    Catalogue::built_in().find_at(facade, name).unwrap_or_else(|| panic!("{name} at {facade}"))
}

fn names<'a>(
    provider: &'a Provider,
    facade: Facade,
    wanted: impl Fn(&Field) -> bool + 'a,
) -> BTreeSet<&'a str> {
    let fields = provider.fields_at(facade).filter(move |field| wanted(field));
    fields.map(|field| field.name_at(facade)).collect()
}

fn always_required(field: &Field, facade: Facade) -> bool {
    let condition = field.required_when.as_ref();
    field.required
        || condition.is_some_and(|condition| {
            condition.at.contains(&facade)
                && condition.field.is_none()
                && condition.without.is_none()
        })
}

/// Provider, required fields, further fields, secret fields.
type Documented =
    (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const PORTKEY: [Documented; 10] = [
    ("openai", &[], &["openai_organization", "openai_project"], &[]),
    (
        "azure-openai",
        &["azure_resource_name", "azure_deployment_config", "azure_auth_mode"],
        &[
            "azure_entra_tenant_id",
            "azure_entra_client_id",
            "azure_entra_client_secret",
            "azure_managed_client_id",
        ],
        &["azure_entra_client_secret"],
    ),
    (
        "bedrock",
        &["aws_auth_type", "aws_region"],
        &["aws_access_key_id", "aws_secret_access_key", "aws_role_arn", "aws_external_id"],
        &["aws_access_key_id", "aws_secret_access_key"],
    ),
    (
        "vertex-ai",
        &["vertex_auth_type", "vertex_region"],
        &["vertex_project_id", "vertex_service_account_json"],
        &["vertex_service_account_json"],
    ),
    (
        "azure-ai",
        &["azure_foundry_url", "azure_auth_mode"],
        &[
            "azure_api_version",
            "azure_deployment_name",
            "azure_entra_tenant_id",
            "azure_entra_client_id",
            "azure_entra_client_secret",
            "azure_managed_client_id",
        ],
        &["azure_entra_client_secret"],
    ),
    ("workers-ai", &["workers_ai_account_id"], &[], &[]),
    (
        "sagemaker",
        &["aws_auth_type", "aws_region"],
        &[
            "aws_access_key_id",
            "aws_secret_access_key",
            "amzn_sagemaker_custom_attributes",
            "amzn_sagemaker_target_model",
            "amzn_sagemaker_target_variant",
            "amzn_sagemaker_target_container_hostname",
            "amzn_sagemaker_inference_id",
            "amzn_sagemaker_enable_explanations",
            "amzn_sagemaker_inference_component",
            "amzn_sagemaker_session_id",
            "amzn_sagemaker_model_name",
        ],
        &["aws_access_key_id", "aws_secret_access_key"],
    ),
    ("huggingface", &[], &["huggingface_base_url"], &[]),
    ("cortex", &["snowflake_account"], &[], &[]),
    ("custom-host", &[], &["custom_host", "custom_headers"], &["custom_headers"]),
];

const UMBRACO: [Documented; 5] = [
    ("openai", &["apiKey"], &["organizationId", "endpoint"], &["apiKey"]),
    ("anthropic", &["apiKey"], &["endpoint"], &["apiKey"]),
    ("google", &["apiKey"], &[], &["apiKey"]),
    (
        "amazon",
        &["region", "accessKeyId", "secretAccessKey"],
        &["endpoint"],
        &["accessKeyId", "secretAccessKey"],
    ),
    (
        "microsoft-foundry",
        &["endpoint"],
        &["projectName", "tenantId", "clientId", "clientSecret", "apiKey", "useResponsesApi"],
        &["clientSecret", "apiKey"],
    ),
];

fn agrees(facade: Facade, documented: &Documented) {
    let (name, required, further, secret) = documented;
    let provider = at(facade, name);
    assert_eq!(provider.name_at(facade), *name);
    let of = |list: &'static [&'static str]| list.iter().copied().collect::<BTreeSet<_>>();
    // Keys are required because the field that selects the authentication method, which Umbraco
    // does not have, has its default. `check` tests that.
    let chosen = |field: &Field| facade == Facade::Umbraco && field.name.contains("access_key");
    let there = names(provider, facade, |field| always_required(field, facade) || chosen(field));
    assert_eq!(there, of(required), "{name}: required");
    let all = names(provider, facade, |_| true);
    for field in further.iter().chain(*required) {
        assert!(all.contains(field), "{name}: {field} is missing");
    }
    let secrets = names(provider, facade, |field| field.secret);
    for field in of(further).union(&of(required)) {
        assert_eq!(secrets.contains(field), secret.contains(field), "{name}: {field}");
    }
}

#[test]
fn the_ten_configuration_schemas_of_portkey_are_as_documented() {
    for documented in &PORTKEY {
        agrees(Facade::Portkey, documented);
        let main = at(Facade::Portkey, documented.0).main_secret().expect("a main key");
        assert_eq!(main.name_at(Facade::Portkey), "key", "{}", documented.0);
    }
}

#[test]
fn the_five_providers_of_umbraco_are_as_documented() {
    for documented in &UMBRACO {
        agrees(Facade::Umbraco, documented);
    }
    let capabilities = |name| {
        let provider = at(Facade::Umbraco, name).capabilities_at(Facade::Umbraco);
        provider.iter().map(|one| one.name_at(Facade::Umbraco)).collect::<Vec<_>>()
    };
    assert_eq!(capabilities("openai"), ["Chat", "Embedding", "SpeechToText"]);
    assert_eq!(capabilities("google"), ["Chat"]);
    assert_eq!(capabilities("amazon"), ["Chat", "Embedding"]);
    assert_eq!(Capability::find("speechtotext"), Some(Capability::SpeechToText));
}

#[test]
fn one_service_is_one_provider_under_all_its_names() {
    let same = [("amazon", "bedrock"), ("Microsoft-Foundry", "AZURE-AI"), ("gemini", "google")];
    for (one, other) in same {
        let catalogue = Catalogue::built_in();
        assert_eq!(catalogue.find(one), catalogue.find(other));
        assert!(catalogue.find(one).is_some(), "{one}");
    }
    let bedrock = at(Facade::Portkey, "bedrock");
    for spelling in ["aws_access_key_id", "accessKeyId", "ACCESS_KEY_ID"] {
        let field = bedrock.field(spelling).expect("known under every spelling");
        assert_eq!(field.name_at(Facade::Umbraco), "accessKeyId");
    }
    assert!(bedrock.field("access-key").is_none());
}

#[test]
fn a_field_selects_the_authentication_method() {
    use ledger_providers::Given;
    let bedrock = at(Facade::Portkey, "bedrock");
    let chosen = |word: Option<&'static str>| {
        bedrock.auth_method(&|field: &Field| {
            word.filter(|_| field.is_called("aws_auth_type")).map(Given::Text)
        })
    };
    assert_eq!(chosen(Some("assumedRole")), Some(AuthMethod::AwsAssumedRole));
    assert_eq!(chosen(None), Some(AuthMethod::AwsAccessKey));
    assert_eq!(chosen(Some("another")), None);
    let chooser = bedrock.field("aws_auth_type").expect("there");
    assert_eq!(chooser.value_for(AuthMethod::AwsAssumedRole), Some("assumedRole"));
    assert_eq!(at(Facade::Blaxel, "slack").auth_method(&|_| None), Some(AuthMethod::SlackBot));
}

#[test]
fn a_custom_host_can_be_given_with_any_provider_known_or_not() {
    let catalogue = Catalogue::built_in();
    let unknown = catalogue.of("nobody-heard-of-it");
    for provider in catalogue.iter().chain([unknown]) {
        assert!(provider.is_secret("custom_headers"), "{}", provider.id);
        assert!(!provider.is_secret("custom_host"), "{}", provider.id);
    }
    assert!(unknown.is_secret("someApiKey") && !unknown.is_secret("region"));
}

#[test]
fn only_the_expected_settings_look_like_secrets() {
    let meant = ["publishable_key"];
    for provider in Catalogue::built_in().iter() {
        for field in provider.fields.iter().filter(|field| !field.secret) {
            let telling = field.spellings().any(looks_secret);
            assert!(!telling || meant.contains(&&*field.name), "{} {}", provider.id, field.name);
        }
    }
}

#[test]
fn every_model_has_capabilities_of_its_provider() {
    for provider in Catalogue::built_in().iter() {
        for model in &provider.models.known {
            let able = |one: &Capability| provider.capabilities.contains(one);
            assert!(model.capabilities.iter().all(able), "{} {}", provider.id, model.id);
        }
    }
}
