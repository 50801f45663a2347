//! The table of services, with the fields that their documentation requires.

use super::service::{Service, service};

/// All services.
pub(crate) const SERVICES: &[Service] = &[
    service! {
        "openai-batch", "OpenAI, batch jobs";
        "openai", "api", "live", "api_key";
        "data", ["llm"];
        [("openai_organization", "org-batch"), ("openai_project", "proj-nightly")];
        [("key", "sk-proj-")];
    },
    service! {
        "openai-test", "OpenAI, test account";
        "openai", "api", "test", "api_key";
        "platform", ["llm"];
        [];
        [("key", "sk-proj-")];
    },
    service! {
        "anthropic-prod", "Anthropic";
        "anthropic", "api", "live", "api_key";
        "search", ["llm"];
        [("endpoint", "https://api.anthropic.com")];
        [("key", "sk-ant-api03-")];
    },
    service! {
        "google-gemini", "Gemini API";
        "google", "api", "live", "api_key";
        "search", ["llm"];
        [];
        [("key", "AIza")];
    },
    service! {
        "vertex-eu", "Vertex AI, Europe";
        "vertex-ai", "api", "live", "gcp_service_account";
        "data", ["llm"];
        [("vertex_region", "europe-west4"), ("vertex_project_id", "acme-ml")];
        [("vertex_service_account_json", "{\"type\":\"service_account\",\"private_key\":\"")];
    },
    service! {
        "bedrock-us", "Amazon Bedrock";
        "bedrock", "api", "live", "aws_access_key";
        "platform", ["llm"];
        [("aws_region", "us-east-1"), ("aws_auth_type", "accessKey")];
        [("aws_access_key_id", "AKIA"), ("aws_secret_access_key", "")];
    },
    service! {
        "mistral-prod", "Mistral";
        "mistral-ai", "api", "live", "api_key";
        "search", ["llm"];
        [];
        [("key", "")];
    },
    service! {
        "cohere-rerank", "Cohere, rerank";
        "cohere", "api", "live", "bearer";
        "search", ["llm", "rerank"];
        [];
        [("key", "co-")];
    },
    service! {
        "groq-fast", "Groq";
        "groq", "api", "live", "api_key";
        "agents", ["llm"];
        [];
        [("key", "gsk_")];
    },
    service! {
        "together-oss", "Together";
        "together-ai", "api", "live", "api_key";
        "agents", ["llm"];
        [];
        [("key", "tgp_v1_")];
    },
    service! {
        "fireworks", "Fireworks";
        "fireworks-ai", "api", "test", "api_key";
        "agents", ["llm"];
        [];
        [("key", "fw_")];
    },
    service! {
        "deepseek", "DeepSeek";
        "deepseek", "api", "test", "api_key";
        "data", ["llm"];
        [];
        [("key", "sk-")];
    },
    service! {
        "perplexity", "Perplexity";
        "perplexity-ai", "api", "live", "api_key";
        "search", ["llm", "search"];
        [];
        [("key", "pplx-")];
    },
    service! {
        "huggingface-hub", "Hugging Face";
        "huggingface", "api", "live", "bearer";
        "data", ["llm", "models"];
        [("huggingface_base_url", "https://api-inference.huggingface.co")];
        [("key", "hf_")];
    },
    service! {
        "vllm-onprem", "vLLM on our own machines";
        "openai", "api", "live", "custom_header";
        "platform", ["llm", "self-hosted"];
        [("custom_host", "https://vllm.internal:8000/v1"), ("header_name", "X-Api-Key")];
        [("token", "vllm-")];
    },
    service! {
        "elevenlabs-verbosity", "ElevenLabs voices";
        "elevenlabs", "api", "live", "api_key";
        "verbosity", ["speech"];
        [];
        [("key", "sk_")];
    },
    service! {
        "deepgram", "Deepgram";
        "deepgram", "api", "live", "api_key";
        "verbosity", ["speech"];
        [];
        [("key", "")];
    },
    service! {
        "pinecone", "Pinecone index";
        "pinecone", "databasenosql", "live", "api_key";
        "search", ["vectors"];
        [("environment", "gcp-starter"), ("index", "docs")];
        [("key", "pcsk_")];
    },
    service! {
        "qdrant-cloud", "Qdrant";
        "qdrant", "databasenosql", "live", "api_key";
        "search", ["vectors"];
        [("url", "https://acme.eu-central.aws.cloud.qdrant.io:6333")];
        [("key", "qd-")];
    },
    service! {
        "stripe-live", "Stripe";
        "stripe", "api", "live", "api_key";
        "payments", ["payments"];
        [("api_version", "2025-06-30")];
        [("key", "sk_live_"), ("webhook_secret", "whsec_")];
    },
    service! {
        "stripe-test", "Stripe, test mode";
        "stripe", "api", "test", "api_key";
        "payments", ["payments"];
        [("api_version", "2025-06-30")];
        [("key", "sk_test_")];
    },
    service! {
        "paypal", "PayPal";
        "paypal", "api", "live", "oauth2_client_credentials";
        "payments", ["payments"];
        [
            ("client_id", "AZDxjDScFpQtjWTOUtWKbyN_bDt4OgqaF4eYXlewfBP4"),
            ("token_url", "https://api-m.paypal.com/v1/oauth2/token"),
        ];
        [("client_secret", "EP")];
    },
    service! {
        "adyen", "Adyen";
        "adyen", "api", "live", "custom_header";
        "payments", ["payments"];
        [("merchant", "AcmeECOM"), ("header_name", "X-API-Key")];
        [("token", "AQE")];
    },
    service! {
        "slack-bot", "Slack bot";
        "slack", "api", "live", "slack_bot";
        "support", ["chat"];
        [("team_id", "T0123ABCD"), ("scopes", "[\"chat:write\",\"channels:read\"]")];
        [("bot_token", "xoxb-"), ("signing_secret", "")];
    },
    service! {
        "teams-bot", "Microsoft Teams bot";
        "microsoft-teams", "api", "live", "azure_entra";
        "support", ["chat"];
        [
            ("tenant_id", "5f5a7d8e-1c52-4b3f-9d2a-6f3f1f0b7a11"),
            ("client_id", "a1b2c3d4-0000-4000-8000-000000000001"),
        ];
        [("client_secret", "Ab8Q~")];
    },
    service! {
        "whatsapp-business", "WhatsApp Business";
        "whatsapp", "api", "live", "whatsapp";
        "support", ["chat"];
        [("phone_number_id", "106540352242922")];
        [("token", "EAAJ")];
    },
    service! {
        "twilio-sms", "Twilio SMS";
        "twilio", "api", "live", "basic";
        "support", ["sms"];
        [("username", "AC5ef8732a3c49700934481addd5ce1659")];
        [("password", "")];
    },
    service! {
        "sendgrid", "SendGrid";
        "sendgrid", "api", "live", "bearer";
        "marketing", ["email"];
        [];
        [("token", "SG.")];
    },
    service! {
        "mailgun-eu", "Mailgun, EU";
        "mailgun", "api", "live", "basic";
        "marketing", ["email"];
        [("username", "api"), ("region", "eu"), ("domain", "mg.acme.example")];
        [("password", "key-")];
    },
    service! {
        "hubspot", "HubSpot";
        "hubspot", "api", "live", "bearer";
        "sales", ["crm"];
        [("portal_id", "62515")];
        [("token", "pat-eu1-")];
    },
    service! {
        "salesforce", "Salesforce";
        "salesforce", "api", "live", "oauth2_jwt";
        "sales", ["crm"];
        [
            ("issuer", "3MVG9lKcPoNINVB"),
            ("audience", "https://login.salesforce.com"),
            ("subject", "integration@acme.example"),
            ("token_url", "https://login.salesforce.com/services/oauth2/token"),
            ("algorithm", "RS256"),
        ];
        [("secret_key", "-----BEGIN PRIVATE KEY-----")];
    },
    service! {
        "zendesk", "Zendesk";
        "zendesk", "api", "live", "basic";
        "support", ["crm"];
        [("username", "bot@acme.example/token"), ("subdomain", "acme")];
        [("password", "")];
    },
    service! {
        "jira-cloud", "Jira";
        "jira", "api", "live", "basic";
        "engineering", ["work"];
        [("username", "bot@acme.example"), ("site", "acme.atlassian.net")];
        [("password", "ATATT3x")];
    },
    service! {
        "linear", "Linear";
        "linear", "api", "live", "api_key";
        "engineering", ["work"];
        [];
        [("key", "lin_api_")];
    },
    service! {
        "notion", "Notion";
        "notion", "api", "live", "bearer";
        "content", ["work"];
        [("notion_version", "2022-06-28")];
        [("token", "ntn_")];
    },
    service! {
        "google-drive", "Google Drive";
        "google-drive", "filesystem", "live", "refresh_token";
        "content", ["files"];
        [
            ("client_id", "407408718192.apps.googleusercontent.com"),
            ("token_url", "https://oauth2.googleapis.com/token"),
            ("scopes", "[\"drive.readonly\"]"),
        ];
        [("refresh_token", "1//0"), ("client_secret", "GOCSPX-")];
    },
    service! {
        "s3-artifacts", "S3 artifacts";
        "aws-s3", "filesystem", "live", "aws_assumed_role";
        "engineering", ["files"];
        [
            ("aws_region", "eu-west-1"),
            ("aws_role_arn", "arn:aws:iam::123456789012:role/artifacts"),
            ("bucket", "acme-artifacts"),
        ];
        [("aws_external_id", "")];
    },
    service! {
        "postgres-warehouse", "Warehouse";
        "postgresql", "databasesql", "live", "basic";
        "data", ["database"];
        [
            ("host", "warehouse.internal"),
            ("port", "5432"),
            ("database", "dwh"),
            ("username", "gateway"),
        ];
        [("password", "")];
    },
    service! {
        "postgres-orders", "Orders database";
        "postgresql", "databasesql", "live", "basic";
        "payments", ["database"];
        [
            ("host", "orders.internal"),
            ("port", "5432"),
            ("database", "orders"),
            ("username", "reader"),
        ];
        [("password", "")];
    },
    service! {
        "mysql-shop", "Shop database";
        "mysql", "databasesql", "live", "mtls";
        "payments", ["database"];
        [("host", "shop.internal"), ("port", "3306"), ("database", "shop")];
        [
            ("client_certificate", "-----BEGIN CERTIFICATE-----"),
            ("client_key", "-----BEGIN PRIVATE KEY-----"),
        ];
    },
    service! {
        "snowflake-warehouse", "Snowflake warehouse";
        "snowflake", "databasesql", "live", "private_key_jwt";
        "data", ["database"];
        [("snowflake_account", "acme-eu"), ("warehouse", "ANALYTICS")];
        [("secret_key", "-----BEGIN PRIVATE KEY-----")];
    },
    service! {
        "bigquery", "BigQuery";
        "bigquery", "databasesql", "live", "gcp_service_account";
        "data", ["database"];
        [("project", "acme-dwh"), ("location", "EU")];
        [("service_account_json", "{\"private_key\":\"")];
    },
    service! {
        "mongodb-atlas", "MongoDB Atlas";
        "mongodb", "databasenosql", "live", "url_secret";
        "engineering", ["database"];
        [("database", "events")];
        [("url", "mongodb+srv://gateway:")];
    },
    service! {
        "redis-cache", "Redis cache";
        "redis", "databasenosql", "test", "basic";
        "engineering", ["database"];
        [("host", "cache.internal"), ("port", "6379"), ("username", "gateway")];
        [("password", "")];
    },
    service! {
        "kafka-events", "Kafka";
        "kafka", "stream", "live", "basic";
        "engineering", ["stream"];
        [
            ("bootstrap_servers", "[\"k1.internal:9093\",\"k2.internal:9093\"]"),
            ("sasl_mechanism", "SCRAM-SHA-512"),
            ("username", "gateway"),
        ];
        [("password", "")];
    },
    service! {
        "datadog", "Datadog";
        "datadog", "api", "live", "custom_header";
        "engineering", ["metrics"];
        [("site", "datadoghq.eu"), ("header_name", "DD-API-KEY")];
        [("token", ""), ("application_key", "")];
    },
    service! {
        "open-meteo", "Open-Meteo, needs no key";
        "open-meteo", "api", "live", "none";
        "agents", ["weather"];
        [("base_url", "https://api.open-meteo.com/v1")];
        [];
    },
];
