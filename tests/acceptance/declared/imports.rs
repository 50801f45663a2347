//! Files of other products: planned, imported once, and found at every door.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CANARY, MANAGED, count, json, lines, run, write};
use crate::output::{said, text, told};
use crate::service::Service;

/// A kind, its file, what is created, and what is refused.
type Case = (&'static str, &'static str, String, &'static [&'static str], u64);

/// Files of the five products, which show masks or nothing of secrets.
fn products() -> Vec<Case> {
    vec![
        (
            "blaxel",
            "blaxel.json",
            r#"[{"metadata": {"name": "bl-openai", "displayName": "OpenAI", "labels": {"team": "a"},
                "externalId": "e-1", "createdAt": "2025-01-01T00:00:00Z", "workspace": "acme"},
                "spec": {"integration": "openai", "config": {"organization": "org-1"},
                "secret": {"apiKey": "********"}, "sandbox": false}}]"#
                .to_owned(),
            &["bl-openai"],
            0,
        ),
        (
            "pica",
            "pica.json",
            r#"{"rows": [{"id": "673f79c6-0110-408b-bcbe-f4da000e66c7", "platformVersion": "1.0.0",
                "name": null, "type": "api", "key": "test::resend::default::46f7",
                "environment": "live", "platform": "resend", "identity": "46f7",
                "identityType": "user", "description": "Email", "state": "operational",
                "tags": ["mail"], "version": "1.0.0", "active": true,
                "createdAt": "2025-07-19T16:19:29.702632Z"}], "total": 1, "pages": 1, "page": 1}"#
                .to_owned(),
            &["resend-673f79c6"],
            0,
        ),
        (
            "umbraco",
            "umbraco.json",
            r#"{"id": "3fa85f64-5717-4562-b3fc-2c963f66afa6", "alias": "um-openai", "name": "OpenAI",
                "providerId": "openai", "isActive": true, "dateCreated": "2024-01-15T10:30:00Z",
                "dateModified": "2024-01-15T10:30:00Z",
                "settings": {"apiKey": "sk-***", "organizationId": null}}"#
                .to_owned(),
            &["um-openai"],
            0,
        ),
        (
            "portkey",
            "portkey.json",
            r#"{"object": "list", "total": 1, "data": [{"id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
                "ai_provider_id": "bedrock", "name": "Bedrock", "status": "active",
                "slug": "pk-bedrock", "object": "integration", "configurations":
                {"aws_auth_type": "accessKey", "aws_region": "eu-central-1",
                "masked_aws_access_key_id": "AK*******12", "masked_aws_secret_access_key": "********"},
                "global_workspace_access_settings": {"enabled": true, "usage_limits":
                [{"credit_limit": 10, "type": "cost"}], "rate_limits": null}}]}"#
                .to_owned(),
            &["pk-bedrock"],
            0,
        ),
        (
            "elevenlabs",
            "elevenlabs.json",
            r#"{"auth_connections": [{"auth_type": "oauth2_client_credentials",
                "client_id": "gho_1234567890abcdef", "id": "ac-9876543210abcdef", "name": "EL GitHub",
                "provider": "GitHub", "token_url": "https://github.com/login/oauth/access_token",
                "basic_auth_in_header": true, "custom_headers": {"X-Custom": "Value"},
                "extra_params": {"audience": "api.github.com"}, "scopes": ["repo"],
                "used_by": {"tools": [], "mcp_servers": [], "integration_connections": []}}]}"#
                .to_owned(),
            &["el-github"],
            0,
        ),
    ]
}

/// Files that have secrets, or name variables.
fn files() -> Vec<Case> {
    vec![
        (
            "env",
            "app.env",
            format!("APP=shop\nEV_OPENAI_API_KEY='{CANARY}'\nDATABASE_URL=postgres://a:{CANARY}@db/x\n"),
            &["ev-openai", "database"],
            0,
        ),
        (
            "litellm",
            "config.yaml",
            format!(
                "model_list:\n\
                 - {{model_name: a, litellm_params: {{model: openai/gpt-5, api_key: os.environ/FLEET_KEY}}}}\n\
                 - {{model_name: b, litellm_params: {{model: groq/llama, api_key: {CANARY}}}}}\n\
                 - {{model_name: c, litellm_params: {{model: mistral/x, api_key: os.environ/NOT_SET}}}}\n"
            ),
            &["openai", "groq"],
            1,
        ),
        (
            "vault",
            "vt-cohere.json",
            format!(
                r#"{{"request_id": "1", "lease_id": "", "data": {{"data": {{"provider": "cohere",
                "api-key": "{CANARY}"}}, "metadata": {{"version": 3}}}}, "mount_type": "kv"}}"#
            ),
            &["vt-cohere"],
            0,
        ),
        (
            "kubernetes",
            "secrets.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: \
             k8s-mistral}\n  type: Opaque\n  data: {api-key: c2stbm90LXJlYWwtazhzLTAwMDE=}\n---\n\
             apiVersion: v1\nkind: Secret\nmetadata: {name: k8s-token}\ntype: \
             kubernetes.io/service-account-token\ndata: {token: YWJj}\n"
                .to_owned(),
            &["k8s-mistral"],
            1,
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_each_kind_are_planned_imported_once_and_found_at_every_door() {
    let service = Service::start(&MANAGED).await;
    let mut all = 0;
    for (kind, name, content, slugs, refused) in products().into_iter().chain(files()) {
        let path = write(&service, name, &content);
        let import = ["import", "--from", kind, text(&path)];
        let planned = run(&service, &import).await;
        let shown = lines(&planned);
        assert!(shown.contains(&format!("default/{}: create", slugs[0])), "{kind}: {shown}");
        assert_eq!(count(&service).await, all, "{kind}: only planned");
        let yes = [&import[..], &["--yes"]].concat();
        let (code, written) = json(&service, &yes).await;
        let done = written.last().expect("a summary");
        all += slugs.len() as u64;
        assert_eq!(done["created"], slugs.len() as u64, "{kind}: {written:?}");
        assert_eq!((&done["refused"], code), (&json!(refused), Some(i32::from(refused > 0))));
        assert_eq!(count(&service).await, all, "{kind}");
        let (_, written) = json(&service, &yes).await;
        let done = written.last().expect("a summary");
        assert_eq!((&done["created"], &done["unchanged"]), (&json!(0), &json!(slugs.len())));
        for slug in slugs {
            told(&run(&service, &["get", slug]).await);
        }
    }
    let exported =
        write(&service, "all.yaml", &told(&run(&service, &["export", "--manifest"]).await));
    super::expect_equal(&service, &exported).await;
    let revealed =
        super::command(&service, &["reveal", "ev-openai", "--reason", "test"]).output().await;
    assert!(told(&revealed.expect("it runs")).contains(CANARY));
    doors(&service, all).await;
    assert!(!service.log().contains("canary"));
}

/// Lists all connections at the door of each product.
async fn doors(service: &Service, all: u64) {
    let key = service.key();
    let bearer = format!("Bearer {key}");
    for (path, header, value, rows, name) in [
        ("/v0/integrations/connections", "authorization", &bearer, "", "/metadata/name"),
        ("/umbraco/ai/management/api/v1/connections", "authorization", &bearer, "/items", "/alias"),
        ("/v1/integrations", "x-portkey-api-key", &key, "/data", "/slug"),
        ("/v1/workspace/auth-connections", "xi-api-key", &key, "/auth_connections", "/name"),
        ("/v1/vault/connections?limit=100", "x-pica-secret", &key, "/rows", "/platform"),
    ] {
        let url = format!("{}{path}", service.http_url());
        let request = crate::http::door::client().request(Method::GET, url).header(header, value);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "{path}");
        let body: Value =
            serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let rows = body.pointer(rows).and_then(Value::as_array).expect(path);
        assert_eq!(rows.len() as u64, all, "{path}: {body}");
        assert!(rows.iter().all(|row| row.pointer(name).is_some_and(Value::is_string)), "{body}");
        assert!(!body.to_string().contains("canary"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_already_is_changed_only_if_asked_and_a_manifest_can_be_had_instead() {
    let service = Service::start(&MANAGED).await;
    let env = format!("OPENAI_API_KEY={CANARY}\nOPENAI_BASE_URL=https://one.example\n");
    let path = write(&service, "app.env", &env);
    let import = ["import", "--from", "env", text(&path), "--yes"];
    told(&run(&service, &import).await);
    write(&service, "app.env", &env.replace("one", "two"));
    let refused = run(&service, &import).await;
    assert_eq!(refused.status.code(), Some(1));
    let message = "is there already, and differs in config.base_url; --update";
    assert!(said(&refused).contains(message), "{}", said(&refused));
    let updated = told(&run(&service, &[&import[..], &["--update"]].concat()).await);
    assert!(updated.contains("updated 1"), "{updated}");

    let out = service.folder().join("fleet.yaml");
    let convert = ["import", "--from", "env", text(&path), "--out", text(&out)];
    told(&run(&service, &convert).await);
    let manifest = std::fs::read_to_string(&out).expect("it was written");
    assert!(manifest.contains("from_env: OPENAI_API_KEY"), "{manifest}");
    assert!(!manifest.contains("canary"), "no value is written");
    let mut diff = super::command(&service, &["diff", "-f", text(&out)]);
    told(&diff.env("OPENAI_API_KEY", CANARY).output().await.expect("it runs"));

    let foreign = write(&service, "foreign.json", "{\"canary\": 1}");
    let wrong = run(&service, &["import", "--from", "portkey", text(&foreign)]).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(said(&wrong).contains("is no answer of this product"), "{}", said(&wrong));
}
