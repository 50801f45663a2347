//! The kinds of auth connections, as data: which fields each has, and what may be done with it.

use ledger_domain::connection::AuthMethod;

use Form::{Map, Switch, Text, Texts, Whole, Word};

/// A kind of auth connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct AuthType {
    /// The word in `auth_type`.
    pub(super) word: &'static str,
    /// The ledger's word.
    pub(super) method: AuthMethod,
    /// The fields besides those that all kinds have.
    pub(super) fields: &'static [Field],
    /// Whether callers can make one.
    pub(super) creatable: bool,
    /// Whether callers can change one.
    pub(super) updatable: bool,
    /// What clients take as its provider, when that is one name only.
    pub(super) provider: Option<&'static str>,
}

/// A field of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) is: Is,
}

/// What values a field has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// Text.
    Text,
    /// A list of texts; empty when nothing is said.
    Texts,
    /// Texts by name; empty when nothing is said.
    Map,
    /// On or off; off when nothing is said.
    Switch,
    /// A whole number within bounds, and what it is when nothing is said.
    Whole { least: u64, most: u64, default: u64 },
    /// One of some words; the first when nothing is said.
    Word(&'static [&'static str]),
}

/// What a field is to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Is {
    /// It must be given.
    Required,
    /// It must be given when one is made, and cannot be changed.
    Fixed,
    /// It may be left out.
    Optional,
    /// It must be given, and is never shown.
    Secret,
    /// It may be left out, and is never shown.
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

/// A kind that callers can make.
const fn kind(word: &'static str, method: AuthMethod, fields: &'static [Field]) -> AuthType {
    AuthType { word, method, fields, creatable: true, updatable: false, provider: None }
}

const fn updatable(kind: AuthType) -> AuthType {
    AuthType { updatable: true, ..kind }
}

/// A kind that only the product itself makes.
const fn shown(word: &'static str, method: AuthMethod, fields: &'static [Field]) -> AuthType {
    AuthType { creatable: false, ..kind(word, method, fields) }
}

/// What every connection can be shown as.
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

/// Finds a kind by the word in `auth_type`.
pub(super) fn by_word(word: &str) -> Option<&'static AuthType> {
    all().find(|kind| kind.word == word)
}

/// Finds the kind of a way to prove oneself. What the product has no word for is a bearer token.
pub(super) fn by_method(method: AuthMethod) -> &'static AuthType {
    all().find(|kind| kind.method == method).unwrap_or(&BEARER)
}
