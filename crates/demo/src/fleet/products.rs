//! One connection shaped like each of the five products' documented examples.

use serde_json::{Value, json};

use crate::secrets::Secrets;

pub(crate) fn examples(secrets: &mut Secrets) -> Vec<Value> {
    vec![umbraco_ai(secrets), blaxel(secrets), pica(secrets), portkey(secrets), elevenlabs(secrets)]
}

/// `alias`, `name`, `providerId`, `settings` with a masked `apiKey`.
fn umbraco_ai(secrets: &mut Secrets) -> Value {
    json!({
        "slug": "openai-prod",
        "display_name": "OpenAI Production",
        "provider": "openai",
        "config": { "organization": null },
        "secrets": { "apiKey": secrets.make("sk-proj-") },
        "labels": { "team": "content" },
        "tags": ["llm", "umbraco-ai"],
    })
}

/// `metadata` with name and labels, `spec` with integration, config, secret and sandbox.
fn blaxel(secrets: &mut Secrets) -> Value {
    json!({
        "slug": "github-agents",
        "display_name": "GitHub for agents",
        "provider": "github",
        "environment": "test",
        "auth_method": "bearer",
        "config": { "organization": "acme", "repository": "agents" },
        "secrets": { "token": secrets.make("ghp_") },
        "labels": { "team": "agents", "environment": "sandbox" },
        "tags": ["saas", "blaxel"],
        "annotations": { "blaxel.external_id": "acme-github-1" },
    })
}

/// `platform`, `platformVersion`, `type`, `identity`, `key` and a semver `version`.
fn pica(secrets: &mut Secrets) -> Value {
    let identity = "46f75762f34e4962bf5684760f0f9f0e";
    json!({
        "slug": "resend-test",
        "description": "Email API for developers",
        "provider": "resend",
        "provider_version": "1.0.0",
        "kind": "api",
        "environment": "test",
        "secrets": { "RESEND_API_KEY": secrets.make("re_") },
        "identity": { "type": "user", "value": identity },
        "tags": ["email", "pica"],
        "annotations": {
            "pica.version": "1.0.0",
            "pica.key": format!("test::resend::default::{identity}"),
        },
    })
}

/// `ai_provider_id`, `key`, `configurations`, access, limits, models and prices.
fn portkey(secrets: &mut Secrets) -> Value {
    json!({
        "slug": "azure-openai-eu",
        "display_name": "Azure OpenAI, EU",
        "provider": "azure-openai",
        "auth_method": "azure_entra",
        "config": {
            "azure_resource_name": "acme-openai-eu",
            "azure_auth_mode": "entra",
            "azure_deployment_config": [{
                "azure_api_version": "2024-10-21",
                "azure_deployment_name": "gpt-4o",
                "azure_model_slug": "gpt-4o",
                "is_default": true,
            }],
            "azure_entra_tenant_id": "5f5a7d8e-1c52-4b3f-9d2a-6f3f1f0b7a11",
            "azure_entra_client_id": "0b6b7c0e-40a7-4a0a-9c55-2f4a8a1d9e22",
        },
        "secrets": {
            "key": secrets.make("az"),
            "azure_entra_client_secret": secrets.make("Ab8Q~"),
        },
        "tags": ["llm", "portkey"],
        "labels": { "team": "platform" },
        "access": {
            "everyone": {
                "usage": {
                    "type": "cost",
                    "credit_limit": 500,
                    "alert_threshold": 400,
                    "reset": "monthly",
                },
                "rate": { "type": "requests", "unit": "rpm", "value": 600 },
            }
        },
        "models": { "allow_all": false, "models": { "gpt-4o": { "enabled": true } } },
        "pricing": { "multipliers": { "default": 1.1, "reasoning_token": null } },
    })
}

/// `auth_type` with its own fields; the secret is never shown.
fn elevenlabs(secrets: &mut Secrets) -> Value {
    json!({
        "slug": "github-client-credentials",
        "display_name": "GitHub API Client Credentials",
        "provider": "GitHub",
        "auth_method": "oauth2_client_credentials",
        "config": {
            "client_id": "gho_1234567890abcdef",
            "token_url": "https://github.com/login/oauth/access_token",
            "basic_auth_in_header": true,
            "custom_headers": { "X-Custom-Header": "CustomValue" },
            "extra_params": { "audience": "api.github.com" },
            "scopes": ["repo", "user"],
        },
        "secrets": { "client_secret": secrets.make("ghs_") },
        "labels": { "team": "verbosity" },
        "tags": ["saas", "elevenlabs"],
    })
}
