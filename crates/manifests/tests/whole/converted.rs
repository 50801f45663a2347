//! Files of other products.

use ledger_domain::WorkspaceName;
use ledger_manifests::convert::{Converted, Kind, Options as ConvertOptions, convert};
use ledger_manifests::{ExportedSecrets, Exporter, SecretSource};
use ledger_providers::Catalogue;
use serde_json::json;

use crate::planned::read;

fn converted(kind: Kind, name: &str, text: &str) -> Converted {
    let variables = |name: &str| (name == "AZURE_BASE").then(|| "https://az.example".to_owned());
    let options = ConvertOptions {
        catalogue: Catalogue::built_in(),
        slug: None,
        provider: None,
        vault_path: None,
        refers_to_env: false,
        variables: &variables,
    };
    let workspace = WorkspaceName::parse("workspace", "default").unwrap();
    convert(kind, &[(name.to_owned(), text.to_owned())], &workspace, options).unwrap()
}

/// Returns what tells a connection: slug, provider, settings and names of secrets.
fn told(converted: &Converted) -> Vec<String> {
    let items = converted.manifest.connections.iter();
    items
        .map(|item| {
            let secrets: Vec<&str> = item.secrets.keys().map(String::as_str).collect();
            let config = item.fields.get("config").cloned().unwrap_or_default();
            format!("{} {} {config} {}", item.slug, item.fields["provider"], secrets.join(","))
        })
        .collect()
}

#[test]
fn variables_become_connections_by_what_their_names_begin_with() {
    let text = "APP=shop\nOPENAI_API_KEY='sk-not-real-0001-abcd'\nOPENAI_BASE_URL=https://o.example\n\
                DATABASE_URL=postgres://a:b@db/x\nREDIS_PASSWORD=hunter2\nREDIS_PORT=6380\n\
                MAIL_HOST=relay\n";
    let converted = converted(Kind::Env, ".env", text);
    assert_eq!(
        told(&converted),
        [
            r#"openai "openai" {"base_url":"https://o.example"} api_key"#,
            r#"database "postgresql" null connection_string"#,
            r#"redis "redis" {"port":6380} password"#,
        ]
    );
    assert!(converted.notes[0].ends_with("APP, MAIL_HOST"), "{:?}", converted.notes);
    let kinds: Vec<_> =
        converted.manifest.connections.iter().map(|item| item.fields.get("kind")).collect();
    assert_eq!(kinds, [None, Some(&json!("databasesql")), Some(&json!("databasenosql"))]);
}

#[test]
fn models_of_litellm_with_the_same_credentials_are_one_connection() {
    let text = "model_list:
- {model_name: a, litellm_params: {model: openai/gpt-5, api_key: os.environ/OPENAI_KEY}}
- {model_name: b, litellm_params: {model: gpt-5-mini, api_key: os.environ/OPENAI_KEY, rpm: 7}}
- {model_name: c, litellm_params: {model: openai/gpt-5, api_key: os.environ/OTHER_KEY}}
- {model_name: d, litellm_params: {model: azure/dep, api_base: os.environ/AZURE_BASE, litellm_credential_name: az}}
- {model_name: e, litellm_params: {model: groq/*, api_key: gsk-not-real-000000001}}
- {model_name: f, litellm_params: {model: mistral/x, api_base: os.environ/NOT_SET}}
credential_list:
- {credential_name: az, credential_values: {api_key: os.environ/AZURE_KEY}}
router_settings: {}
";
    let converted = converted(Kind::LiteLlm, "config.yaml", text);
    assert_eq!(
        told(&converted),
        [
            r#"openai "openai" null api_key"#,
            r#"openai-2 "openai" null api_key"#,
            r#"azure-openai "azure-openai" {"base_url":"https://az.example"} api_key"#,
            r#"groq "groq" null api_key"#,
        ]
    );
    let items = &converted.manifest.connections;
    assert!(
        matches!(&items[0].secrets["api_key"], SecretSource::Environment(n) if n == "OPENAI_KEY")
    );
    assert_eq!(
        items[0].fields["models"],
        json!({ "allow_all": false, "models": { "gpt-5": { "enabled": true }, "gpt-5-mini": { "enabled": true } } })
    );
    assert!(!items[3].fields.contains_key("models"), "a model with * stands for all");
    assert!(converted.refused[0].1.contains("NOT_SET"), "{:?}", converted.refused);
    assert!(converted.notes[0].contains("router_settings"));
}

#[test]
fn secrets_of_kubernetes_and_vault_are_told_from_settings() {
    let text = "kind: List
items:
- {kind: Secret, metadata: {name: openai-credentials, labels: {app: shop}}, data: {api-key: c2stbm90LXJlYWwtazhzLTAwMDEK, organization: b3JnLTE=}}
- {kind: Secret, metadata: {name: env}, stringData: {GROQ_API_KEY: gsk-not-real-1, MISTRAL_API_KEY: mi-not-real-1}}
- {kind: Secret, metadata: {name: tls}, data: {tls.crt: '!!'}}
- {kind: Secret, metadata: {name: sa}, type: kubernetes.io/service-account-token, data: {token: YQ==}}
---
kind: ConfigMap
";
    let found = converted(Kind::Kubernetes, "secrets.yaml", text);
    assert_eq!(
        told(&found),
        [
            r#"openai-credentials "openai" {"organization":"org-1"} api_key"#,
            r#"env-groq "groq" null api_key"#,
            r#"env-mistral "mistral" null api_key"#,
        ]
    );
    let key = found.manifest.connections[0].secrets["api_key"].value();
    assert_eq!(key.unwrap().given_text(), Some("sk-not-real-k8s-0001"), "without the line end");
    let refused: Vec<&str> = found.refused.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(refused, ["tls", "sa"]);
    let second =
        r#"{"data": {"data": {"api-key": "mi-1", "base_url": "https://m"}, "metadata": {}}}"#;
    let first = r#"{"data": {"api_key": "mi-1", "base_url": "https://m"}}"#;
    for text in [second, first] {
        let found = converted(Kind::Vault, "folder/mistral.json", text);
        assert_eq!(told(&found), [r#"mistral "mistral" {"base_url":"https://m"} api_key"#]);
    }
}

#[test]
fn masks_in_lists_of_products_are_named_and_never_stored() {
    let lists = [
        (
            Kind::Blaxel,
            r#"[{"metadata": {"name": "a", "externalId": "e"}, "spec": {"integration": "openai", "sandbox": true, "secret": {"apiKey": "********"}}}]"#,
        ),
        (
            Kind::Umbraco,
            r#"{"items": [{"alias": "a", "providerId": "openai", "settings": {"apiKey": "sk-***", "endpoint": "$OpenAI:Endpoint"}}], "total": 1}"#,
        ),
        (
            Kind::Portkey,
            r#"{"object": "list", "data": [{"slug": "a", "ai_provider_id": "openai", "masked_key": "sk*******yz", "configurations": {}}]}"#,
        ),
        (
            Kind::ElevenLabs,
            r#"{"auth_connections": [{"auth_type": "basic_auth", "name": "a", "provider": "GitHub", "username": "u"}]}"#,
        ),
        (
            Kind::Pica,
            r#"{"rows": [{"id": "673f79c6-0110", "platform": "resend", "name": "a", "active": false}]}"#,
        ),
    ];
    for (kind, text) in lists {
        let found = converted(kind, "list.json", text);
        assert_eq!(found.manifest.connections.len(), 1, "{kind:?}: {:?}", found.refused);
        let item = &found.manifest.connections[0];
        assert_eq!((item.slug.as_str(), item.secrets.len()), ("a", 0), "{kind:?}");
        assert_eq!(found.missing.len(), 1, "{kind:?}: {:?}", found.missing);
        let mut exporter = Exporter::new(ExportedSecrets::Environment);
        exporter.item(item);
        assert_eq!(read(&exporter.to_yaml().unwrap()).unwrap().connections[0].fields, item.fields);
    }
    let workspace = WorkspaceName::parse("workspace", "default").unwrap();
    let options = ConvertOptions {
        catalogue: Catalogue::built_in(),
        slug: None,
        provider: None,
        vault_path: None,
        refers_to_env: false,
        variables: &|_| None,
    };
    for (kind, _) in lists {
        for foreign in ["{\"x\": 1}", "[1]", "", "[{\"canary\": 1}]"] {
            let files = [("f".to_owned(), foreign.to_owned())];
            let refused = convert(kind, &files, &workspace, options);
            assert!(refused.is_err(), "{kind:?} takes {foreign}");
        }
    }
}
