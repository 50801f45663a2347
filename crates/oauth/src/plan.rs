//! How a connection gets its tokens, as its settings say it.

use std::collections::BTreeSet;

use ledger_domain::connection::{AuthMethod, Details};
use ledger_providers::Request;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::answer::Obtained;
use crate::assertion::{Algorithm, Assertion};
use crate::request::{self, To};
use crate::settings::{Secrets, Settings};

/// Why the settings of a connection do not say how to get a token. It never repeats a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Its method is none by which tokens are asked for.
    #[error("connections whose auth_method is {0} have no token that the ledger could get")]
    Method(&'static str),
    /// Its method is none by which a person permits the ledger to get tokens.
    #[error("connections whose auth_method is {0} are not connected by a person")]
    NoPerson(&'static str),
    /// A setting is missing.
    #[error("the setting {0} is missing")]
    Lacks(&'static str),
    /// A secret is missing.
    #[error("the secret {0} is missing")]
    LacksSecret(&'static str),
    /// A setting is not what it has to be.
    #[error("the setting {name} must be {wanted}")]
    Malformed {
        /// The setting.
        name: &'static str,
        /// What it has to be.
        wanted: &'static str,
    },
    /// The key cannot sign with the algorithm.
    #[error("the secret secret_key does not fit the algorithm {algorithm}: {problem}")]
    Key {
        /// The algorithm.
        algorithm: &'static str,
        /// What is wrong with the key.
        problem: &'static str,
    },
}

/// Returns whether the ledger asks for tokens of connections with a method.
pub const fn asks_for_tokens(method: AuthMethod) -> bool {
    matches!(
        method,
        AuthMethod::OAuth2ClientCredentials
            | AuthMethod::OAuth2Jwt
            | AuthMethod::PrivateKeyJwt
            | AuthMethod::RefreshToken
            | AuthMethod::IntegrationOAuth2AuthCode
            | AuthMethod::IntegrationOAuth2CustomApp
    )
}

/// When a token is asked for, and a name that no other request has.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Seconds since 1970.
    pub now: i64,
    /// The name.
    pub unique: &'a str,
}

/// What is to be done for a token.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Step {
    /// The request is to be sent, and its answer read.
    Send(Request),
    /// The token is signed here.
    Signed(Obtained),
}

/// How a connection gets its tokens.
#[derive(Clone, Debug)]
pub struct Plan {
    grant: Grant,
    /// Where tokens are asked for; absent if they are signed here.
    pub(crate) token_url: Option<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) params: Map<String, Value>,
    pub(crate) headers: Map<String, Value>,
    /// The member of an answer that has the token.
    field: &'static str,
    /// Members of maps that are secrets, as the names of their fields.
    members: BTreeSet<String>,
}

/// What is presented for a token.
#[derive(Clone, Debug)]
pub(crate) enum Grant {
    ClientCredentials(Client),
    /// What a person permitted; see `authorization.rs`.
    Permitted(Client),
    RefreshToken(Client),
    Bearer(Assertion),
    ClientAssertion(Assertion, Option<String>),
}

/// As whom a token is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    /// Whether it has a secret.
    pub(crate) has_secret: bool,
    /// Whether id and secret go into a header.
    pub(crate) in_header: bool,
}

impl Client {
    pub(crate) fn of(settings: Settings<'_>, has_secret: bool) -> Result<Self, Unusable> {
        let id = settings.needed("client_id")?;
        Ok(Self { id, has_secret, in_header: settings.switch("basic_auth_in_header")? })
    }
}

const FIELDS: [&str; 2] = ["access_token", "id_token"];
/// Maps whose members may be secrets.
const MAPS: [&str; 3] = ["custom_headers", "extra_headers", "extra_params"];

impl Plan {
    /// Reads the settings of a connection that has these secret fields.
    ///
    /// # Errors
    /// They do not say how to get a token.
    pub fn of<'s>(
        details: &Details,
        secrets: impl Iterator<Item = &'s str>,
    ) -> Result<Self, Unusable> {
        let settings = Settings(details);
        let names: BTreeSet<&str> = secrets.collect();
        let needs = |name: &'static str| {
            if names.contains(name) { Ok(()) } else { Err(Unusable::LacksSecret(name)) }
        };
        let has_secret = names.contains("client_secret");
        let grant = match details.auth_method {
            AuthMethod::OAuth2ClientCredentials => {
                needs("client_secret")?;
                Grant::ClientCredentials(Client::of(settings, true)?)
            }
            AuthMethod::RefreshToken
            | AuthMethod::IntegrationOAuth2AuthCode
            | AuthMethod::IntegrationOAuth2CustomApp => {
                needs("refresh_token")?;
                Grant::RefreshToken(Client::of(settings, has_secret)?)
            }
            AuthMethod::OAuth2Jwt => {
                needs("secret_key")?;
                let assertion = Assertion::of(settings)?;
                match settings.text("jwt_usage")?.as_deref() {
                    None | Some("authorization_grant") => Grant::Bearer(assertion),
                    Some("client_authentication") => {
                        Grant::ClientAssertion(assertion, settings.text("client_id")?)
                    }
                    Some(_) => {
                        let wanted = "authorization_grant or client_authentication";
                        return Err(Unusable::Malformed { name: "jwt_usage", wanted });
                    }
                }
            }
            AuthMethod::PrivateKeyJwt => {
                needs("secret_key")?;
                Grant::ClientAssertion(Assertion::of(settings)?, settings.text("client_id")?)
            }
            other => return Err(Unusable::Method(other.as_str())),
        };
        Self::with(grant, details, &names)
    }

    /// Reads the settings that all grants have.
    pub(crate) fn with(
        grant: Grant,
        details: &Details,
        names: &BTreeSet<&str>,
    ) -> Result<Self, Unusable> {
        let settings = Settings(details);
        let is_member = |name: &&str| {
            MAPS.iter().any(|map| name.strip_prefix(map).is_some_and(|rest| rest.starts_with('.')))
        };
        Ok(Self {
            token_url: token_url(settings, details.auth_method)?,
            scopes: settings.texts("scopes")?,
            params: settings.map("extra_params")?,
            headers: settings.map("custom_headers")?,
            field: response_field(settings)?,
            members: names.iter().copied().filter(is_member).map(str::to_owned).collect(),
            grant,
        })
    }

    /// Returns how an application asks for a token with its secret, `client_secret`.
    pub(crate) fn of_application(token_url: &str, id: &str, scope: &str) -> Self {
        let client = Client { id: id.to_owned(), has_secret: true, in_header: false };
        Self {
            scopes: vec![scope.to_owned()],
            ..Self::at(token_url, Grant::ClientCredentials(client))
        }
    }

    /// Returns how a token is asked for with an assertion that is signed with the `secret_key`.
    pub(crate) fn of_assertion(token_url: &str, assertion: Assertion) -> Self {
        Self::at(token_url, Grant::Bearer(assertion))
    }

    fn at(token_url: &str, grant: Grant) -> Self {
        Self {
            grant,
            token_url: Some(token_url.to_owned()),
            scopes: Vec::new(),
            params: Map::new(),
            headers: Map::new(),
            field: FIELDS[0],
            members: BTreeSet::new(),
        }
    }

    /// Returns the member of an answer that has the token.
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Returns the secret fields that it takes.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut names = self.members.clone();
        let own: &[&str] = match &self.grant {
            Grant::ClientCredentials(_) => &["client_secret"],
            Grant::Permitted(client) if client.has_secret => &["client_secret"],
            Grant::Permitted(_) => &[],
            Grant::RefreshToken(client) if client.has_secret => &["client_secret", "refresh_token"],
            Grant::RefreshToken(_) => &["refresh_token"],
            Grant::Bearer(_) | Grant::ClientAssertion(..) => &["secret_key"],
        };
        names.extend(own.iter().map(|name| (*name).to_owned()));
        names
    }

    /// Returns what is to be done for a token.
    ///
    /// # Errors
    /// A secret is missing, or does not fit.
    pub fn step(&self, secrets: Secrets<'_>, moment: Moment<'_>) -> Result<Step, Unusable> {
        let needed = |name: &'static str| secrets(name).ok_or(Unusable::LacksSecret(name));
        let mut form: Vec<(&'static str, Zeroizing<String>)> = Vec::new();
        let mut push = |name, value: &str| form.push((name, Zeroizing::new(value.to_owned())));
        let mut client: Option<(&Client, Option<Zeroizing<String>>)> = None;
        match &self.grant {
            Grant::ClientCredentials(one) => {
                push("grant_type", "client_credentials");
                client = Some((one, Some(needed("client_secret")?)));
            }
            Grant::RefreshToken(one) => {
                push("grant_type", "refresh_token");
                push("refresh_token", &needed("refresh_token")?);
                client = Some((one, secrets("client_secret").filter(|_| one.has_secret)));
            }
            // What is presented for it comes from elsewhere.
            Grant::Permitted(_) => return Err(Unusable::LacksSecret("refresh_token")),
            Grant::Bearer(assertion) => {
                push("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                push("assertion", &self.signed(assertion, secrets, moment)?.0);
            }
            Grant::ClientAssertion(assertion, id) => {
                let (token, expires_at) = self.signed(assertion, secrets, moment)?;
                if self.token_url.is_none() {
                    return Ok(Step::Signed(Obtained { token, expires_at, says_expiry: true }));
                }
                push("grant_type", "client_credentials");
                push(
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                );
                push("client_assertion", &token);
                if let Some(id) = id {
                    push("client_id", id);
                }
            }
        }
        request::of(self, To::Token, form, client, secrets).map(Step::Send)
    }

    fn signed(
        &self,
        assertion: &Assertion,
        secrets: Secrets<'_>,
        moment: Moment<'_>,
    ) -> Result<(Zeroizing<String>, i64), Unusable> {
        let key = secrets("secret_key").ok_or(Unusable::LacksSecret("secret_key"))?;
        let members = |map| self.members_of(map);
        assertion.sign(&key, [members("extra_headers"), members("extra_params")], secrets, moment)
    }

    /// Returns as whom tokens are asked for, if that is said by an id.
    pub(crate) const fn client(&self) -> Option<&Client> {
        match &self.grant {
            Grant::ClientCredentials(client)
            | Grant::RefreshToken(client)
            | Grant::Permitted(client) => Some(client),
            Grant::Bearer(_) | Grant::ClientAssertion(..) => None,
        }
    }

    /// Returns the id of the client; empty if there is none.
    pub(crate) fn client_id(&self) -> String {
        self.client().map(|client| client.id.clone()).unwrap_or_default()
    }

    /// Returns whether a request for a token names its scopes. What was permitted has its own.
    pub(crate) const fn names_scopes(&self) -> bool {
        !matches!(self.grant, Grant::Permitted(_))
    }

    /// Returns the members of a map that are secrets.
    pub(crate) fn members_of(&self, map: &str) -> Vec<String> {
        let member = |field: &String| field.strip_prefix(map)?.strip_prefix('.').map(str::to_owned);
        self.members.iter().filter_map(member).collect()
    }

    /// Returns whether extra parameters are claims of an assertion, and so none of the request.
    pub(crate) const fn has_assertion(&self) -> bool {
        matches!(self.grant, Grant::Bearer(_) | Grant::ClientAssertion(..))
    }
}

fn token_url(settings: Settings<'_>, method: AuthMethod) -> Result<Option<String>, Unusable> {
    let url = settings.text("token_url")?;
    match &url {
        None if method == AuthMethod::PrivateKeyJwt => Ok(None),
        None => Err(Unusable::Lacks("token_url")),
        Some(text) if is_url(text) => Ok(url),
        Some(_) => Err(Unusable::Malformed { name: "token_url", wanted: "an https: URL" }),
    }
}

/// Returns whether a text can be the address of a service.
pub(crate) fn is_url(text: &str) -> bool {
    (text.starts_with("https://") || text.starts_with("http://"))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn response_field(settings: Settings<'_>) -> Result<&'static str, Unusable> {
    let Some(text) = settings.text("token_response_field")? else { return Ok(FIELDS[0]) };
    let known = FIELDS.into_iter().find(|field| *field == text);
    let wanted = "access_token or id_token";
    known.ok_or(Unusable::Malformed { name: "token_response_field", wanted })
}

impl Assertion {
    /// Reads the settings of an assertion.
    fn of(settings: Settings<'_>) -> Result<Self, Unusable> {
        let algorithm = match settings.text("algorithm")? {
            None => Algorithm::Hs256,
            Some(word) => Algorithm::parse(&word).ok_or(Unusable::Malformed {
                name: "algorithm",
                wanted: "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256 or ES384",
            })?,
        };
        let seconds = settings.number("expiration_seconds")?.unwrap_or(3_600);
        if !(60..=86_400).contains(&seconds) {
            let wanted = "between 60 and 86400";
            return Err(Unusable::Malformed { name: "expiration_seconds", wanted });
        }
        Ok(Self {
            algorithm,
            key_id: settings.text("key_id")?,
            issuer: settings.needed("issuer")?,
            audience: settings.needed("audience")?,
            subject: Some(settings.needed("subject")?),
            seconds: i64::try_from(seconds).unwrap_or(3_600),
            headers: settings.map("extra_headers")?,
            claims: settings.map("extra_params")?,
        })
    }
}
