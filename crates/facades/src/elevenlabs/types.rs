//! The table of kinds of auth connections: their fields and permitted operations.

use ledger_domain::connection::AuthMethod;

use Form::{Map, Switch, Text, Texts, Whole, Word};

/// A kind of auth connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct AuthType {
    /// The value of `auth_type`.
    pub(super) word: &'static str,
    /// The ledger's name.
    pub(super) method: AuthMethod,
    /// The fields beside those of all kinds.
    pub(super) fields: &'static [Field],
    /// Whether callers can create it.
    pub(super) creatable: bool,
    /// Whether callers can change it.
    pub(super) updatable: bool,
    /// The provider's name, if clients accept only one.
    pub(super) provider: Option<&'static str>,
}

/// A field of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) is: Is,
}

/// The type of a field's values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Text.
    Text,
    /// A list of texts; empty by default.
    Texts,
    /// Texts by name; empty by default.
    Map,
    /// On or off; off by default.
    Switch,
    /// A whole number with bounds and a default.
    Whole { least: u64, most: u64, default: u64 },
    /// One of several words; the first by default.
    Word(&'static [&'static str]),
}

/// The role of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// Required.
    Required,
    /// Required on creation, and cannot be changed.
    Fixed,
    /// Optional.
    Optional,
    /// Required, and never shown.
    Secret,
    /// Optional, and never shown.
    OptionalSecret,
}

impl Field {
    pub(super) const fn is_secret(&self) -> bool {
        matches!(self.is, Is::Secret | Is::OptionalSecret)
    }

    pub(super) const fn is_required(&self) -> bool {
        matches!(self.is, Is::Required | Is::Fixed | Is::Secret)
    }
}

const fn field(name: &'static str, form: Form, is: Is) -> Field {
    Field { name, form, is }
}

const fn required(name: &'static str) -> Field {
    field(name, Text, Is::Required)
}

const fn optional(name: &'static str, form: Form) -> Field {
    field(name, form, Is::Optional)
}

const fn secret(name: &'static str) -> Field {
    field(name, Text, Is::Secret)
}

const TOKEN_URL: Field = field("token_url", Text, Is::Fixed);

const ALGORITHM: Field = optional(
    "algorithm",
    Word(&["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
);

const LIFETIME: Field =
    optional("expiration_seconds", Whole { least: 60, most: 86_400, default: 3_600 });

const SEPARATOR: Field = optional("scope_separator", Word(&[" ", ","]));

/// Returns a kind that callers can create.
const fn kind(word: &'static str, method: AuthMethod, fields: &'static [Field]) -> AuthType {
    AuthType { word, method, fields, creatable: true, updatable: false, provider: None }
}

const fn updatable(kind: AuthType) -> AuthType {
    AuthType { updatable: true, ..kind }
}

/// Returns a kind that only the product itself creates.
const fn shown(word: &'static str, method: AuthMethod, fields: &'static [Field]) -> AuthType {
    AuthType { creatable: false, ..kind(word, method, fields) }
}

/// The kind as which every connection can be shown.
pub(super) static BEARER: AuthType =
    updatable(kind("bearer_auth", AuthMethod::Bearer, &[secret("token")]));

/// Every kind but [`BEARER`].
static OTHERS: [AuthType; 12] = [
    updatable(kind(
        "oauth2_client_credentials",
        AuthMethod::OAuth2ClientCredentials,
        &[
            required("client_id"),
            TOKEN_URL,
            secret("client_secret"),
            optional("scopes", Texts),
            optional("extra_params", Map),
            optional("basic_auth_in_header", Switch),
            optional("custom_headers", Map),
        ],
    )),
    updatable(kind("basic_auth", AuthMethod::Basic, &[required("username"), secret("password")])),
    updatable(kind(
        "oauth2_jwt",
        AuthMethod::OAuth2Jwt,
        &[
            required("issuer"),
            required("audience"),
            required("subject"),
            TOKEN_URL,
            secret("secret_key"),
            ALGORITHM,
            optional("key_id", Text),
            LIFETIME,
            optional("extra_params", Map),
            optional("extra_headers", Map),
            optional("scopes", Texts),
            optional("token_response_field", Word(&["access_token", "id_token"])),
            optional("jwt_usage", Word(&["authorization_grant", "client_authentication"])),
        ],
    )),
    kind(
        "private_key_jwt",
        AuthMethod::PrivateKeyJwt,
        &[
            required("issuer"),
            required("audience"),
            required("subject"),
            secret("secret_key"),
            ALGORITHM,
            optional("key_id", Text),
            LIFETIME,
            optional("extra_params", Map),
            optional("extra_headers", Map),
        ],
    ),
    kind(
        "mtls",
        AuthMethod::Mtls,
        &[
            secret("client_certificate"),
            secret("client_key"),
            field("ca_certificate", Text, Is::OptionalSecret),
            field("key_passphrase", Text, Is::OptionalSecret),
        ],
    ),
    kind(
        "custom_header_auth",
        AuthMethod::CustomHeader,
        &[required("header_name"), secret("token")],
    ),
    shown(
        "refresh_token_auth",
        AuthMethod::RefreshToken,
        &[
            required("client_id"),
            TOKEN_URL,
            optional("scopes", Texts),
            optional("extra_params", Map),
        ],
    ),
    shown(
        "api_integration_oauth2_auth_code",
        AuthMethod::IntegrationOAuth2AuthCode,
        &[
            TOKEN_URL,
            required("expires_at"),
            required("integration_id"),
            required("credential_id"),
            optional("scopes", Texts),
            SEPARATOR,
        ],
    ),
    shown(
        "api_integration_oauth2_custom_app",
        AuthMethod::IntegrationOAuth2CustomApp,
        &[
            required("client_id"),
            TOKEN_URL,
            required("expires_at"),
            required("integration_id"),
            required("credential_id"),
            optional("scopes", Texts),
            SEPARATOR,
        ],
    ),
    AuthType {
        provider: Some("whatsapp"),
        ..shown("whatsapp_auth", AuthMethod::WhatsApp, &[required("phone_number_id")])
    },
    AuthType { provider: Some("Slack"), ..shown("slack_bot_auth", AuthMethod::SlackBot, &[]) },
    shown("url_secret", AuthMethod::UrlSecret, &[]),
];

/// Returns every kind.
pub(super) fn all() -> impl Iterator<Item = &'static AuthType> {
    OTHERS.iter().chain([&BEARER])
}

/// Finds a kind by the value of `auth_type`.
pub(super) fn by_word(word: &str) -> Option<&'static AuthType> {
    all().find(|kind| kind.word == word)
}

/// Finds the kind of an authentication method. Methods that the product does not know are shown as
/// bearer tokens.
pub(super) fn by_method(method: AuthMethod) -> &'static AuthType {
    all().find(|kind| kind.method == method).unwrap_or(&BEARER)
}
